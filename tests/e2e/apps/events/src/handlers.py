import json
import os

import boto3

from sst import Resource


def put(id):
    boto3.resource("dynamodb").Table(Resource.Rows.name).put_item(Item={"id": id})


def queue(event, context):
    failed = []
    for record in event["Records"]:
        body = json.loads(record["body"])
        if body.get("fail"):
            failed.append({"itemIdentifier": record["messageId"]})
        else:
            put(f"queue-{body['n']}-{os.environ['SIZE']}")
    return {"batchItemFailures": failed}


def stream(event, context):
    for record in event["Records"]:
        put("followed-" + record["dynamodb"]["Keys"]["id"]["S"])


def fifo(event, context):
    boto3.client("sqs").send_message(QueueUrl=Resource.InOrder.url, MessageBody="a", MessageGroupId="g",
                                     MessageDeduplicationId="d")
    got = boto3.client("sqs").receive_message(QueueUrl=Resource.Same.url)["Messages"]
    return {"url": Resource.InOrder.url, "got": [m["Body"] for m in got]}


def write(event, context):
    name = os.environ.get("BUCKET") or Resource.MyBucket.name
    s3 = boto3.client("s3")
    told = {}
    for what, call in (("list", lambda: s3.list_objects_v2(Bucket=name)),
                       ("put", lambda: s3.put_object(Bucket=name, Key="k", Body=b"x"))):
        try:
            call()
            told[what] = "yes"
        except s3.exceptions.ClientError as e:
            told[what] = e.response["Error"]["Code"]
    return told


def send(event, context):
    sqs = boto3.client("sqs")
    for body in ({"kind": "wanted", "n": 1}, {"kind": "other", "n": 2}, {"kind": "wanted", "n": 3, "fail": True}):
        sqs.send_message(QueueUrl=Resource.Jobs.url, MessageBody=json.dumps(body))
    put("first-row")
    put("second-row")


def secret(event, context):
    return {"token": Resource.Token.value, "big": len(Resource.Big3.text), "file": os.environ["SST_KEY_FILE"],
            "in_variables": [k for k in os.environ if k.startswith("SST_RESOURCE_") and k != "SST_RESOURCE_App"]}
