"""Called with messages of the queue: marks the photo as announced. Names the messages that failed, so that only they
come again."""
import boto3

from sst import Resource

photos = boto3.resource("dynamodb").Table(Resource.Photos.name)


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            photos.update_item(Key={"id": record["body"]}, UpdateExpression="SET announced = :yes",
                               ExpressionAttributeValues={":yes": True})
        except Exception as e:
            print(f"{record['body']}: {e}")
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
