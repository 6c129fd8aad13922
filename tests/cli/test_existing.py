"""Existing resources of the account: looked up, never created or deleted; on stage ``local`` an empty one stands in."""
from __future__ import annotations

import json

import pytest

from .conftest import Project

pytestmark = [pytest.mark.emulator, pytest.mark.slow]

CONFIG = """
import sst
from sst import aws

def config(input: sst.AppInput) -> sst.Config:
    return sst.Config(name="demo")

def run(app: sst.App):
    files = aws.Bucket.get("Files", "acme-files")
    jobs = aws.Queue.get("Jobs", "https://sqs.us-east-1.amazonaws.com/123456789012/acme-jobs.fifo")
    photos = aws.Dynamo.get("Photos", "acme-photos")
    fn = aws.Function("Api", handler="src/api.handler", link=[files, jobs, photos])
    photos.subscribe("Audit", "src/api.handler")
    return {"files": files.arn, "jobs": jobs.arn, "url": jobs.url, "photos": photos.arn}
"""

HANDLER = """
import boto3
from sst import Resource

def handler(event, context):
    if "Records" in event:
        return
    boto3.client("s3").put_object(Bucket=Resource.Files.name, Key="a", Body=b"x")
    boto3.client("sqs").send_message(QueueUrl=Resource.Jobs.url, MessageBody="a", MessageGroupId="1",
                                     MessageDeduplicationId="1")
    boto3.client("dynamodb").put_item(TableName=Resource.Photos.name, Item={"id": {"S": "1"}})
    return Resource.Files.name
"""


@pytest.mark.long
def test_empty_ones_stand_in_on_stage_local(cloud_stage: Project) -> None:
    p = cloud_stage
    p.write("sst_config.py", CONFIG)
    p.write("src/api.py", HANDLER)
    planned = p.run("diff").out
    for name in ("Files/Bucket", "Jobs/Queue", "Photos/Table"):
        assert f"< {name}" in planned
    assert "stand-in for name 'acme-files'" in planned and "stand-in for name 'acme-photos'" in planned
    deployed = p.run("deploy").out
    assert "3 read" in deployed and "arn:aws:s3:::acme-files" in deployed
    assert "arn:aws:sqs:us-east-1:000000000000:acme-jobs.fifo" in deployed
    assert json.loads(p.run("invoke", "Api").out) == "acme-files"
    assert "no changes" in p.run("diff").out and "no drift" in p.run("refresh").out
    status = p.run("local", "status")
    assert "stand-in for arn:aws:s3:::acme-files" in status.out
    assert {a.rpartition(":")[2] for a in p.run("local", "status", "--json").json["stand_ins"]} == {
        "acme-files", "acme-jobs.fifo", "table/acme-photos"}
    p.run("remove", "--yes")
    assert p.run("local", "status", "--json").json["stand_ins"] == []


@pytest.mark.long
def test_what_is_there_is_used_and_left_alone(cloud_stage: Project) -> None:
    p = cloud_stage
    p.write("sst_config.py", """
import sst
from sst.providers.aws import s3
def config(input): return sst.Config(name="owner")
def run(app):
    s3.Bucket("Files", name="acme-files")
""")
    p.run("deploy")
    p.write("sst_config.py", """
import sst
from sst import aws
from sst.providers.aws import s3
def config(input): return sst.Config(name="owner")
def run(app):
    s3.Bucket("Files", name="acme-files")
    return {"arn": aws.Bucket.get("Theirs", "acme-files").arn}
""")
    planned = p.run("diff").out
    assert "< Theirs/Bucket" in planned and "stand-in" not in planned
    assert "arn:aws:s3:::acme-files" in p.run("deploy").out
    assert p.run("local", "status", "--json").json["stand_ins"] == []


def test_what_nothing_can_stand_in_for_is_refused_in_the_plan(cloud_stage: Project) -> None:
    p = cloud_stage
    p.write("sst_config.py", """
import sst
from sst import aws
def config(input): return sst.Config(name="demo")
def run(app):
    aws.Function.get("Resize", "acme-resize")
""")
    said = p.run("deploy", code=1).err
    assert 'aws.lambda.Function "Resize/Function" is not in the cloud of this machine' in said
    assert "sst_config.py:6" in said and "if not app.local" in said
