"""Limits that AWS would name in the middle of a deploy are named once the program has ended, with file and line."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sst import aws
from sst.clouds.aws import dynamodb, ecs, elbv2, events, iam, logs, s3, secretsmanager, sns, sqs
from sst.clouds.aws.table import AwsResource
from sst.core.target import Target
from sst.errors import SstError
from tests.components.graphs import program

H = "src/job.handler"


def slow(timeout: str, hidden: str) -> Callable[[], None]:
    def declare() -> None:
        aws.Queue("Jobs", visibility_timeout=hidden).subscribe({"handler": H, "timeout": timeout})
    return declare


def dead(fifo: bool, dead_fifo: bool) -> Callable[[], None]:
    return lambda: aws.Queue("Jobs", fifo=fifo, dlq=aws.Queue("Dead", fifo=dead_fifo)) and None


def variables(size: int, name: str = "AA") -> Callable[[], None]:
    return lambda: aws.Function("Fn", handler=H, environment={name: "x" * size}) and None


def function(**given: Any) -> Callable[[], None]:
    return lambda: aws.Function("Fn", handler=H, **given) and None


def dlq(arn: str, *, fifo: bool = False, retry: int = 3) -> Callable[[], None]:
    return lambda: aws.Queue("Jobs", fifo=fifo, dlq={"queue": arn, "retry": retry}) and None


def batches(fifo: bool, **given: Any) -> Callable[[], None]:
    return lambda: aws.Queue("Jobs", fifo=fifo).subscribe(H, **given) and None


def table(*, keys: dict[str, Any] | None = None, every: dict[str, Any] | None = None,
          local: dict[str, Any] | None = None) -> Callable[[], None]:
    """A table with the key ``id`` whose indexes may use ``a`` to ``h``."""
    parts = [keys or {"hash_key": "id"}, *(every or {}).values(), *(local or {}).values()]
    fields = {str(p[k]): "string" for p in parts for k in ("hash_key", "range_key") if k in p}
    return lambda: aws.Dynamo("Photos", fields=fields, primary_index=parts[0],  # type: ignore[arg-type]  # of any names
                              global_indexes=every, local_indexes=local) and None


def letters(count: int) -> dict[str, Any]:
    return {f"By{c}": {"range_key": c} for c in "abcdefgh"[:count]}


def told(*filters: tuple[str, str]) -> Callable[[], None]:
    def declare() -> None:
        bucket = aws.Bucket("Files")
        for prefix, suffix in filters:
            bucket.subscribe(H, events=["s3:ObjectCreated:*"], filter_prefix=prefix, filter_suffix=suffix)
    return declare


def filtered(**given: str) -> Callable[[], None]:
    return lambda: aws.Bucket("Files").subscribe(H, **given) and None  # type: ignore[arg-type]  # of any names


def api(*routes: str, jwt: dict[str, Any] | None = None, cors: Any = True) -> Callable[[], None]:
    def declare() -> None:
        made = aws.ApiGatewayV2("Api", cors=cors)
        for route in routes:
            made.route(route, H)
        if jwt is not None:
            made.add_authorizer("Users", jwt={"issuer": "https://issuer.example", "audiences": ["web"], **jwt})  # type: ignore[typeddict-item]  # of any names
    return declare


def cron(schedule: str, timezone: str | None = None) -> Callable[[], None]:
    return lambda: aws.Cron("Nightly", schedule=schedule, timezone=timezone, job=H) and None


def rule(schedule: str) -> Callable[[], None]:
    return lambda: events.Rule("Nightly", schedule_expression=schedule) and None


def bucket(name: str) -> Callable[[], None]:
    return lambda: s3.Bucket("Buck", name=name) and None


def named(row: type[AwsResource], name: str, **more: Any) -> Callable[[], None]:
    return lambda: row("Thing", name=name, **more) and None


def made_of_another() -> None:
    queue = sqs.Queue("Q")
    s3.Bucket("B", name=f"{queue.name}-b")
    logs.LogGroup("L", name=f"/x/{queue.name}")


NAMED = {
    sqs.Queue: ("my queue", "a.fifo.fifo", ""), sns.Topic: ("a.b", "ü"), iam.Role: ("a/b", "a b"),
    logs.LogGroup: ("aws/x", "a:b"), dynamodb.Table: ("ab", "a/b"), secretsmanager.Secret: ("a b",),
    elbv2.TargetGroup: ("-a", "a-", "a_b"), events.Rule: ("a/b",), ecs.Cluster: ("a.b",)}
MORE: dict[Any, dict[str, Any]] = {
    iam.Role: {"assume_role_policy": {}}, secretsmanager.Secret: {"value": "x"},
    dynamodb.Table: {"attribute_definitions": [], "key_schema": []},
    elbv2.TargetGroup: {"protocol": "HTTP", "port": 80, "vpc_id": "vpc-1"},
    events.Rule: {"schedule_expression": "rate(1 day)"}}
REFUSED = {
    **{f"{row.__sst_type__} {name!r}": (named(row, name, **MORE.get(row, {})), f"AWS does not take {name!r}")
       for row, names in NAMED.items() for name in names},
    **{f"bucket {name}": (bucket(name), f"S3 does not take '{name}'") for name in (
        "My_Bucket", "MyBucket", "ab", "a..b", "x y", "x/../../y", "192.168.5.4", "xn--a", "a--x-s3", "-ab", "ab-",
        "a" * 64)},
    "day and weekday": (cron("cron(0 3 * * MON-FRI *)"), "(fifth) must be"),
    "time zone": (cron("cron(0 3 * * ? *)", "Berlin"), 'there is no time zone "Berlin"'),
    "no time zone": (cron("cron(0 3 * * ? *)", ""), "its time zone is empty"),
    "number": (cron("cron(60 25 * * ? *)"), "is not a valid schedule"),
    "date": (cron("at(2020-13-01T00:00:00)"), "valid schedule"),
    **{f"cron {text}": (cron(f"cron(0 3 {text} *)"), "is not a valid schedule") for text in (
        "? * MON-FRI#1", "? * MON-FRIL", "1_0 * ?", "+5 * ?", "１ * ?", "1/ * ?", "\t1 * ?", "? * 8", "L-3 * ?",
        "1, * ?")},
    "rate of other digits": (cron("rate(٥ minutes)"), "is not a valid schedule"),
    "two days with #": (cron("cron(0 3 ? * 3#1,6#3 *)"), "is not a valid schedule"),
    "rule once": (rule("at(2030-01-01T00:00:00)"), "can't be used here"),
    "visibility": (slow("5 minutes", "30 seconds"), "hides a message for 30 seconds"),
    "fifo": (dead(True, False), "must be a FIFO queue too"), "standard": (dead(False, True), "must be no FIFO queue"),
    "environment": (variables(5000), "Lambda allows 4,096"),
    "reserved": (variables(1, "AWS_REGION"), "sets AWS_REGION"),
    **{f"variable {name!r}": (variables(1, name), "a name that Lambda does not take")
       for name in ("A-B", "1A", "_A", "", "A", "Ä1", "A B")},
    "NUL": (function(environment={"AA": "a\0b"}), "NUL character in the variable AA"),
    "accents": (function(environment={"AA": "é" * 2100}), "Lambda allows 4,096"),
    "description": (function(description="x" * 257), "a description of 257 characters"),
    "layers": (function(layers=[f"arn:aws:lambda:us-east-1:123456789012:layer:l{n}:1" for n in range(6)]), "6 layers"),
    "layer": (function(layers=["my-layer"]), "not the ARN of a layer's version"),
    "concurrency": (function(concurrency={"reserved": -1}), "reserves a concurrency of -1"),
    "tags": (function(tags={f"k{n}": "v" for n in range(51)}), "51 tags; AWS takes 50"),
    "tag of AWS": (function(tags={"aws:x": "y"}), "does not begin with aws:"),
    "tag": (function(tags={"k": "v" * 257}), "a value has at most 256"),
    "dead letters by ARN": (dlq("arn:aws:sqs:us-east-1:123456789012:dead.fifo"), "must be no FIFO queue"),
    "dead letters by ARN, FIFO": (dlq("arn:aws:sqs:us-east-1:123456789012:dead", fifo=True), "must be a FIFO queue"),
    "dead letters by URL": (dlq("https://sqs.us-east-1.amazonaws.com/1/d"), "not the ARN of a queue"),
    "dead letters in a topic": (dlq("arn:aws:sns:us-east-1:123456789012:d"), "not the ARN of a queue"),
    **{f"dead letters after {n}": (dlq("arn:aws:sqs:us-east-1:123456789012:dead", retry=n), f"after {n} failures")
       for n in (-1, 0, 1001)},
    "batch of a FIFO queue": (batches(True, batch={"size": 11, "window": "1 second"}), "batches of 11 messages"),
    "window of a FIFO queue": (batches(True, batch={"window": "1 second"}), "a FIFO queue does not take"),
    "filters": (batches(False, filters=[{"body": {"n": [n]}} for n in range(11)]), "has 11 filters"),
    **{f"index {name}": (table(every={name: {"hash_key": "a"}}), "a name that DynamoDB does not take")
       for name in ("By", "By A", "x" * 256)},
    "six local indexes": (table(keys={"hash_key": "id", "range_key": "r"}, local=letters(6)), "6 local indexes"),
    "local index without an order": (table(local=letters(1)), "a local index and no range key"),
    "one field twice": (table(keys={"hash_key": "id", "range_key": "id"}), "as hash key and as range key"),
    "one field twice in an index": (table(every={"ByA": {"hash_key": "a", "range_key": "a"}}), '"a" twice in the keys'),
    "one name twice": (table(keys={"hash_key": "id", "range_key": "r"}, local={"ByA": {"range_key": "a"}},
                             every={"ByA": {"hash_key": "a"}}), 'two indexes named "ByA"'),
    **{f"projection {p}": (table(every={"ByA": {"hash_key": "a", "projection": p}}), text) for p, text in (
        ("some", "projection 'some'"), ((), "includes no fields"),
        (tuple("bcdefghijklmnopqrstuv"), "includes 21 fields"))},
    "fields of all indexes": (table(every={f"By{n}": {"hash_key": "a", "projection": [f"{n}{m}" for m in range(19)]}
                                           for n in "abcdef"}), "include 114 fields in all"),
    "long key": (table(keys={"hash_key": "x" * 256}), "of 256 bytes"),
    "overlap": (told(("in/", ""), ("in/a/", ".jpg")), "of one bucket overlap"),
    "overlap without filters": (told(("", ""), ("", "")), "of one bucket overlap"),
    **{f"long {end}": (filtered(**{f"filter_{end}": "x" * 1025}), f"a {end} of 1,025 characters")
       for end in ("prefix", "suffix")},
    "names of variables": (api("GET /a/{id}", "GET /a/{name}"), "differ only in the names of their variables"),
    "names of greedy variables": (api("GET /a/{b}/{id+}", "GET /a/{c}/{id+}"), "differ only in the names"),
    "credentials for all": (api(cors={"allow_credentials": True}), "allows credentials to every origin"),
    **{f"issuer {issuer}": (api(jwt={"issuer": issuer}), "which is not a URL with https")
       for issuer in ("accounts.google.com", "http://issuer.example", "")},
    "audiences": (api(jwt={"audiences": []}), "has no audiences"),
    "OPTIONS": (function(url={"cors": {"allow_methods": ["GET", "OPTIONS"]}}), "do not take the method 'OPTIONS'"),
}
ALLOWED = {"name of another": made_of_another, "bucket": bucket("my.bucket-1"),
           "visibility": slow("30 seconds", "30 seconds"),
           "cron": cron("cron(0 3 ? * MON-FRI *)", "Europe/Berlin"),
           "rule": rule("cron(0 3 ? * 2#1 *)"), "fifo": dead(True, True), "standard": dead(False, False),
           "environment": variables(4000), "apart": told(("in/", ""), ("out/", "")),
           "suffix": told(("", "a"), ("", "b")),
           "variables": function(environment={"A1": "", "aB_": "x", "TZ": "UTC"}, tags={"a": "b"}),
           "dead letters by ARN": dlq("arn:aws-cn:sqs:cn-north-1:123456789012:dead.fifo", fifo=True, retry=1000),
           "routes": api("GET /a/{id}", "POST /a/{name}", "GET /a/{id+}", "GET /b/{name}", "$default",
                         jwt={}, cors={"allow_credentials": True, "allow_origins": ["https://web.example"]}),
           "filter": filtered(filter_prefix="x" * 1024, filter_suffix="y" * 1024),
           "methods": function(url={"cors": {"allow_methods": ["GET", "PUT", "HEAD", "POST", "PATCH", "DELETE"]}}),
           "batch of a FIFO queue": batches(True, batch={"size": 10}), "filters": batches(False, filters=[{}] * 10),
           "indexes": table(keys={"hash_key": "id", "range_key": "r"}, local=letters(5),
                            every={"By-1.a_": {"hash_key": "r", "range_key": "id", "projection": ["x", "y"]}})}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_over_a_limit_is_refused(name: str) -> None:
    declare, text = REFUSED[name]
    with pytest.raises(SstError) as e, program():
        declare()
    assert text in str(e.value) and "test_limits.py:" in str(e.value)


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_within_is_not(name: str) -> None:
    with program():
        ALLOWED[name]()


@pytest.mark.parametrize(("runtime", "local", "told"), [("python3.9", False, True), ("python3.9", True, False),
                                                        ("python3.13", False, False)])
def test_a_runtime_without_support_is_said_where_aws_runs_it(runtime: str, local: bool, told: bool) -> None:
    with program(target=Target("local" if local else "aws")) as graph:
        aws.Function("Fn", handler=H, runtime=runtime)
    warnings: dict[str, None] = graph.context.once("warnings", dict)
    assert any("AWS's support for python3.9 ended on 2025-12-15" in line for line in warnings) == told
