"""Who may deliver: what AWS lets in is delivered, and what it refuses is not, is said in one line, and goes where AWS
puts it."""
from __future__ import annotations

import asyncio
import json
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from sst.dev.events import AnyEvent, Notice
from sst.dev.functions import Functions
from sst.dev.local_calls import LocalCalls
from sst.embedded import cloud as embedded
from sst.embedded.cloud import Cloud
from sst.net.frames import Frames

from .functions import function, http_api, invoke, permit, role
from .test_emulator import client
from .test_events import ALLOW_SEND, FAIL, FROM_QUEUE, eventually, queue, received
from .test_front_door import fetch

pytestmark = pytest.mark.emulator

CALL = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}


@pytest.fixture(scope="module")
def tells(cloud: Cloud) -> Iterator[tuple[str, str, str]]:
    """A function that tells a queue that it was called, which nobody else may call; its ARN; the queue."""
    url, _ = queue(cloud, "rights-told")
    code = ("import json, os\nimport botocore.session\nsqs = botocore.session.get_session().create_client('sqs')\n"
            "def handler(event, context):\n    sqs.send_message(QueueUrl=os.environ['OUT'], MessageBody='called')\n")
    name = function(cloud, code, ALLOW_SEND, environment={"OUT": url})
    yield name, client(cloud, "lambda").get_function(FunctionName=name)["Configuration"]["FunctionArn"], url


def said(cloud: Cloud, *words: str) -> str:
    """The line of the cloud's log with these words."""
    def look() -> str:
        lines = (cloud.folder / "cloud.log").read_text("utf-8").splitlines()
        found = [line for line in lines if "sst.rights" in line and all(word in line for word in words)]
        assert len(found) <= 1, found
        return found[0].partition("sst.rights ")[2] if found else ""
    return str(eventually(look))


def metric(cloud: Cloud, namespace: str, name: str, **dimensions: str) -> float:
    now = datetime.now(UTC)
    points = client(cloud, "cloudwatch").get_metric_statistics(
        Namespace=namespace, MetricName=name, Dimensions=[{"Name": k, "Value": v} for k, v in dimensions.items()],
        StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1), Period=60, Statistics=["Sum"])
    return sum(float(p["Sum"]) for p in points["Datapoints"])


def let_in(cloud: Cloud, address: str, arn: str, service: str, source: str) -> None:
    statement = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sqs:SendMessage",
                 "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": source}}}
    client(cloud, "sqs").set_queue_attributes(QueueUrl=address, Attributes={
        "Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})


def rule(cloud: Cloud, name: str, target: str, **more: Any) -> tuple[str, Callable[[], object]]:
    """A rule that has this target; its ARN, and how to send it an event."""
    events = client(cloud, "events")
    arn = events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": target, **more}])
    return arn, lambda: events.put_events(Entries=[{"Source": name, "DetailType": "d", "Detail": '{"a": 1}'}])


def test_a_rule_sends_to_a_queue_whose_policy_names_it(cloud: Cloud) -> None:
    (url, arn), (dead_url, dead) = queue(cloud, "rights-jobs"), queue(cloud, "rights-jobs-dead")
    client(cloud, "sqs").tag_queue(QueueUrl=url, Tags={"sst:urn": "sst.aws.Queue/aws.sqs.Queue::Jobs/Queue"})
    source, send = rule(cloud, "rights-to-queue", arn, DeadLetterConfig={"Arn": dead})
    let_in(cloud, dead_url, dead, "events", source)
    send()
    buried = received(cloud, dead_url)
    assert json.loads(buried["Body"])["detail"] == {"a": 1}
    texts = {name: value["StringValue"] for name, value in buried["MessageAttributes"].items()}
    assert (texts["RULE_ARN"], texts["TARGET_ARN"], texts["ERROR_CODE"]) == (source, arn, "NO_PERMISSIONS")
    assert said(cloud, "rights-to-queue") == (
        "rule rights-to-queue may not send to queue Jobs: no statement of its policy allows sqs:SendMessage to "
        f"events.amazonaws.com from {source}")
    assert metric(cloud, "AWS/Events", "FailedInvocations", RuleName="rights-to-queue") == 1
    let_in(cloud, url, arn, "events", source)
    send()
    assert json.loads(received(cloud, url)["Body"])["source"] == "rights-to-queue"


def test_a_rule_calls_a_function_that_permits_it(cloud: Cloud, tells: tuple[str, str, str]) -> None:
    name, arn, told = tells
    source, send = rule(cloud, "rights-to-function", arn)
    send()
    assert "call function" in said(cloud, "rights-to-function", "lambda:InvokeFunction")
    permit(cloud, name, "events", source)
    send()
    assert received(cloud, told)["Body"] == "called"


def test_a_rule_publishes_to_a_topic_whose_policy_names_it(cloud: Cloud) -> None:
    sns = client(cloud, "sns")
    topic = sns.create_topic(Name="rights-topic")["TopicArn"]
    url, arn = queue(cloud, "rights-topic-queue")
    let_in(cloud, url, arn, "sns", topic)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    _, send = rule(cloud, "rights-to-topic", topic)
    send()
    assert "publish to topic rights-topic" in said(cloud, "rights-to-topic", "sns:Publish")
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
                                                "Action": "sns:Publish", "Resource": topic}]}))
    send()
    assert "rights-to-topic" in received(cloud, url)["Body"]


