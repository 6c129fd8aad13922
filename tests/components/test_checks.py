"""What AWS would refuse in the middle of a deploy is refused once the program has ended, with file and line."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import sst
from sst import aws
from sst.clouds.aws import apigatewayv2, events, iam, lambda_, s3, scheduler, sns, sqs
from sst.core.context import Context
from sst.core.graph import Graph
from sst.core.target import Target
from sst.errors import SstError
from tests.components.graphs import APP, program

H = "src/job.handler"
INVOKE = "lambda:InvokeFunction"
MANAGED = "arn:aws:iam::aws:policy/service-role"


def document(action: str, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **more}]}


def function(**given: Any) -> aws.Function:
    return aws.Function("Fn", handler=H, **given)


def allow(principal: str, fn: aws.Function, source: Any = None) -> None:
    lambda_.Permission("Allow", function_name=fn.name, action=INVOKE, principal=principal, source_arn=source)


def notification(fn: aws.Function, bucket: s3.Bucket) -> None:
    s3.BucketNotification("Told", bucket=bucket.name,
                          functions=[{"id": "a", "arn": fn.arn, "events": ["s3:ObjectCreated:*"]}])


def bucket_without() -> None:
    notification(function(), s3.Bucket("Files"))


def bucket_with() -> None:
    fn, bucket = function(), s3.Bucket("Files")
    allow("s3.amazonaws.com", fn, bucket.arn)
    notification(fn, bucket)


def bucket_with_that_of_another() -> None:
    fn = function()
    allow("s3.amazonaws.com", fn, s3.Bucket("Others").arn)
    notification(fn, s3.Bucket("Files"))


def rule(with_permission: bool) -> Callable[[], None]:
    def declare() -> None:
        fn, made = function(), events.Rule("Daily", schedule_expression="rate(1 day)")
        if with_permission:
            allow("events.amazonaws.com", fn, made.arn)
        events.Target("Call", rule=made.name, arn=fn.arn)
    return declare


def topic(with_permission: bool) -> Callable[[], None]:
    def declare() -> None:
        fn, news = function(), sns.Topic("News")
        if with_permission:
            allow("sns.amazonaws.com", fn, news.arn)
        sns.Subscription("Sub", topic_arn=news.arn, protocol="lambda", endpoint=fn.arn)
    return declare


def topic_to_queue(with_policy: bool) -> Callable[[], None]:
    def declare() -> None:
        news, jobs = sns.Topic("News"), sqs.Queue("Jobs")
        if with_policy:
            sqs.QueuePolicy("May", queue_url=jobs.url,
                            policy=document("sqs:SendMessage", jobs.arn, Principal={"Service": ["sns.amazonaws.com"]}))
        sns.Subscription("Sub", topic_arn=news.arn, protocol="sqs", endpoint=jobs.arn)
    return declare


def api(with_permission: bool) -> Callable[[], None]:
    def declare() -> None:
        fn, made = function(), apigatewayv2.Api("Web", protocol_type="HTTP")
        if with_permission:
            allow("apigateway.amazonaws.com", fn, f"{made.execution_arn}/*")
        apigatewayv2.Integration("Call", api_id=made.id, integration_type="AWS_PROXY", uri=fn.arn)
    return declare


def mapping(**given: Any) -> Callable[[], None]:
    def declare() -> None:
        jobs = aws.Queue("Jobs")
        fn = function(**{k: v(jobs) if callable(v) else v for k, v in given.items()})
        lambda_.EventSourceMapping("Feed", event_source_arn=jobs.arn, function_name=fn.name)
    return declare


def mapping_of_a_role(attached: Any) -> Callable[[], None]:
    def declare() -> None:
        role = iam.Role("Role", assume_role_policy=document("sts:AssumeRole"))
        iam.RolePolicyAttachment("Attached", role=role.name, policy_arn=attached() if callable(attached) else attached)
        mapping(role=role.arn)()
    return declare


def subscribed_function() -> None:
    aws.Queue("Jobs").subscribe(function())


def table_stream() -> None:
    table = aws.Dynamo("Photos", fields={"id": "string"}, primary_index={"hash_key": "id"}, stream="new-image")
    lambda_.EventSourceMapping("Feed", event_source_arn=table.table.stream_arn, function_name=function().name,
                               starting_position="LATEST")


def schedule(*, allowed: bool) -> Callable[[], None]:
    def declare() -> None:
        fn, role = function(), iam.Role("Role", assume_role_policy=document("sts:AssumeRole"))
        iam.RolePolicy("Policy", role=role.name, policy=document(INVOKE if allowed else "sqs:SendMessage", fn.arn))
        scheduler.Schedule("Daily", schedule_expression="rate(1 day)", target={"Arn": fn.arn, "RoleArn": role.arn})
    return declare


REFUSED: dict[str, tuple[Callable[[], None], tuple[str, ...]]] = {
    "bucket": (bucket_without, ('"Told" calls the function "Fn/Function", which does not allow it',
                                "s3.amazonaws.com", "lambda_.Permission")),
    "bucket of another": (bucket_with_that_of_another, ('"Told" calls the function "Fn/Function"',)),
    "rule": (rule(False), ('"Call" calls the function "Fn/Function"', "events.amazonaws.com")),
    "topic": (topic(False), ('"Sub" calls the function "Fn/Function"', "sns.amazonaws.com")),
    "topic to a queue": (topic_to_queue(False), ('"Sub" sends to "Jobs"', "sqs:SendMessage", "QueuePolicy")),
    "api": (api(False), ('"Call" calls the function "Fn/Function"', "apigateway.amazonaws.com")),
    "queue": (mapping(), ('the role of the function "Fn/Function" may not read "Jobs/Queue"',
                          "sqs:ReceiveMessage, sqs:DeleteMessage, sqs:GetQueueAttributes", "link=[...]")),
    "queue, link to write": (mapping(link=lambda jobs: [jobs.link("write")]), ("it lacks sqs:ReceiveMessage",)),
    "queue, right on another": (mapping(permissions=lambda jobs: [
        sst.permission(["sqs:*"], [aws.Queue("Other").arn])]), ("it lacks sqs:ReceiveMessage",)),
    "queue, managed policy without": (mapping_of_a_role(f"{MANAGED}/AWSLambdaBasicExecutionRole"),
                                      ("it lacks sqs:ReceiveMessage",)),
    "queue, own policy without": (mapping_of_a_role(lambda: iam.Policy("Own", policy=document("s3:GetObject")).arn),
                                  ("it lacks sqs:ReceiveMessage",)),
    "stream": (table_stream, ("it lacks dynamodb:DescribeStream, dynamodb:GetRecords",)),
    "schedule": (schedule(allowed=False), ('the role of "Daily" may not call the function "Fn/Function"', "aws.Cron")),
}
ALLOWED: dict[str, Callable[[], None]] = {
    "bucket": bucket_with, "rule": rule(True), "topic": topic(True), "topic to a queue": topic_to_queue(True),
    "api": api(True), "schedule": schedule(allowed=True),
    "queue, subscribed by a function": subscribed_function,
    "queue, linked": mapping(link=lambda jobs: [jobs]),
    "queue, any": mapping(permissions=[sst.permission(["sqs:*"], ["*"])]),
    "queue, role of somebody": mapping(role="arn:aws:iam::123456789012:role/mine"),
    "queue, policy of somebody": mapping(policies=["arn:aws:iam::123456789012:policy/mine"]),
    "queue, managed policy": mapping_of_a_role(f"{MANAGED}/AWSLambdaSQSQueueExecutionRole"),
    "queue, own policy": mapping_of_a_role(lambda: iam.Policy("Own", policy=document("sqs:*")).arn),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_aws_would_refuse_is_refused(name: str) -> None:
    declare, told = REFUSED[name]
    with pytest.raises(SstError) as e, program():
        declare()
    assert "test_checks.py:" in str(e.value)
    for text in told:
        assert text in str(e.value)


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_allowed_or_not_known_is_not(name: str) -> None:
    with program():
        ALLOWED[name]()


def test_what_may_still_come_is_not_judged() -> None:
    with program():
        fn, bucket = function(), s3.Bucket("Files")
        notification(fn, bucket)
        sst.later(bucket.name, lambda name: allow("s3.amazonaws.com", fn, bucket.arn))


def test_what_stage_local_cant_run_is_refused_there_alone() -> None:
    def declare(graph: Graph) -> None:
        with graph.active():
            role = iam.Role("Role", assume_role_policy=document("sts:AssumeRole"))
            lambda_.Function("Jvm", role=role.arn, handler="a", runtime="java21", code={"path": "a", "sha256": "b"})
            graph.seal()

    declare(Graph("shop", "prod", root=str(APP)))
    with pytest.raises(SstError) as e:
        declare(Graph("shop", "local", root=str(APP), context=Context(Target("local"))))
    assert ('aws.lambda.Function "Jvm" can\'t run on stage local: it runs Python, Node and provided.* functions, not '
            'java21') in str(e.value)
    assert "test_checks.py:" in str(e.value) and "if not app.local" in str(e.value)
