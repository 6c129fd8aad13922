"""An app with real AWS rows on stage ``local``, from the first deploy to the last trace of it."""
from __future__ import annotations

import json
import urllib.request

import pytest

from .conftest import Project

pytestmark = [pytest.mark.emulator, pytest.mark.slow]

CONFIG = """
import sst
from sst import aws
from sst.providers.aws import sqs

def config(input: sst.AppInput) -> sst.Config:
    return sst.Config(name="demo", home="local" if input.stage == "local" else "aws")

def stacks(app: sst.App) -> None:
    jobs = app.stack(data)
    app.stack(api, jobs)

def data(stack):
    return sqs.Queue("Jobs", visibility_timeout=60)

def api(stack, jobs):
    word = sst.Secret("Word", "placeholder")
    where = sst.Linkable("Where", properties={"url": jobs.url})
    fn = aws.Function("Api", handler="src/api.handler", url=True, link=[word, where])
    return {"url": fn.url, "queue": f"<{jobs.arn}>", "word": word.value}
"""

HANDLER = """
import json
from sst import Resource

def handler(event, context):
    print("the word is", Resource.Word.value)
    if event.get("bad"):
        raise ValueError("no good")
    facts = {"word": Resource.Word.value, "stage": Resource.App.stage, "queue": Resource.Where.url}
    return {"statusCode": 200, "body": json.dumps(facts)}
"""


@pytest.mark.long
def test_an_app_on_this_machine(cloud_stage: Project) -> None:
    p = cloud_stage
    p.write("sst_config.py", CONFIG)
    p.write("src/api.py", HANDLER)
    assert "not running" in p.run("local", "status").out
    said = p.run("deploy", AWS_PROFILE="no-such-profile")
    assert "created" in said.out and "word:  (secret)" in said.out
    assert "<arn:aws:sqs:us-east-1:000000000000:demo-local-Jobs-" in said.out
    url = p.run("outputs", "url").out.strip()
    with urllib.request.urlopen(url, timeout=30) as reply:
        answer = json.load(reply)
    assert answer["word"] == "placeholder" and answer["stage"] == "local" and answer["queue"].startswith("http")
    assert "no changes" in p.run("deploy").out
    assert p.run("local", "status", "--json").json["running"]

    p.run("secret", "set", "Word", "xyzzy-plugh")
    p.write("sst_config.py", CONFIG.replace("60", "90"))
    assert "visibility_timeout: 60 → 90" in p.run("diff").out
    assert "updated" in p.run("deploy").out
    invoked = p.run("invoke", "Api")
    assert json.loads(json.loads(invoked.out)["body"])["word"] == "xyzzy-plugh" and "xyzzy-plugh" not in invoked.err
    assert "no good" in p.run("invoke", "Api", "--event", '{"bad": 1}', code=2).out
    logged = p.run("logs", "Api").out
    assert "the word is ***" in logged and "xyzzy-plugh" not in logged
    linked = p.run("shell", "--", "printenv", "SST_RESOURCE_Word", "AWS_ENDPOINT_URL").out.splitlines()
    assert "xyzzy-plugh" in linked[0] and linked[1].startswith("http://127.0.0.1:")
    assert 'no function named "Apj" is deployed\n  hint: did you mean "Api"?' in p.fails("invoke", "Apj")

    assert "stopped" in p.run("local", "stop").out
    assert "no changes" in p.run("deploy").out, "its data is there again"
    assert "confirmation needed" in p.fails("remove")
    assert "deleted" in p.run("remove", "--yes").out
    assert p.run("state", "list", "--json").json == []


@pytest.mark.long
def test_the_same_app_on_a_stage_in_aws(cloud_stage: Project) -> None:
    """State in a bucket, keys in SSM, any endpoint that speaks AWS: here that of the cloud on this machine."""
    p = cloud_stage
    p.write("sst_config.py", CONFIG)
    p.write("src/api.py", HANDLER)
    p.run("deploy")
    way = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
    values = p.run("shell", "--", "printenv", *way).out.splitlines()
    p.environment |= {**dict(zip(way, values, strict=True)), "SST_STAGE": "prod"}

    p.run("secret", "set", "Word", "xyzzy-plugh")
    said = p.run("deploy")
    assert "✓ demo/prod: " in said.out and ".lambda-url.us-east-1.on.aws/" in said.out
    assert not (p.root / ".sst/local/prod").exists() and not (p.root.parent / "home/.local/state/sst").exists()
    assert "no changes" in p.run("deploy").out
    assert json.loads(json.loads(p.run("invoke", "Api").out)["body"])["stage"] == "prod"
    assert "xyzzy-plugh" in p.run("shell", "--", "printenv", "SST_RESOURCE_Word").out
    assert len(p.run("state", "history", "--json").json) == 1
    assert "deleted" in p.run("remove", "--yes").out and p.run("state", "list", "--stage", "local", "--json").json


REGIONS = """
import sst
from sst import aws
from sst.providers.aws import sqs, ssm

def config(input: sst.AppInput) -> sst.Config:
    return sst.Config(name="demo")

def run():
    where = ssm.Parameter("Where", name="/demo/where", type="String", value="eu-west-1")
    us = aws.Provider("Us", region="us-west-2")
    far = sqs.Queue("Far", provider=aws.Provider("Eu", region=where.value))
    api = aws.Function("Api", handler="src/api.handler", link=[aws.Queue("Jobs", provider=us)], provider=us)
    return {"far": far.arn, "api": api.arn}
"""

WHERE = """
import os
import boto3
from sst import Resource

def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=Resource.Jobs.url, MessageBody="hello")
    return os.environ["AWS_REGION"]
"""


@pytest.mark.long
def test_several_regions_in_one_program(cloud_stage: Project) -> None:
    p = cloud_stage
    p.write("sst_config.py", REGIONS)
    p.write("src/api.py", WHERE)
    said = p.run("deploy").out
    assert "arn:aws:sqs:eu-west-1:000000000000:demo-local-Far-" in said
    assert "arn:aws:lambda:us-west-2:000000000000:function:demo-local-ApiFunction-" in said
    assert json.loads(p.run("invoke", "Api").out) == "us-west-2" and "REPORT" in p.run("logs", "Api").out
    assert "no changes" in p.run("deploy").out and "no drift" in p.run("refresh").out

    p.write("sst_config.py", REGIONS.replace("us-west-2", "us-west-1"))
    assert "the region of provider \"Us\" can't change from 'us-west-2' to 'us-west-1'" in p.fails("deploy")

    p.write("sst_config.py", REGIONS.partition("    where =")[0] + "    pass\n")
    assert "deleted" in p.run("remove", "--yes").out, "the state knows the regions"
    assert "no orphans" in p.run("orphans").out
