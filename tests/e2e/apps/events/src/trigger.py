import boto3

from sst import Resource


def handler(event, context):
    for record in event["Records"]:
        boto3.resource("dynamodb").Table(Resource.Rows.name).put_item(
            Item={"id": "s3-" + record["s3"]["object"]["key"]}
        )
