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


def hear(event, context):
    if event.get("source") == "aws.ses":
        put(f"mail-{event['detail-type']}-{event['detail']['mail']['commonHeaders']['subject']}")
        return
    put("heard-" + (event["Records"][0]["Sns"]["Subject"] if "Records" in event else str(event["detail"]["total"])))


def lost(event, context):
    told = json.loads(event["Records"][0]["Sns"]["Message"])
    put(f"lost-{told['eventType']}-{told['mail']['destination'][0].partition('@')[0]}")


def mail(event, context):
    ses, told = boto3.client("sesv2"), {}
    for sender, to in (("me@example.com", "bounce"), ("me@example.com", "success"), ("me@else.example", "success")):
        try:
            ses.send_email(FromEmailAddress=sender, ConfigurationSetName=Resource.Mail.configSet,
                           Destination={"ToAddresses": [f"{to}@simulator.amazonses.com"]},
                           Content={"Simple": {"Subject": {"Data": to}, "Body": {"Text": {"Data": "Hello"}}}})
            told[f"{sender} {to}"] = "sent"
        except ses.exceptions.ClientError as e:
            told[f"{sender} {to}"] = e.response["Error"]["Code"]
    return told


def publish(event, context):
    sns, events = boto3.client("sns"), boto3.client("events")
    for kind, total in (("paid", 7), ("open", 200)):
        sns.publish(TopicArn=Resource.Orders.arn, Subject=kind, Message=json.dumps({"total": total}),
                    MessageAttributes={"kind": {"DataType": "String", "StringValue": kind}})
    told = events.put_events(Entries=[
        {"EventBusName": Resource.Events.name, "Source": source, "DetailType": kind, "Detail": json.dumps({"total": n})}
        for source, kind, n in (("shop", "order.paid", 8), ("shop", "order.paid", 300), ("shop", "order.returned", 9))])
    return {"failed": told["FailedEntryCount"]}


def secret(event, context):
    return {"token": Resource.Token.value, "big": len(Resource.Big3.text), "file": os.environ["SST_KEY_FILE"],
            "in_variables": [k for k in os.environ if k.startswith("SST_RESOURCE_") and k != "SST_RESOURCE_App"]}
