"""Every mistake that a component can see is told in the user's words, with their file and line."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import sst
from sst import aws
from sst.clouds.aws import sqs
from sst.core.output import Output
from tests.components.graphs import program, refused

H = "src/job.handler"


def table(**given: Any) -> Callable[[], object]:
    return lambda: aws.Dynamo("Photos", **{"fields": {"id": "string"}, "primary_index": {"hash_key": "id"}, **given})


def queue(**given: Any) -> Callable[[], object]:
    return lambda: aws.Queue("Jobs", **given)


def function(**given: Any) -> Callable[[], object]:
    return lambda: aws.Function("Api", **{"handler": H, **given})


def api(*route: Any, **given: Any) -> Callable[[], object]:
    return lambda: aws.ApiGatewayV2("Api").route(*route, **given)


def twice(declare: Callable[[], Any]) -> Callable[[], object]:
    def run() -> None:
        made = declare()
        made.subscribe(H)
        made.subscribe(H)
    return run


def same_route() -> None:
    made = aws.ApiGatewayV2("Api")
    made.route("GET /a", H)
    made.route("get /a", H)


def method_of_text() -> None:
    url = aws.Queue("A").url
    aws.Function("G", handler=H, environment={"X": url.upper()})  # type: ignore[attr-defined]  # that is the mistake


def circle() -> None:
    a, b = aws.Queue("A"), aws.Queue("B")
    for one, other in ((a.nodes.queue, b.nodes.queue), (b.nodes.queue, a.nodes.queue)):
        one.__sst__ = replace(one.__sst__, depends_on=(other,))


CASES: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "variable's name": (lambda: function()().add_environment({"A-B": "2"}),  # type: ignore[attr-defined]
                        ("add_environment sets 'A-B'", "two or more letters", "test_refused.py:")),
    "variable twice": (lambda: function(environment={"AA": "1"})().add_environment({"AA": "2"}),  # type: ignore[attr-defined]
                       ("add_environment sets AA, which environment has already", "test_refused.py:")),
    "hook": (function(hook={"prebuild": print}), ("hook has no 'prebuild'", "test_refused.py:")),
    "hook that is none": (function(hook={"postbuild": 1}), ("hook needs a postbuild function", "test_refused.py:")),
    "bundle": (function(bundle="dist"), ('bundle: there is no folder "dist"', "build it first", "test_refused.py:")),
    "timeout": (function(timeout="20 minutes"), ("timeout must be between 1 and 900 seconds", "20 minutes",
                                                 "test_refused.py:")),
    "timeout text": (function(timeout="soon"), ("timeout can't be 'soon'", '"20 seconds"')),
    "memory": (function(memory="64 MB"), ("memory must be between 128 and 10240 MB",)),
    "memory unit": (function(memory="1 TB"), ("memory can't be '1 TB'", '"512 MB" or "2 GB"')),
    "storage": (function(storage="100 MB"), ("storage must be between 512",)),
    "misspelt": (function(timeot="3 minutes"), ("Function \"Api\" has no option 'timeot'", 'did you mean "timeout"?')),
    "misspelt inside": (function(logging={"retension": "1 day"}), ("logging of Function", "has no option 'retension'")),
    "misspelt deep inside": (function(url={"cors": {"alow_origins": ["*"]}}),
                             ("url of Function \"Api\"", 'did you mean "allow_origins"?')),
    "misspelt in a list": (lambda: aws.Bucket("B", lifecycle=[{"expires_in": "7 days", "prefx": "a"}]),  # type: ignore[typeddict-unknown-key]  # that is it
                           ("lifecycle of Bucket \"B\" has no option 'prefx'",)),
    "misspelt under a name": (table(global_indexes={"I": {"hashkey": "id"}}), ('did you mean "hash_key"?',)),
    "misspelt in a method": (lambda: aws.Queue("Jobs").subscribe(H, batch={"sise": 5}),  # type: ignore[typeddict-unknown-key]  # that is it
                             ("has no option 'sise'", 'did you mean "size"?')),
    "misspelt in notify": (lambda: aws.Bucket("B").notify([{"name": "A", "function": H, "event": ["s3:*"]}]),  # type: ignore[typeddict-unknown-key]
                           ('did you mean "events"?',)),
    "batch size": (lambda: aws.Queue("Jobs").subscribe(H, batch={"size": 0}),
                   ("batch size must be between 1 and 10000; it is 0",)),
    **{f"batch size {size!r}": (lambda size=size: aws.Queue("Jobs").subscribe(H, batch={"size": size}),
                                ("batch size must be between 1 and 10000",)) for size in ("10", True, 2.5)},
    "batch window": (lambda: aws.Queue("Jobs").subscribe(H, batch={"size": 50}),
                     ("a batch of 50 messages needs a window",)),
    "no handler": (lambda: aws.Function("Api"), ("Function \"Api\"", "handler")),  # type: ignore[call-arg]  # that is the mistake
    "handler not there": (function(handler="src/nothing.handler"), ("src/nothing",)),
    "handler without function": (function(handler="src/job.other"), ('no "other" in src/job.py',)),
    "runtime": (function(runtime="python2.7"), ("there is no runtime 'python2.7'",)),
    "retention": (function(logging={"retention": "1 moth"}),
                  ("logs can't be kept for '1 moth'", 'did you mean "1 month"?')),
    "no url": (lambda: function()().url, ('the function "Api" has no URL', "add url=True")),  # type: ignore[attr-defined]  # a function
    "retries": (function(retries=7), ("retries must be between 0 and 2; it is 7",)),
    "provisioned": (function(concurrency={"provisioned": 2}), ("needs a published version", "versioning=True")),
    "cors age": (function(url={"cors": {"max_age": "2 days"}}), ("cors max_age must be between 0 and 86400 seconds",)),
    "link none": (function(link=[None]), ("link holds None",)),
    "link text": (function(link=["Jobs"]), ("'Jobs' can't be linked", "sst.Linkable")),
    "link alone": (lambda: aws.Function("Api", H, link=aws.Bucket("B")),  # type: ignore[arg-type]  # that is the mistake
                   ("link takes a list, not a Bucket", "link=[bucket, table]", "test_refused.py:")),
    "link one text": (function(link="Jobs"), ("link takes a list, not text",)),
    "permissions none": (function(permissions=None), ('permissions of Function "Api" takes a list, not None',)),
    "literal": (lambda: aws.Efs("F", performance=[], vpc=aws.Vpc("V")),  # type: ignore[arg-type]  # that is the mistake
                ('performance of Efs "F" takes text, not a list',)),
    "transform by number": (function(transform={3: {}}), ('transform of Function "Api" has no option 3',)),
    "environment list": (function(environment=["A"]), ('environment of Function "Api" takes a mapping, not a list',)),
    "handler number": (function(handler=3), ('handler of Function "Api" takes text, not 3', "test_refused.py:")),
    "half a character": (function(environment={"AA": "\ud800"}),
                         ("a string holds '\\ud800'", "UTF-8", "test_refused.py:")),
    "no name at all": (lambda: aws.Function(handler=H),  # type: ignore[call-arg]  # that is the mistake
                       ("it takes its name in the app first",)),
    "permission": (function(permissions=[{"action": "a"}]), ("a permission needs actions and resources",)),
    "transform key": (function(transform={"rol": {}}),
                      ("transform of Function \"Api\" has no option 'rol'", 'did you mean "role"?')),
    "transform fails": (function(transform={"role": lambda args: args["nme"]}), ("a transform failed: KeyError",)),
    "transform text": (function(transform={"role": lambda args: "x"}), ("returns the changes as a mapping",)),
    "delay": (queue(delay="1 hour"), ("delay must be between 0 and 900 seconds",)),
    "visibility": (queue(visibility_timeout="13 hours"),
                   ("visibility_timeout must be between 0 and 43200 seconds; it is '13 hours'",)),
    "dlq": (queue(dlq={"retry": 3}), ("dlq needs a queue",)),
    "two subscribers": (twice(lambda: aws.Queue("Jobs")), ('the queue "Jobs" has a subscriber already',)),
    "field missing": (table(primary_index={"hash_key": "no"}), ('uses the field "no"', "fields")),
    "field unused": (table(fields={"id": "string", "x": "string"}), ('the field "x" is in no index',)),
    "field type": (table(fields={"id": "text"}), ("can't be 'text'", "string, number, binary")),
    "no hash key": (table(primary_index={}), ("primary_index needs a hash_key",)),
    "stream": (table(stream="all"), ("stream can't be 'all'",)),
    "no stream": (lambda: table()().subscribe("X", H), ('has no stream to subscribe to',)),  # type: ignore[attr-defined]  # a table
    "table's name": (lambda: aws.Dynamo.get("T", 3),  # type: ignore[arg-type]
                     ("3 is not the name or ARN of a table",)),
    "bucket's name": (lambda: aws.Bucket.get("B", "sh"), ("'sh' is not the name of a bucket", "acme-photos")),
    "queue's URL": (lambda: aws.Queue.get("Q", "jobs"), ("'jobs' is not the URL of a queue",)),
    "function's name": (lambda: aws.Function.get("F", "a b"), ("'a b' is not the name of a function",)),
    "provider of a provider": (lambda: aws.Provider("Eu", provider=aws.Provider("Us")),
                               ('aws.Provider "Eu" takes no provider',)),
    "region": (lambda: aws.Provider("Us", region="us-eastt-1"), ("'us-eastt-1' is not a region's name", "us-east-1")),
    "region of a row": (lambda: sqs.Queue("Q", region="Frankfurt"), ("'Frankfurt' is not a region's name",)),
    "provider's class": (lambda: aws.Bucket("B", provider=aws.Provider),  # type: ignore[arg-type]
                         ("not the class aws.Provider",)),
    "linked provider": (lambda: aws.Function("F", handler=H, link=[aws.Provider("Us")]),  # type: ignore[list-item]
                        ('aws.Provider "Us" can\'t be linked',)),
    "schedule": (lambda: aws.Cron("C", schedule="every day", job=H),
                 ("'every day' is not a valid schedule", "rate(5 minutes)")),
    "rate plural": (lambda: aws.Cron("C", schedule="rate(1 minutes)", job=H),
                    ("'rate(1 minutes)' is not a valid schedule", "rate(1 minute)")),
    "no job": (lambda: aws.Cron("C", schedule="rate(1 minute)"), ("one of job and function",)),
    "two jobs": (lambda: aws.Cron("C", schedule="rate(1 minute)", job=H, function=H), ("one of job and function",)),
    "route": (api("FETCH /a", H), ("the route 'FETCH /a' is not METHOD /path", "GET")),
    "route path": (api("GET a", H), ("is not METHOD /path",)),
    **{f"route {path}": (api(f"GET {path}", H), ("API Gateway does not take the route", text)) for path, text in (
        ("/{id", "is not a path variable"), ("/a{id}", "is not a path variable"), ("/{}", "is not a path variable"),
        ("/{p+}/x", "a greedy variable is not its last part"), ("/{a}/{a}", "has a variable twice"),
        ("/a?x=1", "no query"))},
    "route twice": (same_route, ('the route "GET /a" of "Api" is declared twice',)),
    "route auth": (api("GET /", H, auth=True), ("auth=True does not say how",)),
    "authorizer": (lambda: aws.ApiGatewayV2("Api").add_authorizer("X"), ("one of jwt and function",)),
    "domain": (lambda: aws.ApiGatewayV2("Api", domain={"path": "v1"}), ("one of name and name_id",)),
    "domain cert": (lambda: aws.ApiGatewayV2("Api", domain={"name": "a.example", "dns": False}),
                    ("dns=False and no certificate",)),
    "access": (lambda: aws.Bucket("B", access="all"), ("access can't be 'all'",)),  # type: ignore[arg-type]  # that is the mistake
    "lifecycle": (lambda: aws.Bucket("B", lifecycle=[{"prefix": "a"}]), ("one of expires_in and expires_at",)),
    "lifecycle hours": (lambda: aws.Bucket("B", lifecycle=[{"expires_in": "36 hours"}]), ("whole days",)),
    "event": (lambda: aws.Bucket("B").subscribe(H, events=["ObjectCreated"]), ("there is no event 'ObjectCreated'",)),
    "event of s3": (lambda: aws.Bucket("B").subscribe(H, events=["s3:ObjectMade:*"]), ("no event 's3:ObjectMade:*'",)),
    "no events": (lambda: aws.Bucket("B").subscribe(H, events=[]), ("names no events",)),
    "method": (lambda: aws.Bucket("B", cors={"allow_methods": ["PATCH"]}), ("the method 'PATCH'", "DELETE, GET")),  # type: ignore[list-item]  # same
    "lifecycle day": (lambda: aws.Bucket("B", lifecycle=[{"expires_at": "2027-02-30"}]),
                      ("must be a day", "2027-01-01")),
    "lifecycle time": (lambda: aws.Bucket("B", lifecycle=[{"expires_at": "2027-01-01T12:00:00Z"}]), ("must be a day",)),
    "architecture": (function(architecture="arm"), ("architecture can't be 'arm'", '"arm64"')),
    "link access": (lambda: function(link=[aws.Bucket("B").link(access="all")])(), ('access="all"', '"read"')),  # type: ignore[arg-type]  # same
    "secret missing": (lambda: sst.Secret("Stripe"),
                       ('the secret "Stripe" has no value on stage test', "sst secret set Stripe")),
    "same name": (lambda: (aws.Queue("Jobs"), aws.Bucket("jobs")), ('two components are named "jobs"',)),
    "name": (lambda: aws.Queue("my queue"), ("can't be named 'my queue'",)),
    "reserved": (lambda: aws.Queue("App"), ('the name "App" is reserved',)),
    "output as text": (method_of_text, ("use .apply(lambda v: v.upper)",)),
    "circle": (circle, ("depend on each other in a circle", "A/Queue", "B/Queue", "test_refused.py:")),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_told_with_its_place_and_the_way_out(case: str) -> None:
    declare, parts = CASES[case]
    text = refused(declare)
    for part in parts:
        assert part in text


def test_the_name_of_a_secret_is_told_and_not_that_it_has_no_value() -> None:
    text = refused(lambda: sst.Secret("my secret"))
    assert "Secret can't be named 'my secret'" in text and "has no value" not in text


def test_a_component_that_is_declared_twice_is_told_once() -> None:
    def declare() -> None:
        for name in ("one-bucket", "two-bucket"):
            aws.Bucket.get("Twice", name)
        for _ in range(2):
            aws.Function("Fn", handler=H)
    told = refused(declare)
    assert told.count("are named") == 2 and 'two components are named "Twice"' in told


def test_an_output_can_not_decide_what_exists() -> None:
    with program():
        q = aws.Queue("Jobs")
        with pytest.raises(TypeError, match="can't be used as a condition"):
            bool(q.url)
        assert isinstance(q.url, Output)


def test_many_mistakes_come_in_one_report() -> None:
    def many() -> None:
        aws.Queue("Jobs", dely="1 minute")  # type: ignore[call-arg]  # that is the mistake
        aws.Queue("jobs")
        sst.Secret("One")
        sst.Secret("Two")
    text = refused(many)
    for part in ("dely", 'named "jobs"', '"One"', '"Two"'):
        assert part in text
