"""What the provider does when answers get lost, names are taken, and how few calls it makes."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs

import pytest

from sst.clouds.aws.client import Aws
from sst.clouds.aws.parameters import wire
from sst.clouds.aws.provider import AwsProvider, row, urn_tag
from sst.clouds.aws.table import fill
from sst.core.model import Op, Operation, State
from sst.core.output import UNKNOWN
from sst.core.provider import Absent, Found, Unsure
from sst.errors import ProviderError, UserError

from .rows import ROWS
from .stand_in import RESET, Answer, StandIn, refusal, stand_in

ME = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:u</Arn><Account>111111111111</Account>" \
     "</GetCallerIdentityResult></GetCallerIdentityResponse>"
ROLE = "<{0}Response><{0}Result><Role><Arn>arn:aws:iam::1:role/r</Arn><RoleId>AR</RoleId>" \
       "<RoleName>r</RoleName>{1}</Role></{0}Result></{0}Response>"


def xml(text: str, status: int = 200) -> Answer:
    return Answer(status, text.encode(), {"Content-Type": "text/xml"})


def no(code: str, status: int) -> Answer:
    return xml(f"<ErrorResponse><Error><Code>{code}</Code><Message>m</Message></Error>"
               "<RequestId>r-7</RequestId></ErrorResponse>", status)


@contextmanager
def iam(answers: Callable[[str, int], Answer]) -> Iterator[tuple[AwsProvider, list[str], StandIn]]:
    """A stand-in for IAM and STS: ``answers`` gets the action and how often it was asked before."""
    asked: list[str] = []

    def decide(n: int) -> Answer:
        action = parse_qs(cloud.requests[n][3].decode())["Action"][0]
        if action == "GetCallerIdentity":
            return xml(ME)
        asked.append(action)
        return answers(action, asked.count(action) - 1)

    with stand_in(decide) as cloud, Aws(region="eu-west-1", endpoint=cloud.url, credentials=("a", "b"), environment={},
                                        sleep=lambda s: None) as aws:
        yield AwsProvider(aws, app="app", stage="test", lineage="L"), asked, cloud


def role(name: str = "app-test-Role-abcdefgh") -> Operation:
    return Operation("urn", Op.CREATE, "aws.iam.Role", "app-test-Role-abcdefgh", "t",
                     {"name": name, "assume_role_policy": {}})


def test_a_create_whose_answer_is_lost_is_looked_up_and_not_repeated() -> None:
    with iam(lambda action, n: RESET if action == "CreateRole" else xml(ROLE.format("GetRole", ""))) as (
        provider,
        asked,
        _,
    ):
        made = provider.create(role(), lambda text: None)
        assert made.outputs["arn"] == "arn:aws:iam::1:role/r" and asked == ["CreateRole", "GetRole"]


def test_a_create_whose_answer_is_lost_is_repeated_when_nothing_is_there() -> None:
    def answers(action: str, n: int) -> Answer:
        if action == "GetRole":
            return no("NoSuchEntity", 404)
        return RESET if n == 0 else xml(ROLE.format("CreateRole", ""))

    with iam(answers) as (provider, asked, _):
        assert provider.create(role(), lambda text: None).id == "app-test-Role-abcdefgh"
        assert asked == ["CreateRole", "GetRole", "CreateRole"]


def test_throttled_is_never_read_as_gone() -> None:
    state = State("urn", "aws.iam.Role", "r", {"name": "r"}, {})
    with iam(lambda action, n: no("Throttling", 400) if n < 3 else no("NoSuchEntity", 404)) as (provider, asked, _):
        assert provider.read(state) is None and len(asked) == 4


def test_what_is_gone_is_no_error_to_delete() -> None:
    with iam(lambda action, n: no("NoSuchEntity", 404)) as (provider, asked, _):
        provider.delete(State("urn", "aws.iam.Role", "r", {"name": "r"}, {}), lambda text: None)
        assert asked == ["DeleteRole"]


def test_an_error_names_the_operation_and_the_request() -> None:
    with (
        iam(lambda action, n: no("MalformedPolicyDocument", 400)) as (provider, _, _),
        pytest.raises(ProviderError) as e,
    ):
        provider.create(role(), lambda text: None)
    assert str(e.value) == "MalformedPolicyDocument: m   [iam create_role, request r-7]" and e.value.status == 400


@pytest.mark.parametrize(("tags", "answer"), [
    ({"sst:urn": "urn", "sst:lineage": "L"}, Found), ({"sst:urn": "urn", "sst:lineage": "other"}, Absent),
    ({}, Absent)])
def test_a_thing_with_a_fixed_name_is_ours_only_by_its_tags(tags: dict[str, str], answer: type) -> None:
    shown = "".join(f"<member><Key>{k}</Key><Value>{v}</Value></member>" for k, v in tags.items())
    with iam(lambda action, n: xml(ROLE.format(action, f"<Tags>{shown}</Tags>"))) as (provider, _, _):
        assert isinstance(provider.find(role("fixed")), answer)


def test_a_thing_with_a_fixed_name_and_no_tags_is_unsure() -> None:
    with stand_in(lambda n: xml(ME) if n == 0 else Answer(200, {"Name": "fixed", "Arn": "a"})) as cloud, \
            Aws(region="eu-west-1", endpoint=cloud.url, credentials=("a", "b"), environment={}) as aws:
        operation = Operation("urn", Op.CREATE, "aws.scheduler.Schedule", "base", "t", {"name": "fixed"})
        assert isinstance(AwsProvider(aws, app="a", stage="s", lineage="L").find(operation), Unsure)


@pytest.mark.long
def test_a_throttled_look_up_is_not_absent() -> None:
    with stand_in(lambda n: xml(ME) if n == 0 else refusal("ThrottlingException")) as cloud, \
            Aws(region="eu-west-1", endpoint=cloud.url, credentials=("a", "b"), environment={}, clock=Ticking(),
                sleep=lambda s: None) as aws:
        operation = Operation("urn", Op.CREATE, "aws.scheduler.Schedule", "base", "t", {"name": "fixed"})
        with pytest.raises(ProviderError):
            AwsProvider(aws, app="a", stage="s", lineage="L").find(operation)


class Ticking:
    """A clock that goes on ten seconds each time somebody looks."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        self.now += 10
        return self.now


