"""The HTTP API: take a picture, show what became of it."""
import base64
import json

import boto3

from sst import Resource

s3 = boto3.client("s3")
photos = boto3.resource("dynamodb").Table(Resource.Photos.name)


def upload(event, context):
    if event["headers"].get("authorization") != f"Bearer {Resource.UploadToken.value}":
        return {"statusCode": 401, "body": "a wrong token\n"}
    name = event["pathParameters"]["name"]
    body = event.get("body") or ""
    picture = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    s3.put_object(Bucket=Resource.Pictures.name, Key=f"originals/{name}", Body=picture)
    return {"statusCode": 202, "headers": {"content-type": "application/json"},
            "body": json.dumps({"name": name, "bytes": len(picture)})}


def show(event, context):
    row = photos.get_item(Key={"id": event["pathParameters"]["name"]}).get("Item")
    if row is None:
        return {"statusCode": 404, "body": "no such photo, or its thumbnail is not ready yet\n"}
    url = s3.generate_presigned_url("get_object", Params={"Bucket": Resource.Pictures.name, "Key": row["thumbnail"]},
                                    ExpiresIn=3600)
    return {"statusCode": 200, "headers": {"content-type": "application/json"},
            "body": json.dumps({**row, "url": url}, default=int)}
