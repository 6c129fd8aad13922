"""The app that is deployed: parts of it come and go by the variable SMOKE_PARTS."""

from __future__ import annotations

from pathlib import Path

__all__ = ["HOLDS_DATA", "write"]

HOLDS_DATA = {"extras": ("Open", "Kept"), "shared": ("First", "Second"), "fixed": ("FixedBucket",),
              "ledger": ("Ledger",)}
"""By part, what holds data in it."""

CONFIG = """
import os

import sst
from sst import aws
from sst.providers.aws import s3, sqs

PARTS = set(os.environ["SMOKE_PARTS"].split(","))
NAME = os.environ["SMOKE_APP"]


def config(input):
    return sst.Config(name=NAME, home="aws", removal="remove", account=os.environ["SMOKE_ACCOUNT"])


def run():
    outputs = {}
    if "base" in PARTS:
        outputs |= base()
    if "extras" in PARTS:
        extras()
    if "shared" in PARTS:
        outputs |= shared()
    if "ledger" in PARTS:
        outputs["ledger"] = aws.Dynamo("Ledger", fields={"id": "string"}, primary_index={"hash_key": "id"}).name
    if "domain" in PARTS:
        site = aws.ApiGatewayV2("Site", domain=os.environ["SMOKE_DOMAIN"])
        site.route("GET /", "src/worker.handler")
        outputs["site"] = site.url
    if "fixed" in PARTS:
        sqs.Queue("FixedQueue", name=f"{NAME}-fixed")
        s3.Bucket("FixedBucket", name=f"{NAME}-fixed")
    if "large" in PARTS:
        for name in ("One", "Two"):
            secret = sst.Secret(f"Word{name}", placeholder=name)
            large = aws.Function(f"Large{name}", handler="src/large.handler", link=[secret],
                                 copy_files=[{"from": "large.bin"}], environment={"WORD": f"Word{name}"})
            outputs[f"large{name}"] = large.name
    return outputs


def base():
    word = sst.Secret("Word", placeholder="hidden")
    indexes = {f"By{f}": {"hash_key": f} for f in ("owner", "topic")} if "indexes" in PARTS else {}
    fields = {"id": "string", "owner": "string", "topic": "string"} if indexes else {"id": "string"}
    rows = aws.Dynamo("Rows", fields=fields, primary_index={"hash_key": "id"}, global_indexes=indexes,
                      stream="keys-only" if "keys" in PARTS else "new-and-old-images", ttl="expires")
    files = aws.Bucket("Files")
    jobs = aws.Queue("Jobs", visibility_timeout="1 minute", dlq=aws.Queue("Dead"))
    worker = aws.Function("Worker", handler="src/worker.handler", link=[rows])
    jobs.subscribe(worker)
    rows.subscribe("Follow", {"handler": "src/worker.handler", "link": [rows]},
                   filters=[{"dynamodb": {"Keys": {"id": {"S": ["web"]}}}}])
    files.subscribe({"handler": "src/worker.handler", "link": [rows]}, events=["s3:ObjectCreated:*"])
    aws.Cron("Tick", schedule="rate(1 minute)", job={"handler": "src/worker.handler", "link": [rows]})
    more = {"memory": "512 MB", "environment": {"MORE": "yes"}} if "more" in PARTS else {}
    web = aws.Function("Web", handler="src/web.handler", url=True, link=[rows, files, jobs, word], **more)
    return {"url": web.url, "web": web.name, "table": rows.name}


def extras():
    reserved = {"concurrency": {"reserved": 2}} if os.environ.get("SMOKE_RESERVED") else {}
    noted = aws.Function("Noted", handler="src/worker.handler", logging={"format": "json"}, retries=1, **reserved,
                         url={"cors": {"allow_headers": ["Content-Type", "X-Thing"], "expose_headers": ["X-Seen"]}})
    api = aws.ApiGatewayV2("Api", cors={"allow_headers": ["Content-Type"]})
    for n in range(12):
        api.route(f"GET /r{n}", noted)
    aws.Bucket("Open", access="public", lifecycle=[{"expires_at": "2037-01-01"}], versioning=True)
    aws.Bucket("Kept", policy=[{"actions": ["s3:GetObject"],
                                "principals": [{"type": "aws", "identifiers": [noted.role.arn]}]}])


def shared():
    told = aws.Queue("Told")
    foreign = aws.Bucket.get("Foreign", f"{NAME}-foreign")
    buckets = [aws.Bucket("First"), aws.Bucket("Second"), foreign]
    for bucket in buckets:
        bucket.notify([{"name": "Tell", "queue": told, "events": ["s3:ObjectCreated:*"]}])
    return {"told": told.url, "first": buckets[0].name, "second": buckets[1].name}
"""
WEB = """
import json, os, time
import boto3
from sst import Resource

TEXT = "first"


def handler(event, context):
    rows = boto3.resource("dynamodb").Table(Resource.Rows.name)
    rows.put_item(Item={"id": "web", "at": str(time.time())})
    boto3.client("sqs").send_message(QueueUrl=Resource.Jobs.url, MessageBody="job")
    boto3.client("s3").put_object(Bucket=Resource.Files.name, Key="file.txt", Body=b"file")
    seen = sorted(i["id"] for i in rows.scan(ConsistentRead=True)["Items"])
    return {"statusCode": 200, "body": json.dumps({"text": TEXT, "word": Resource.Word.value, "seen": seen,
                                                   "more": os.environ.get("MORE", ""), "parent": os.getppid()})}
"""
WORKER = """
import boto3
from sst import Resource


def handler(event, context):
    records = event.get("Records") or [{}]
    source = records[0].get("eventSource", "cron").removeprefix("aws:")
    if "Rows" in dir(Resource) or hasattr(Resource, "Rows"):
        boto3.resource("dynamodb").Table(Resource.Rows.name).put_item(Item={"id": source})
    return {"statusCode": 200, "body": source}
"""
LARGE = """
import os
from sst import Resource


def handler(event, context):
    return getattr(Resource, os.environ["WORD"]).value
"""


def write(root: Path, *, text: str = "first") -> None:
    (root / "src").mkdir(parents=True, exist_ok=True)
    (root / "sst_config.py").write_text(CONFIG)
    (root / "src/web.py").write_text(WEB.replace('"first"', f'"{text}"'))
    (root / "src/worker.py").write_text(WORKER)
    (root / "src/large.py").write_text(LARGE)