def test_properties_are_sent_under_their_paths() -> None:
    assert wire(row("aws.sqs.Queue"), {"name": "q", "delay_seconds": 5, "fifo_queue": True, "redrive_policy": {"a": 1},
                                       "tags": {}}) == {
        "QueueName": "q", "Attributes": {"DelaySeconds": "5", "FifoQueue": "true", "RedrivePolicy": '{"a": 1}'}}
    assert wire(row("aws.lambda.Function"), {"environment": {"A": "1"}, "secret_environment": {"B": "2"},
                                             "ephemeral_storage": 600}) == {
        "Environment": {"Variables": {"A": "1", "B": "2"}}, "EphemeralStorage": {"Size": 600}}


def test_references_are_filled_in() -> None:
    known = {"name": "n", "number": 3, "none": None}
    assert fill({"A": "$number", "B": "x/$name/$number", "C": ["$name"], "D": "$none"}, known) == {
        "A": 3,
        "B": "x/n/3",
        "C": ["n"],
    }


def test_what_is_not_known_yet_differs_from_everything() -> None:
    provider = AwsProvider(Aws(environment={}), app="a", stage="s", lineage="L")
    old = {"name": "q", "redrive_policy": {"deadLetterTargetArn": "a"}}
    prior = State("aws.sqs.Queue::Q", "aws.sqs.Queue", "q", old)
    new = {**old, "redrive_policy": {"deadLetterTargetArn": UNKNOWN}}
    assert provider.plan("aws.sqs.Queue", prior, new).changed == {"redrive_policy"}
    assert provider.plan("aws.sqs.Queue", prior, {**old, "name": UNKNOWN}).replace == {"name"}
    assert not provider.plan("aws.sqs.Queue", prior, dict(old)).changed


