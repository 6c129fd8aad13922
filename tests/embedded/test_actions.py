"""Batch calls, PartiQL and calls that create need the actions that IAM has for them, on what they are about."""
from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sst.embedded.cloud import Cloud

from .functions import function, invoke
from .test_emulator import client
from .test_events import queue

pytestmark = pytest.mark.emulator

CALL = """
import boto3
def handler(event, context):
    try:
        answer = getattr(boto3.client(event["service"]), event["call"])(**event["with"])
    except Exception as error:
        return type(error).__name__ + " " + str(error)
    failed = [entry["Error"]["Code"] for entry in answer.get("Responses", []) if "Error" in entry]
    return failed[0] if failed else "ok"
"""


def call(cloud: Cloud, name: str, service: str, what: str, **options: Any) -> str:
    return str(invoke(cloud, name, {"service": service, "call": what, "with": options})[0])


@pytest.mark.long
def test_the_single_action_allows_a_batch(cloud: Cloud) -> None:
    url, arn = queue(cloud, "batch-actions")
    entry = [{"Id": "1", "MessageBody": "m"}]
    may = function(cloud, CALL, {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}, Timeout=30)
    assert call(cloud, may, "sqs", "send_message_batch", QueueUrl=url, Entries=entry) == "ok"
    assert "AccessDenied" in call(cloud, may, "sqs", "delete_message_batch", QueueUrl=url,
                                  Entries=[{"Id": "1", "ReceiptHandle": "x"}])
    wrong = function(cloud, CALL, {"Effect": "Allow", "Action": "sqs:SendMessageBatch", "Resource": arn}, Timeout=30)
    assert "AccessDenied" in call(cloud, wrong, "sqs", "send_message_batch", QueueUrl=url, Entries=entry)


@pytest.mark.long
def test_partiql_needs_the_action_of_each_statement_on_its_table(cloud: Cloud) -> None:
    tables = client(cloud, "dynamodb")
    for name in ("mine", "yours"):
        tables.create_table(TableName=name, BillingMode="PAY_PER_REQUEST",
                            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
    arn = f"arn:aws:dynamodb:us-east-1:{cloud.account}:table/mine"
    name = function(cloud, CALL, {"Effect": "Allow", "Action": "dynamodb:PartiQLSelect", "Resource": arn}, Timeout=30)
    select, foreign = 'SELECT * FROM "mine"', 'SELECT * FROM "yours"'
    insert = "INSERT INTO \"mine\" VALUE {'id': 'a'}"
    assert call(cloud, name, "dynamodb", "execute_statement", Statement=select) == "ok"
    assert "AccessDenied" in call(cloud, name, "dynamodb", "execute_statement", Statement=foreign)
    denied = call(cloud, name, "dynamodb", "execute_statement", Statement=insert)
    assert "AccessDenied" in denied and "dynamodb:PartiQLInsert" in denied
    mixed = [{"Statement": text} for text in ('SELECT * FROM "mine" WHERE "id" = \'a\'', insert)]
    assert "AccessDenied" in call(cloud, name, "dynamodb", "batch_execute_statement", Statements=mixed)


def test_what_is_created_is_the_resource_that_its_call_is_allowed_for(cloud: Cloud) -> None:
    """An identity that deploys may be bound to the names of its app."""
    admin, account = client(cloud, "iam"), cloud.account
    allowed = [{"Effect": "Allow", "Action": action, "Resource": f"arn:aws:{arn}"} for action, arn in (
        ("lambda:CreateFunction", f"lambda:*:{account}:function:shop-*"), ("iam:PassRole", f"iam::{account}:role/*"),
        ("iam:CreatePolicy", f"iam::{account}:policy/team/shop-*"))]
    admin.create_user(UserName="maker")
    admin.put_user_policy(UserName="maker", PolicyName="may",
                          PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allowed}))
    key = admin.create_access_key(UserName="maker")["AccessKey"]
    keys = {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}

    def answer(service: str, call: str, **given: Any) -> str:
        try:
            getattr(client(cloud, service, **keys), call)(**given)
        except ClientError as e:
            return str(e.response["Error"]["Code"])
        return "ok"

    def make(name: str) -> str:
        return answer("lambda", "create_function", FunctionName=name, Role=f"arn:aws:iam::{account}:role/none",
                      Runtime="python3.11", Handler="a.b", Code={"ZipFile": b""})

    def allow(path: str, name: str) -> str:
        return answer("iam", "create_policy", PolicyName=name, Path=path, PolicyDocument='{"Version": "2012-10-17", '
                      '"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}')

    denied = {make("other"), make("xshop-a"), allow("/", "shop-a"), allow("/team/", "other")}
    assert denied <= {"AccessDenied", "AccessDeniedException"}
    assert "AccessDenied" not in make("shop-a") and allow("/team/", "shop-a") == "ok"