def test_a_rule_starts_a_state_machine_with_its_role_alone(cloud: Cloud, tells: tuple[str, str, str]) -> None:
    _, function_arn, told = tells
    states = client(cloud, "stepfunctions")
    machine = states.create_state_machine(
        name="rights-machine", roleArn=role(cloud, "rights-machine", service="states"), definition=json.dumps({
            "StartAt": "A", "States": {"A": {"Type": "Task", "Resource": function_arn, "End": True}}})
    )["stateMachineArn"]
    starter = role(cloud, "rights-starter", service="events")
    _, send = rule(cloud, "rights-to-machine", machine, RoleArn=starter)
    send()
    assert "role rights-starter lacks states:StartExecution" in said(cloud, "rule rights-to-machine may not start")
    assert not states.list_executions(stateMachineArn=machine)["executions"]
    client(cloud, "iam").put_role_policy(RoleName="rights-starter", PolicyName="p", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "states:StartExecution",
                                                "Resource": machine}]}))
    send()
    run = eventually(lambda: states.list_executions(stateMachineArn=machine, statusFilter="FAILED")["executions"])[0]
    failed = states.describe_execution(executionArn=run["executionArn"])
    assert failed["error"] == "Lambda.AWSLambdaException" and "lambda:InvokeFunction" in failed["cause"]
    client(cloud, "iam").put_role_policy(RoleName="rights-machine", PolicyName="p", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [CALL]}))
    send()
    assert received(cloud, told)["Body"] == "called"


def test_a_topic_calls_a_function_that_permits_it(cloud: Cloud, tells: tuple[str, str, str]) -> None:
    name, arn, told = tells
    sns, (dead_url, dead) = client(cloud, "sns"), queue(cloud, "rights-redriven")
    topic = sns.create_topic(Name="rights-news")["TopicArn"]
    let_in(cloud, dead_url, dead, "sns", topic)
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn,
                  Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead})})
    sns.publish(TopicArn=topic, Message="hello")
    assert json.loads(received(cloud, dead_url)["Body"])["Message"] == "hello"
    assert "topic rights-news may not call function" in said(cloud, "rights-news")
    assert metric(cloud, "AWS/SNS", "NumberOfNotificationsFailed", TopicName="rights-news") == 1
    permit(cloud, name, "sns", topic)
    sns.publish(TopicArn=topic, Message="hello")
    assert received(cloud, told)["Body"] == "called"


def test_a_topic_sends_to_a_queue_whose_policy_names_it(cloud: Cloud) -> None:
    sns, (url, arn) = client(cloud, "sns"), queue(cloud, "rights-fan")
    topic = sns.create_topic(Name="rights-fan")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=topic, Message="one")
    assert "topic rights-fan may not send to queue rights-fan" in said(cloud, "topic rights-fan")
    let_in(cloud, url, arn, "sns", topic)
    sns.publish(TopicArn=topic, Message="two")
    assert received(cloud, url)["Body"] == "two"


