"""Called for each new picture: makes the thumbnail, writes the row, tells the queue."""
import io
import os
from urllib.parse import unquote_plus

import boto3
from PIL import Image

from sst import Resource

s3 = boto3.client("s3")
sqs = boto3.client("sqs")
photos = boto3.resource("dynamodb").Table(Resource.Photos.name)
SIZE = int(os.environ["SIZE"])


def handler(event, context):
    for record in event["Records"]:
        key = unquote_plus(record["s3"]["object"]["key"])
        name = key.removeprefix("originals/")
        picture = Image.open(io.BytesIO(s3.get_object(Bucket=Resource.Pictures.name, Key=key)["Body"].read()))
        row = {"id": name, "thumbnail": f"thumbnails/{name}.png", "width": picture.width, "height": picture.height}
        picture.thumbnail((SIZE, SIZE))
        out = io.BytesIO()
        picture.save(out, "PNG")
        s3.put_object(Bucket=Resource.Pictures.name, Key=row["thumbnail"], Body=out.getvalue(), ContentType="image/png")
        photos.put_item(Item=row)
        sqs.send_message(QueueUrl=Resource.Done.url, MessageBody=name)
        print(f"{name}: {row['width']}x{row['height']} -> {picture.width}x{picture.height}")
