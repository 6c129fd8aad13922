"""The steps, in their order. A step returns what it saw, or raises ``Failed`` or ``NotRun``."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sst.errors import ProviderError

from .session import Failed, Session

__all__ = ["STEPS", "NotRun", "Step"]


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


def _refused(s: Session, service: str, operation: str, params: dict[str, Any]) -> str:
    """The code of the error that a call ends with; empty if it succeeds."""
    try:
        s.aws.call(service, operation, params)
    except ProviderError as e:
        return e.code
    return ""


@step("account and quotas")
def identity(s: Session) -> str:
    there = s.aws.account()
    expect(there == s.account, f"these credentials are for the account {there}, not for {s.account}")
    seen = "" if _refused(s, "ssm", "get_parameter", {"Name": "/sst-py/bootstrap"}) else "; it was used with sst before"
    return f"account {there}, region {s.aws.region}{seen}"


@step("first deploy: state bucket")
def bootstrap(s: Session) -> str:
    s.write()
    s.deploy("none")
    record = json.loads(s.aws.call("ssm", "get_parameter", {"Name": "/sst-py/bootstrap"})["Parameter"]["Value"])
    bucket = record["bucket"]
    on = {"Bucket": bucket}
    expect(s.aws.call("s3", "get_bucket_versioning", on).get("Status") == "Enabled", "the state bucket has no versions")
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
    return f"{bucket}: versions, TLS only, no public access; of two racing writers one won"


@step("an app with a URL, queue, table, bucket, secret and schedule answers at once")
def app(s: Session) -> str:
    out = s.deploy("base")
    status, body = s.get(out["url"])
    expect(status == 200, f"right after the deploy the URL answered {status}: {body[:300]}")
    answer = json.loads(body)
    expect(answer["text"] == "first" and answer["word"] == "hidden", body)
    wanted = {"sqs", "s3"} | (set() if s.strict else {"cron"})
    s.until(f"events of {', '.join(sorted(wanted))}", lambda: wanted <= set(json.loads(s.get(out["url"])[1])["seen"]))
    policy = json.loads(s.aws.call("lambda", "get_policy", {"FunctionName": out["web"]})["Policy"])
    expect(len(policy["Statement"]) >= 2, "a statement of the function's policy is missing")
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
    return "the second text at the first call"


@step("JSON logs, CORS, 12 routes on one function, a public bucket, a lifecycle date")
def extras(s: Session) -> str:
    s.deploy("base", "extras")
    s.sst("diff", "--refresh", "--exit-code")
    return "deployed, no drift"


@step("two buckets tell one queue; a bucket's foreign notification stays")
def shared(s: Session) -> str:
    out = s.deploy("base", "shared")
    policy = s.aws.call("sqs", "get_queue_attributes", {"QueueUrl": out["told"], "AttributeNames": ["Policy"]})
    text = policy["Attributes"]["Policy"]
    expect(text.count("SourceArn") >= 2, f"the queue's policy lets one bucket in only: {text}")
    return "both buckets may send"


@step("a table gets and loses an index, and another stream view")
def indexes(s: Session) -> str:
    s.deploy("base", "indexes", "keys")
    s.deploy("base")
    return "index made and deleted, stream changed twice"


@step("functions that share a large bundle keep their own secrets")
def large(s: Session) -> str:
    size = 2_000_000 if s.strict else 55_000_000
    with (s.root / "large.bin").open("wb") as file:
        for _ in range(size // 1_000_000):
            file.write(__import__("os").urandom(1_000_000))
    out = s.deploy("base", "large")
    for name in ("One", "Two"):
        answer = json.loads(s.aws.call("lambda", "invoke", {"FunctionName": out[f"large{name}"]})["Payload"])
        expect(answer == name, f"Large{name} answered {answer}")
    (s.root / "large.bin").unlink()
    return f"{size // 1_000_000} MB, each its own secret"


@step("a deploy that was killed is continued by the next")
def killed(s: Session) -> str:
    s.write("third")
    s.parts = ("base", "extras")
    s.killed()
    out = s.deploy()
    expect(json.loads(s.get(out["url"])[1])["text"] == "third", "the new code is not there")
    expect("no orphans" in s.sst("orphans").lower() or not s.strict, "there are orphans")
    return "continued, no orphans"


@step("expired credentials are named as such")
def credentials(s: Session) -> str:
    if s.strict:
        raise NotRun("expiring sessions, assumed roles and SSO are AWS's")
    answer = s.aws.call("sts", "get_session_token", {"DurationSeconds": 900})["Credentials"]
    keys = {"AWS_ACCESS_KEY_ID": answer["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": answer["SecretAccessKey"]}
    s.sst("diff", AWS_SESSION_TOKEN=answer["SessionToken"], **keys)
    said = s.sst("diff", code=1, AWS_SESSION_TOKEN="expired", **keys)
    return said.strip().splitlines()[0]


@step("a queue and a bucket with fixed names, removed and made again at once")
def fixed(s: Session) -> str:
    s.deploy("base", "fixed")
    s.deploy("base")
    s.deploy("base", "fixed")
    return "made again"


@step("an API with a domain")
def domain(s: Session) -> str:
    raise NotRun("SMOKE_ZONE names no hosted zone" if not s.zone else "certificates and zones are AWS's")


@step("sst dev: a call of a function comes to this machine")
def dev(s: Session) -> str:
    raise NotRun("run `sst dev` by hand: it needs AppSync, a terminal and two minutes")


@step("everything is removed")
def remove(s: Session) -> str:
    s.sst("remove", "--yes", "--json")
    s.until("the stage's tag on nothing any more", lambda: not s.left())
    return "nothing carries the stage's tag"