def test_another_order_of_what_has_none_is_no_change() -> None:
    provider = AwsProvider(None, app="app", stage="test", lineage="L")  # type: ignore[arg-type]  # it makes no call
    lists = [(type, k) for type, kind in ROWS.items() for k in kind.unordered]
    assert ("aws.elasticache.SubnetGroup", "subnet_ids") in lists
    a, b = "sg-0123456789abcdef0", "sg-0123456789abcdef1"
    for type, key in lists:
        prior = State("urn", type, "id", {key: [a, b, b]})
        assert not provider.plan(type, prior, {key: (b, a, b)}).changed
        for other in ([a, b], [a, a, b], [a, b, UNKNOWN], None, UNKNOWN):
            assert provider.plan(type, prior, {key: other}).changed == {key}, other
    prior = State("urn", "aws.lambda.Function", "id", {"layers": ["a", "b"]})
    assert provider.plan("aws.lambda.Function", prior, {"layers": ["b", "a"]}).changed == {"layers"}


@pytest.mark.parametrize(("type", "inputs", "said"), [
    ("aws.lambda.Function", {"environment": {"AA": 1, "BB": UNKNOWN}}, "Variables.AA: invalid type (int, not str)"),
    ("aws.lambda.Function", {"environment": {"AA": [UNKNOWN]}}, "Variables.AA: invalid type (list, not str)"),
    ("aws.lambda.Function", {"secret_environment": {"AA": True}}, "Variables.AA: invalid type (bool, not str)"),
    ("aws.lambda.Function", {"memory_size": 64}, "MemorySize: invalid range"),
    ("aws.lambda.Function", {"layers": "x"}, "Layers: invalid type (str, not list or tuple)"),
    ("aws.lambda.EventSourceMapping", {"batch_size": "10"}, "BatchSize: invalid type (str, not int)"),
    ("aws.scheduler.Schedule", {"schedule_expression": ""}, "ScheduleExpression: invalid length"),
    ("aws.scheduler.Schedule", {"start_date": []}, "invalid type (list, not datetime.datetime or timestamp-string)")])
def test_what_the_model_of_the_service_refuses_is_refused_by_the_plan(type: str, inputs: dict[str, object],
                                                                      said: str) -> None:
    provider = AwsProvider(None, app="app", stage="test", lineage="L")  # type: ignore[arg-type]  # it makes no call
    for prior in (None, State("urn", type, "id", {})):
        with pytest.raises(UserError, match=re.escape(said)) as caught:
            provider.plan(type, prior, inputs)
        assert type in str(caught.value)


def test_what_is_not_known_yet_is_not_judged() -> None:
    provider = AwsProvider(None, app="app", stage="test", lineage="L")  # type: ignore[arg-type]  # it makes no call
    for inputs in ({"environment": {"AA": UNKNOWN}}, {"environment": UNKNOWN}, {"layers": [UNKNOWN]}, {"role": UNKNOWN},
                   {"vpc_config": {"SubnetIds": [UNKNOWN], "SecurityGroupIds": UNKNOWN}}):
        assert provider.plan("aws.lambda.Function", None, inputs).changed == inputs.keys()


def test_an_id_tells_what_it_is_made_of() -> None:
    assert ROWS["aws.iam.RolePolicy"].fields_of("a/b") == {"role": "a", "name": "b"}
    assert ROWS["aws.iam.Role"].fields_of("r") == {"name": "r"}


def test_a_long_urn_fits_into_a_tag_and_stays_itself() -> None:
    long = "aws.Function::" + "a/" * 200
    assert urn_tag("short") == "short" and len(urn_tag(long)) == 256 and urn_tag(long) != urn_tag(long + "b")


def test_a_look_up_that_is_refused_before_the_create_leaves_nothing_to_find() -> None:
    with stand_in(lambda n: xml(ME) if n == 0 else Answer(400, b"")) as cloud, Aws(
            region="eu-west-1", endpoint=cloud.url, environment={}, credentials=("a", "b"),
            sleep=lambda s: None) as aws:
        provider = AwsProvider(aws, app="app", stage="test", lineage="L")
        wanted = Operation("urn", Op.CREATE, "aws.s3.Bucket", "", "t", {"name": "My_Bucket"})
        with pytest.raises(ProviderError) as e:
            provider.create(wanted, lambda text: None)
    assert e.value.status == 400 and not e.value.sent
    assert [method for method, _, _, _ in cloud.requests] == ["POST", "HEAD"], "no bucket was asked for"