@pytest.mark.parametrize("kind", ["Queue", "Topic", "LambdaFunction"])
def test_a_notification_is_put_only_if_it_can_be_delivered(cloud: Cloud, tells: tuple[str, str, str],
                                                          kind: str) -> None:
    s3, bucket = client(cloud, "s3"), f"rights-{kind.lower()}"
    s3.create_bucket(Bucket=bucket)
    topic = client(cloud, "sns").create_topic(Name="rights-objects")["TopicArn"]
    arn = {"Queue": queue(cloud, "rights-objects")[1], "Topic": topic, "LambdaFunction": tells[1]}[kind]
    wanted = {f"{kind}Configurations": [{f"{kind}Arn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    with pytest.raises(ClientError, match="Unable to validate the following destination configurations") as refused:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)
    assert refused.value.response["Error"]["Code"] == "InvalidArgument"
    assert said(cloud, f"bucket {bucket} may not").endswith(f"from arn:aws:s3:::{bucket}")


def test_a_bucket_calls_a_function_while_it_is_permitted(cloud: Cloud, tells: tuple[str, str, str]) -> None:
    name, _, told = tells
    s3, functions = client(cloud, "s3"), client(cloud, "lambda")
    s3.create_bucket(Bucket="rights-photos")
    arn = permit(cloud, name, "s3", "arn:aws:s3:::rights-photos")
    s3.put_bucket_notification_configuration(Bucket="rights-photos", NotificationConfiguration={
        "LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]})
    s3.put_object(Bucket="rights-photos", Key="a", Body=b"1")
    assert received(cloud, told)["Body"] == "called"
    statements = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
    sid = next(s["Sid"] for s in statements if "rights-photos" in json.dumps(s))
    functions.remove_permission(FunctionName=name, StatementId=sid)
    s3.put_object(Bucket="rights-photos", Key="b", Body=b"1")
    assert "may not call function" in said(cloud, "bucket rights-photos may not call")


def test_a_schedule_acts_as_its_role(cloud: Cloud) -> None:
    scheduler, (_, arn) = client(cloud, "scheduler"), queue(cloud, "rights-tick")
    dead_url, dead = queue(cloud, "rights-tick-dead")
    rights = {**ALLOW_SEND, "Resource": dead}

    def soon(name: str, role_arn: str) -> None:
        at = datetime.now(UTC) + timedelta(seconds=2)
        scheduler.create_schedule(Name=name, ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})", FlexibleTimeWindow={
            "Mode": "OFF"}, Target={"Arn": arn, "RoleArn": role_arn, "Input": '{"tick": 1}',
                                    "DeadLetterConfig": {"Arn": dead}})

    with pytest.raises(ClientError, match="must allow AWS EventBridge Scheduler to assume the role"):
        soon("rights-no", role(cloud, "rights-no", ALLOW_SEND))
    soon("rights-tick", role(cloud, "rights-tick", rights, service="scheduler"))
    buried = received(cloud, dead_url)
    assert json.loads(buried["Body"]) == {"tick": 1}
    assert buried["MessageAttributes"]["TARGET_ARN"]["StringValue"] == arn
    line = said(cloud, "schedule rights-tick may not send to queue rights-tick")
    assert line.endswith(f"role rights-tick lacks sqs:SendMessage on {arn}")


def test_a_mapping_reads_with_the_role_of_its_function(cloud: Cloud) -> None:
    functions, (url, arn) = client(cloud, "lambda"), queue(cloud, "rights-source")
    out, _ = queue(cloud, "rights-source-out")
    code = ("import os\nimport botocore.session\nsqs = botocore.session.get_session().create_client('sqs')\n"
            "def handler(event, context):\n    sqs.send_message(QueueUrl=os.environ['OUT'], MessageBody='read')\n")
    name = function(cloud, code, ALLOW_SEND, environment={"OUT": out})
    with pytest.raises(ClientError, match="role does not have permissions to call ReceiveMessage on SQS") as refused:
        functions.create_event_source_mapping(FunctionName=name, EventSourceArn=arn)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
    table = client(cloud, "dynamodb").create_table(
        TableName="rights-table", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST", AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})["TableDescription"]
    with pytest.raises(ClientError, match=f"Cannot access stream {re.escape(table['LatestStreamArn'])}"):
        functions.create_event_source_mapping(FunctionName=name, EventSourceArn=table["LatestStreamArn"],
                                              StartingPosition="LATEST")
    iam = client(cloud, "iam")

    def may(*statements: dict[str, Any]) -> None:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [ALLOW_SEND, *statements]}))

    may(FROM_QUEUE)
    mapping = functions.create_event_source_mapping(FunctionName=name, EventSourceArn=arn)["UUID"]
    may()
    client(cloud, "sqs").send_message(QueueUrl=url, MessageBody="x")
    assert "lacks sqs:ReceiveMessage" in said(cloud, f"function {name} may not read from queue rights-source")
    assert functions.get_event_source_mapping(UUID=mapping)["LastProcessingResult"].startswith("PROBLEM: ")
    may(FROM_QUEUE)
    assert received(cloud, out)["Body"] == "read"


def test_destinations_and_dead_letters_are_sent_as_the_role(cloud: Cloud) -> None:
    functions, (url, arn) = client(cloud, "lambda"), queue(cloud, "rights-failed")
    name = function(cloud, FAIL, DeadLetterConfig={"TargetArn": arn})
    functions.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0, DestinationConfig={
        "OnFailure": {"Destination": arn}})
    functions.invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
    assert f"role {name} lacks sqs:SendMessage" in said(cloud, f"function {name} may not send to queue rights-failed")
    for count in ("DestinationDeliveryFailures", "DeadLetterErrors"):
        eventually(lambda c=count: metric(cloud, "AWS/Lambda", c, FunctionName=name) == 1)
    assert "Messages" not in client(cloud, "sqs").receive_message(QueueUrl=url)


