"""What is measured. Each runs in a process of its own: ``python -m bench.contender NAME ARG...`` prints a line of JSON.

The floors make the very calls that the engine makes, with the same names and tags, on 32 threads; they plan nothing,
keep no state and retry nothing.
"""
from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from sst.core.graph import Graph

Calls: TypeAlias = list[tuple[str, str, dict[str, Any]]]
THREADS = 32
REGION, KEYS = "us-east-1", ("AKIAIOSFODNN7EXAMPLE", "secret")
TRUST = {"Version": "2012-10-17",
         "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
                        "Action": "sts:AssumeRole"}]}


def tags(urn: str, app: str) -> dict[str, str]:
    return {"sst:app": app, "sst:stage": "bench", "sst:urn": urn, "sst:lineage": "0123456789abcdef0123456789abcdef"}


def pairs(urn: str, app: str) -> list[dict[str, str]]:
    return [{"Key": k, "Value": v} for k, v in tags(urn, app).items()]


def wide_calls(n: int, app: str) -> Calls:
    calls: Calls = []
    for i in range(n):
        calls += [("sqs", "create_queue", {"QueueName": f"{app}-bench-Queue{i}",
                                           "Attributes": {"VisibilityTimeout": "60"},
                                           "tags": tags(f"aws.sqs.Queue::Queue{i}", app)}),
                  ("iam", "create_role", {"RoleName": f"{app}-bench-Role{i}",
                                          "AssumeRolePolicyDocument": json.dumps(TRUST),
                                          "Tags": pairs(f"aws.iam.Role::Role{i}", app)}),
                  ("logs", "create_log_group", {"logGroupName": f"{app}-bench-Log{i}",
                                                "tags": tags(f"aws.logs.LogGroup::Log{i}", app)})]
    return calls


def chain_calls(n: int, app: str) -> Calls:
    return [("ssm", "put_parameter", {"Name": f"{app}-bench-P{i}", "Type": "String",
                                      "Value": f"arn:aws:ssm:{REGION}:0:parameter/{i - 1}",
                                      "Tags": pairs(f"aws.ssm.Parameter::P{i}", app)}) for i in range(n)]


CALLS: dict[str, Callable[[int, str], Calls]] = {"wide": wide_calls, "chain": chain_calls}


def declare_wide(n: int) -> None:
    from sst.clouds.aws.iam import Role
    from sst.clouds.aws.logs import LogGroup
    from sst.clouds.aws.sqs import Queue

    for i in range(n):
        Queue(f"Queue{i}", visibility_timeout=60)
        Role(f"Role{i}", assume_role_policy=TRUST)
        LogGroup(f"Log{i}")


def declare_chain(n: int) -> None:
    from sst.clouds.aws.ssm import Parameter

    value: Any = "start"
    for i in range(n):
        value = Parameter(f"P{i}", value=value).arn


DECLARE: dict[str, Callable[[int], None]] = {"wide": declare_wide, "chain": declare_chain}


def graph_of(shape: str, n: int, app: str) -> Graph:
    from sst.core.graph import Graph

    graph = Graph(app, "bench", region=REGION, removal="remove")
    with graph.active():
        DECLARE[shape](n)
        graph.seal()
    return graph


def engine(shape: str, n: str, endpoint: str, app: str, access: str, secret: str) -> dict[str, Any]:
    """The whole way of a deploy: declare, lock, plan, apply with a durable journal, save. And then the removal, not
    timed."""
    from sst.clouds.aws.client import Aws
    from sst.clouds.aws.provider import AwsProvider
    from sst.engine.deploy import deploy
    from sst.state.holder import here
    from sst.state.home import StateHome

    began = time.perf_counter()
    aws = Aws(region=REGION, endpoint=endpoint, credentials=(access, secret), environment={})
    with tempfile.TemporaryDirectory() as folder, aws:
        home = StateHome.local(Path(folder), app)
        with home.stage("bench", here("bench")).locked("deploy") as session:
            provider = AwsProvider(aws, app=app, stage="bench", lineage=session.lineage)
            result = deploy(graph_of(shape, int(n), app), session, lambda type: provider, lambda event: None,
                            confirm=lambda plan: None)
            session.save()
            seconds, calls = time.perf_counter() - began, sum(aws.counts.values())
            resources = len(session.snapshot.resources)
            if result.failures:
                raise result.failures[0].error
        home.close()
    return {"seconds": seconds, "calls": calls, "resources": resources}


