"""The steps, in their order. A step returns what it saw, or raises ``Failed`` or ``NotRun``."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sst.errors import ProviderError

from . import foreign
from .session import Failed, Session

__all__ = ["ALSO", "STEPS", "NotRun", "Step"]

RESERVES = 110
"""Functions at once, of which AWS keeps 100 for those that reserve none.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html"""
LOCKED = 3
"""The exit code of a command that another one keeps from the state."""


class NotRun(Exception):
    """This step needs what is not there."""


@dataclass(frozen=True)
class Step:
    number: int
    title: str
    run: Callable[[Session], str]


STEPS: list[Step] = []


def step(title: str) -> Callable[[Callable[[Session], str]], Callable[[Session], str]]:
    def keep(run: Callable[[Session], str]) -> Callable[[Session], str]:
        STEPS.append(Step(len(STEPS) + 1, title, run))
        return run

    return keep


def expect(fact: object, text: str) -> None:
    if not fact:
        raise Failed(text)


ALSO = ("dynamodb:GetItem", "dynamodb:PutItem", "lambda:GetAccountSettings", "sqs:ReceiveMessage")
"""Actions beside those of a deploy, by which the steps look."""


def _refused(s: Session, service: str, operation: str, params: dict[str, Any]) -> str:
    """The code of the error that a call ends with; empty if it succeeds."""
    try:
        s.aws.call(service, operation, params)
    except ProviderError as e:
        return e.code
    return ""


@step("account, region and quotas")
def identity(s: Session) -> str:
    there = s.aws.account()
    expect(there == s.account, f"these credentials are for the account {there}, not for {s.account}")
    regions = s.aws.call("ec2", "describe_regions", {"RegionNames": [s.aws.region]})["Regions"]
    expect(regions, f"the account has not enabled the region {s.aws.region}")
    try:
        limit = s.aws.call("lambda", "get_account_settings")["AccountLimit"]["ConcurrentExecutions"]
    except ProviderError as e:
        quota = f"the quota of Lambda is not known ({e.code}): no concurrency is reserved"
    else:
        s.reserves = limit >= RESERVES
        quota = f"{limit} functions at once" + ("" if s.reserves else ": too few to reserve concurrency")
    seen = "" if _refused(s, "ssm", "get_parameter", {"Name": "/sst-py/bootstrap"}) else "; it was used with sst before"
    return f"account {there}, region {s.aws.region}, {quota}{seen}"


@step("first deploy: state bucket")
def bootstrap(s: Session) -> str:
    s.write()
    s.deploy("none")
    record = json.loads(s.aws.call("ssm", "get_parameter", {"Name": "/sst-py/bootstrap"})["Parameter"]["Value"])
    bucket = record["bucket"]
    on = {"Bucket": bucket}
    expect(s.aws.call("s3", "get_bucket_versioning", on).get("Status") == "Enabled", "the state bucket has no versions")
    rules = s.aws.call("s3", "get_bucket_encryption", on)["ServerSideEncryptionConfiguration"]["Rules"]
    expect(rules, "the state bucket is not encrypted")
    expect(s.aws.call("s3", "get_bucket_lifecycle_configuration", on)["Rules"], "its old versions are kept for ever")
    block = s.aws.call("s3", "get_public_access_block", on)["PublicAccessBlockConfiguration"]
    expect(all(block.values()), "the state bucket does not block public access")
    expect("aws:SecureTransport" in s.aws.call("s3", "get_bucket_policy", on)["Policy"], "it can be used without TLS")
    key = f"{s.app}/smoke/race"

    def put(n: int) -> str:
        return _refused(s, "s3", "put_object", {**on, "Key": key, "Body": b"%d" % n, "IfNoneMatch": "*"})

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(put, range(2)))
    s.aws.call("s3", "delete_object", {**on, "Key": key})
    expect(sorted(map(bool, results)) == [False, True], f"of two writers of one key both or none won: {results}")
    codes = s.both("deploy", "--yes")
    expect(0 in codes and set(codes) <= {0, LOCKED}, f"two deploys at once ended with {codes}")
    return f"{bucket}: versions, encryption, TLS only, no public access; of two racing writers one won"


@step("an app with a URL, queue, table, bucket, secret and schedule answers at once")
def app(s: Session) -> str:
    out = s.deploy("base")
    status, body = s.get(out["url"])
    expect(status == 200, f"right after the deploy the URL answered {status}: {body[:300]}")
    answer = json.loads(body)
    expect(answer["text"] == "first" and answer["word"] == "hidden", body)
    wanted = {"sqs", "s3", "dynamodb"} | (set() if s.strict else {"cron"})
    s.until(f"events of {', '.join(sorted(wanted))}", lambda: wanted <= set(json.loads(s.get(out["url"])[1])["seen"]))
    policy = json.loads(s.aws.call("lambda", "get_policy", {"FunctionName": out["web"]})["Policy"])
    actions = {statement["Action"] for statement in policy["Statement"]}
    expect(actions == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}, f"its policy allows {sorted(actions)}")
    return f"200 at the first call; events of {', '.join(sorted(wanted))} arrived"


@step("nothing changes without a change, and nothing has drifted")
def no_op(s: Session) -> str:
    expect("no changes" in s.sst("deploy", "--yes"), "a second deploy has changes")
    s.sst("diff", "--refresh", "--exit-code")
    return "no changes, no drift"


@step("new code answers as soon as its deploy ends")
def new_code(s: Session) -> str:
    s.write("second")
    out = s.deploy()
    text = json.loads(s.get(out["url"])[1])["text"]
    expect(text == "second", f"after the deploy the URL answers with the {text} text")
    s.write("third")
    answer = json.loads(s.get(s.deploy("base", "more")["url"])[1])
    expect((answer["text"], answer["more"]) == ("third", "yes"), f"code and settings changed together: {answer}")
    return "the new text at the first call, twice; code, memory and variables in one deploy"


@step("JSON logs, CORS, 12 routes on one function, a public bucket, a lifecycle date")
def extras(s: Session) -> str:
    s.deploy("base", "extras")
    expect("no changes" in s.sst("deploy", "--yes"), "a second deploy has changes")
    s.sst("diff", "--refresh", "--exit-code")
    return "deployed, no changes, no drift" + ("" if s.reserves else "; without reserved concurrency")


@step("three buckets tell one queue; what a foreign bucket tells others stays")
def shared(s: Session) -> str:
    foreign.make_bucket(s)
    out = s.deploy("base", "shared")
    ids = foreign.notifications(s)
    expect(len(ids) == 2 and "theirs" in ids, f"the foreign bucket's notifications are {sorted(ids)}")
    buckets = {out["first"], out["second"], f"{s.app}-foreign"}
    for bucket in buckets:
        foreign.put(s, bucket)
    told: set[str] = set()

    def all_told() -> bool:
        got = s.aws.call("sqs", "receive_message", {"QueueUrl": out["told"], "MaxNumberOfMessages": 10,
                                                    "WaitTimeSeconds": 1})
        records = [r for m in got.get("Messages", ()) for r in json.loads(m["Body"]).get("Records", ())]
        told.update(r["s3"]["bucket"]["name"] for r in records)
        return told == buckets

    s.until("an event of each bucket", all_told)
    s.deploy("base")
    expect(foreign.notifications(s) == {"theirs"}, f"afterwards they are {sorted(foreign.notifications(s))}")
    return "an event of each bucket arrived; the foreign notification was there before, with it and after it"


@step("a table gets and loses two indexes, and another stream view; one with data is not deleted unasked")
def indexes(s: Session) -> str:
    s.deploy("base", "indexes", "keys")
    s.deploy("base")
    ledger = s.deploy("base", "ledger")["ledger"]
    s.aws.call("dynamodb", "put_item", {"TableName": ledger, "Item": {"id": {"S": "kept"}}})
    s.parts = ("base",)
    refused = s.sst("deploy", "--yes", code=1)
    expect("Ledger" in refused and "--allow-destroy" in refused, refused)
    found = s.aws.call("dynamodb", "get_item", {"TableName": ledger, "Key": {"id": {"S": "kept"}}})
    expect("Item" in found, "its row is gone")
    s.parts = ("base", "ledger")
    s.deploy("base")
    return "two indexes made and deleted, stream changed twice; a table with a row went by consent alone"


@step("functions that share a large bundle keep their own secrets")
def large(s: Session) -> str:
    """AWS takes 50 MB in the call that makes a function; what is larger goes through a bucket."""
    seen = []
    for size in (2,) if s.strict else (48, 55):
        with (s.root / "large.bin").open("wb") as file:
            for _ in range(size):
                file.write(os.urandom(1_000_000))
        began = time.monotonic()
        out = s.deploy("base", "large")
        seen.append(f"{size} MB deployed in {time.monotonic() - began:.0f} s")
        for name in ("One", "Two"):
            answer = json.loads(s.aws.call("lambda", "invoke", {"FunctionName": out[f"large{name}"]})["Payload"])
            expect(answer == name, f"Large{name} answered {answer}")
    (s.root / "large.bin").unlink()
    return f"{', '.join(seen)}; each function has its own secret"


@step("a deploy that was killed is continued by the next")
def killed(s: Session) -> str:
    s.write("fourth")
    s.parts = ("base", "extras")
    s.killed()
    out = s.deploy()
    expect(json.loads(s.get(out["url"])[1])["text"] == "fourth", "the new code is not there")
    expect("no orphans" in s.sst("orphans").lower() or not s.strict, "there are orphans")
    return "continued, no orphans"


@step("a session's credentials are used; some that are not valid are named as such")
def credentials(s: Session) -> str:
    own = s.aws.settings.credentials()
    if own.token:
        keys, seen = (own.access_key, own.secret_key, own.token), "the whole run used a session"
    else:
        answer = s.aws.call("sts", "get_session_token", {"DurationSeconds": 900})["Credentials"]
        keys = answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"]
        seen = "a session token of this user is taken"
    session = dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), keys, strict=True))
    s.sst("diff", more=session)
    said = s.sst("diff", code=2, more={**session, "AWS_SESSION_TOKEN": "expired"}).strip()
    expect("hint: AWS does not know these credentials" in said, f"of credentials that are not valid sst says {said}")
    return f"{seen}; of others sst says: {said.splitlines()[0]}"


@step("a queue and a bucket with fixed names, removed and made again at once")
def fixed(s: Session) -> str:
    s.deploy("base", "fixed")
    s.deploy("base")
    s.deploy("base", "fixed")
    return "made again"


@step("an API with a domain; a record that is there already is not overwritten")
def domain(s: Session) -> str:
    if not s.zone:
        raise NotRun("SMOKE_ZONE names no hosted zone")
    zones = s.aws.call("route53", "list_hosted_zones_by_name", {"DNSName": s.zone, "MaxItems": "1"})["HostedZones"]
    expect(zones and zones[0]["Name"].rstrip(".") == s.zone, f"there is no hosted zone {s.zone} in the account")
    zone = zones[0]["Id"].rpartition("/")[2]
    foreign.record(s, zone, "CREATE")
    try:
        s.parts = (*s.parts, "domain")
        said = s.sst("deploy", "--yes", code=2)
        expect(s.domain in said and "already exists" in said, said)
    finally:
        foreign.record(s, zone, "DELETE")
    out = s.deploy()
    s.until(f"{out['site']} answers", lambda: _answers(s, out["site"]), times=5)
    began = time.monotonic()
    s.deploy("base")
    return f"refused while a record was in the way, then {out['site']} answered; removed in " \
           f"{time.monotonic() - began:.0f} s"


def _answers(s: Session, url: str) -> bool:
    try:
        return s.get(url)[0] == 200
    except OSError:
        return False        # the name is not known everywhere yet


@step("sst dev: a call of a function comes to this machine")
def dev(s: Session) -> str:
    with s.dev() as process:
        url = s.outputs()["url"]
        answer = json.loads(s.get(url)[1])
        expect(answer["parent"] == process.pid, "the function was run by AWS")
        s.write("here")
        s.until("the edited text", lambda: json.loads(s.get(url)[1])["text"] == "here")
    s.write("fourth")
    answer = json.loads(s.get(s.deploy()["url"])[1])
    expect(answer["text"] == "fourth" and answer["parent"] != process.pid, f"after the next deploy: {answer}")
    return "answered here, also after an edit; after the next deploy by AWS"


@step("everything is removed")
def remove(s: Session) -> str:
    s.sst("remove", "--yes", "--json")
    foreign.remove(s)
    s.until("the stage's tag on nothing any more", lambda: not s.left())
    return "nothing carries the stage's tag; no role and no log group is left"