def test_apis_call_functions_that_permit_them(cloud: Cloud, tells: tuple[str, str, str]) -> None:
    """Routes and authorizers of HTTP APIs, methods of REST APIs."""
    name = function(cloud, "def handler(event, context):\n    return {'isAuthorized': True}\n")
    functions, apis = client(cloud, "lambda"), client(cloud, "apigatewayv2")
    address = http_api(cloud, name, "GET /items/{id}")
    assert fetch(f"{address}/items/1")[0] == 200
    for statement in json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]:
        functions.remove_permission(FunctionName=name, StatementId=statement["Sid"])
    status, _, body = fetch(f"{address}/items/1")
    assert (status, json.loads(body)) == (500, {"message": "Internal Server Error"})
    api = next(a["ApiId"] for a in apis.get_apis()["Items"] if a["Name"] == name)
    prefix = f"arn:aws:execute-api:{cloud.region}:{cloud.account}:{api}"
    assert said(cloud, f"API {api} may not call function {name}").endswith(f"from {prefix}/$default/GET/items/{{id}}")
    arn = permit(cloud, name, "apigateway", f"{prefix}/*/GET/items/{{id}}")
    assert fetch(f"{address}/items/1")[0] == 200
    made = apis.create_authorizer(
        ApiId=api, Name="a", AuthorizerType="REQUEST", AuthorizerPayloadFormatVersion="2.0", EnableSimpleResponses=True,
        IdentitySource=["$request.header.x"], AuthorizerUri=f"arn:aws:apigateway:{cloud.region}:lambda:path/2015-03-31/"
        f"functions/{arn}/invocations")["AuthorizerId"]
    route = apis.get_routes(ApiId=api)["Items"][0]["RouteId"]
    apis.update_route(ApiId=api, RouteId=route, AuthorizationType="CUSTOM", AuthorizerId=made)
    assert fetch(f"{address}/items/1", headers={"x": "y"})[0] == 500
    permit(cloud, name, "apigateway", f"{prefix}/authorizers/{made}")
    assert fetch(f"{address}/items/1", headers={"x": "y"})[0] == 200


def test_a_refusal_is_a_failed_call_of_the_trace_and_not_repeated_at_once(cloud: Cloud) -> None:
    _, arn = queue(cloud, "rights-often")
    name = f"rights-{uuid.uuid4().hex[:6]}"
    _, send = rule(cloud, name, arn)
    began = time.monotonic()
    for _ in range(20):
        send()
    assert time.monotonic() - began < 10
    said(cloud, f"rule {name} may not send")  # one line
    assert metric(cloud, "AWS/Events", "FailedInvocations", RuleName=name) == 20


class NoFunctions:
    """Of a session that runs none."""

    ids = ()


def test_a_session_shows_refusals(cloud: Cloud) -> None:
    """Over the real connection: the cloud tells the session, which shows a line."""
    _, arn = queue(cloud, "rights-shown")
    _, send = rule(cloud, "rights-shown", arn)

    async def run() -> AnyEvent:
        shown: asyncio.Queue[AnyEvent] = asyncio.Queue()
        lines: list[asyncio.StreamWriter] = []
        calls = LocalCalls(cast(Functions, NoFunctions()), lambda: asyncio.sleep(0), shown.put_nowait)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            frames = Frames(reader, writer)
            hello = await frames.read()
            assert hello and hello[0]["want"] == "calls"
            lines.append(writer)
            await calls.serve(hello[0], frames)

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            assert await asyncio.to_thread(cloud.attach, server.sockets[0].getsockname()[1], "token")
            await asyncio.to_thread(send)
            async with asyncio.timeout(20):
                event = await shown.get()
            for line in lines:
                line.close()
                await line.wait_closed()
            return event

    event = asyncio.run(run())
    assert isinstance(event, Notice) and event.level == "warn"
    assert event.text.startswith("rule rights-shown may not send to queue rights-shown: ")


@pytest.mark.long
def test_without_iam_nothing_is_asked(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("open")
    try:
        open_cloud = embedded.start(root, environment=os.environ, iam=False)
        url, arn = queue(open_cloud, "anyone")
        rule(open_cloud, "anyone", arn)[1]()
        assert json.loads(received(open_cloud, url)["Body"])["source"] == "anyone"
        assert invoke(open_cloud, function(open_cloud, "def handler(e, c):\n    return 1\n")) == (1, "")
    finally:
        embedded.reset(root)