def boto3(shape: str, n: str, endpoint: str, app: str, access: str, secret: str) -> dict[str, Any]:
    """A plain script: one client a service, 32 threads; one thread where each call needs the answer before it."""
    import boto3
    from botocore.config import Config

    began = time.perf_counter()
    session = boto3.session.Session(access, secret, region_name=REGION)
    config = Config(max_pool_connections=THREADS)
    calls = CALLS[shape](int(n), app)
    clients = {name: session.client(name, endpoint_url=endpoint, config=config) for name in {c[0] for c in calls}}
    with ThreadPoolExecutor(1 if shape == "chain" else THREADS) as pool:
        done = list(pool.map(lambda c: getattr(clients[c[0]], c[1])(**c[2]), calls))
    return {"seconds": time.perf_counter() - began, "calls": len(done)}


def raw(shape: str, n: str, endpoint: str, app: str, access: str, secret: str) -> dict[str, Any]:
    """The limit: requests made beforehand, then signed and sent by our transport on 32 threads; answers are not
    read."""
    from sst.clouds.aws.models import loader
    from sst.clouds.aws.service import Service
    from sst.clouds.aws.sign import Credentials, signed
    from sst.net.http import Pool

    made: dict[str, Service] = {}
    prepared = [
        made.setdefault(s, made.get(s) or Service(s, loader())).prepare(
            op, p, region=REGION, endpoint=endpoint, flags={})
        for s, op, p in CALLS[shape](int(n), app)]
    pool, credentials = Pool(), Credentials(access, secret)

    def send(p: Any) -> int:
        headers = signed(p.method, p.place.host, p.target, {**p.headers, "Host": p.place.host}, p.payload_hash,
                         credentials=credentials,
                         region=REGION, service=p.place.signing_name,
                         stamp=time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
        return pool.send(p.method, p.place.origin, p.target, headers, p.body).status

    began = time.perf_counter()
    with ThreadPoolExecutor(1 if shape == "chain" else THREADS) as threads:
        statuses = list(threads.map(send, prepared))
    seconds = time.perf_counter() - began
    pool.close()
    if set(statuses) != {200}:
        raise RuntimeError(f"answers {sorted(set(statuses))}")
    return {"seconds": seconds, "calls": len(statuses)}


def clean(app: str, endpoint: str, access: str, secret: str) -> dict[str, Any]:
    """Delete what a contender made in the embedded cloud: all that is named after its app."""
    from sst.clouds.aws.client import Aws

    with Aws(region=REGION, endpoint=endpoint, credentials=(access, secret),
             environment={}) as aws, ThreadPoolExecutor(THREADS) as pool:
        def named(service: str, operation: str, member: str, key: str, **params: Any) -> list[str]:
            found = aws.call(service, operation, params).get(member) or ()
            names = [(x[key] if key else x) for x in found]
            return [n for n in names if n.rpartition("/")[2].startswith(f"{app}-")]
        operation = [("sqs", "delete_queue", {"QueueUrl": u})
                     for u in named("sqs", "list_queues", "QueueUrls", "", QueueNamePrefix=app)]
        operation += [("iam", "delete_role", {"RoleName": n})
                      for n in named("iam", "list_roles", "Roles", "RoleName", MaxItems=1000)]
        operation += [("logs", "delete_log_group", {"logGroupName": n})
                 for n in named("logs", "describe_log_groups", "logGroups", "logGroupName", logGroupNamePrefix=app)]
        list(pool.map(lambda c: aws.call(*c), operation))
        while names := named("ssm", "describe_parameters", "Parameters", "Name", MaxResults=50):
            list(pool.map(lambda n: aws.call("ssm", "delete_parameter", {"Name": n}), names))
    return {}


def contenders() -> Iterator[Callable[..., dict[str, Any]]]:
    yield from (engine, boto3, raw, clean)


if __name__ == "__main__":
    from bench import replay, scale

    known = {c.__name__: c for c in (*contenders(), *scale.contenders(), *replay.contenders())}
    print(json.dumps(known[sys.argv[1]](*sys.argv[2:])))
