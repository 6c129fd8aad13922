import json


def handler(event, context):
    return {"isAuthorized": event["headers"].get("authorization") == "open sesame", "context": {"who": "me"}}


def show(event, context):
    return {"statusCode": 200, "body": json.dumps(event["requestContext"].get("authorizer", {}))}
