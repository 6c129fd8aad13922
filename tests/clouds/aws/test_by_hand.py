"""What people do by hand in the console, beside setting a property to another value: each is seen, and nothing else
is."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sst.clouds.aws.client import Aws
from sst.core.model import Snapshot, State
from sst.engine.refresh import Drift, drifts
from tests.fakes import ignore

from .samples import SAMPLES, ZIP
from .world import World

pytestmark = pytest.mark.emulator

Tags = Mapping[str, str]


def make(world: World, type: str, **inputs: Any) -> State:
    return world.create(world.operation(type, {**SAMPLES[type](world).inputs, **inputs}))


def seen(world: World, *states: State) -> list[Drift]:
    return drifts(Snapshot(resources={s.urn: replace(s, deps=()) for s in states}), lambda type: world.provider, ignore)


def cloud_values(world: World, *states: State) -> dict[str, Any]:
    return {d.property: d.cloud_value for d in seen(world, *states)}


def test_what_is_switched_off(world: World, aws: Aws) -> None:
    table = make(world, "aws.dynamodb.Table")
    name = {"TableName": table.id}
    aws.call(
        "dynamodb",
        "update_time_to_live",
        {**name, "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": False}},
    )
    aws.call("dynamodb", "update_continuous_backups",
             {**name, "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False}})
    aws.call("dynamodb", "update_table", {**name, "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "byA"}}]})
    aws.call("dynamodb", "update_table", {**name, "StreamSpecification": {"StreamEnabled": False}})
    expected = {"ttl": None, "point_in_time_recovery": False, "global_secondary_indexes": None,
                "stream_view_type": None}
    there = cloud_values(world, table)
    assert {k: there.get(k) for k in expected} == expected
    assert there.keys() - expected.keys() <= {"attribute_definitions"}


def test_a_bucket_that_tells_nobody_any_more(world: World, aws: Aws) -> None:
    told = make(world, "aws.s3.BucketNotification")
    aws.call("s3", "put_bucket_notification_configuration", {"Bucket": told.id, "NotificationConfiguration": {}})
    assert [d.gone for d in seen(world, told)] == [True]


def test_other_code_and_other_variables(world: World, aws: Aws) -> None:
    function = make(world, "aws.lambda.Function", reserved_concurrency=3)
    name = {"FunctionName": function.id}
    sha = aws.call("lambda", "update_function_code", {**name, "ZipFile": ZIP["2"]})["CodeSha256"]
    aws.call("lambda", "update_function_configuration",
             {**name, "Environment": {"Variables": {"A": "1", "B": "3", "C": "4"}}})
    aws.call("lambda", "delete_function_concurrency", name)
    found = {d.property: d for d in seen(world, function)}
    assert found["code"].cloud_value == {**function.inputs["code"], "sha256": sha}
    assert found["environment"].cloud_value == {"A": "1",
                                                "C": "4"} and found["secret_environment"].cloud_value == {"B": "3"}
    assert found["reserved_concurrency"].cloud_value is None and len(found) == 4
    aws.call("lambda", "update_function_code", {**name, "ZipFile": ZIP["1"]})
    assert "code" not in cloud_values(world, function), "the same code again is none"


def test_a_change_of_its_settings_does_not_hide_other_code(world: World, aws: Aws) -> None:
    function = make(world, "aws.lambda.Function")
    aws.call("lambda", "update_function_code", {"FunctionName": function.id, "ZipFile": ZIP["2"]})
    inputs = {**function.inputs, "timeout": 9}
    made = world.update(function, inputs, frozenset({"timeout"}))
    assert set(cloud_values(world, replace(function, inputs=inputs, outputs=made.outputs))) == {"code"}


def test_another_right_under_the_same_name(world: World, aws: Aws) -> None:
    right = make(world, "aws.lambda.Permission")
    one = {"FunctionName": right.inputs["function_name"], "StatementId": right.inputs["statement_id"]}
    aws.call("lambda", "remove_permission", one)
    aws.call("lambda", "add_permission", {**one, "Action": right.inputs["action"], "Principal": "sns.amazonaws.com"})
    assert cloud_values(world, right) == {"principal": "sns.amazonaws.com", "source_arn": None}


def test_a_mapping_that_is_paused(world: World, aws: Aws) -> None:
    mapping = make(world, "aws.lambda.EventSourceMapping", enabled=True)
    assert not seen(world, mapping)
    aws.call("lambda", "update_event_source_mapping", {"UUID": mapping.id, "Enabled": False})
    assert cloud_values(world, mapping) == {"enabled": False}


def test_other_content_and_another_secret(world: World, aws: Aws) -> None:
    file, secret = make(world, "aws.s3.Object"), make(world, "aws.secretsmanager.Secret", value="one")
    assert not seen(world, file, secret)
    place = {"Bucket": file.inputs["bucket"], "Key": file.inputs["key"], "ContentType": "text/plain"}
    aws.call("s3", "put_object", {**place, "Body": b"by hand"})
    aws.call("secretsmanager", "put_secret_value", {"SecretId": secret.inputs["name"], "SecretString": "two"})
    there = cloud_values(world, file, secret)
    assert there["content"].startswith("(other content, ") and there["value"] == "two" and len(there) == 2


def test_a_record_is_deleted_whatever_it_holds_by_now(world: World) -> None:
    record = make(world, "aws.route53.Record")
    other = {**record.inputs, **SAMPLES["aws.route53.Record"](world).update}
    world.update(record, other, frozenset({"records"}))
    assert seen(world, record)
    world.provider.delete(record, lambda text: None)
    assert world.provider.read(record) is None


@pytest.mark.parametrize("tags", [None, {"a": "1"}], ids=["no tags of its own", "tags"])
def test_tags(world: World, aws: Aws, tags: Tags | None) -> None:
    queue = make(world, "aws.sqs.Queue", tags=tags)
    url = {"QueueUrl": queue.id}
    aws.call("sqs", "tag_queue", {**url, "Tags": {"b": "2"}})
    assert cloud_values(world, queue) == {"tags": {**(tags or {}), "b": "2"}}
    aws.call("sqs", "untag_queue", {**url, "TagKeys": ["b", "sst:stage", "sst:lineage"]})
    assert cloud_values(world, queue) == {"tags": {**(tags or {}), "sst:stage": "", "sst:lineage": ""}}
    aws.call("sqs", "tag_queue", {**url, "Tags": {"sst:stage": "prod", "sst:lineage": "lineage-1"}})
    assert cloud_values(world, queue) == {"tags": {**(tags or {}), "sst:stage": "prod"}}


def test_tags_that_are_no_drift(world: World, aws: Aws) -> None:
    """Those of the app, the former urn of what was renamed, and all of a thing that was taken over and is not tagged
    by us yet."""
    world.provider.own_tags = {"team": "web"}
    queue, other = make(world, "aws.sqs.Queue"), make(world, "aws.sqs.Queue", tags=None)
    assert not seen(world, replace(queue, urn=f"{queue.urn}Renamed"))
    ours = ["sst:app", "sst:stage", "sst:urn", "sst:lineage"]
    aws.call("sqs", "untag_queue", {"QueueUrl": other.id, "TagKeys": ours})
    aws.call("sqs", "tag_queue", {"QueueUrl": other.id, "Tags": {"theirs": "1"}})
    assert not seen(world, other)
    aws.call("sqs", "untag_queue", {"QueueUrl": queue.id, "TagKeys": ["a", *ours]})
    assert cloud_values(world, queue) == {"tags": {}}, "its own were taken away too"


def test_the_tags_of_many_are_read_together(world: World, aws: Aws) -> None:
    queues = [world.create(world.operation("aws.sqs.Queue", {"tags": {"a": str(n)}})) for n in range(30)]
    asked = aws.counts.copy()
    assert not seen(world, *queues)
    assert dict(aws.counts - asked) == {"sqs.get_queue_attributes": 30, "resourcegroupstaggingapi.get_resources": 1}
    aws.call("sqs", "tag_queue", {"QueueUrl": queues[3].id, "Tags": {"a": "9"}})
    asked = aws.counts.copy()
    assert cloud_values(world, *queues) == {"tags": {"a": "9"}}
    assert (aws.counts - asked)["sqs.list_queue_tags"] == 1, "a list may be old: what differs there is asked for again"


def test_variables_that_were_added_later_are_kept_and_compared_apart(world: World, aws: Aws) -> None:
    function = make(world, "aws.lambda.Function", environment={"A": "1"}, kept_variables=["URL"])
    added = world.create(world.operation("aws.lambda.Variables",
                                         {"function_name": function.id, "variables": {"URL": "https://x"}}))
    assert seen(world, function, added) == []
    updated = world.update(function, {**function.inputs, "environment": {"A": "2"}}, frozenset({"environment"}))
    assert updated.id == function.id
    assert variables(aws, function) == {"A": "2", "B": "2", "URL": "https://x"}
    world.provider.delete(added, ignore)
    world.made.remove(added)
    assert variables(aws, function) == {"A": "2", "B": "2"}


def variables(aws: Aws, function: State) -> dict[str, str]:
    answer = aws.call("lambda", "get_function_configuration", {"FunctionName": function.id})
    found: dict[str, str] = answer["Environment"]["Variables"]
    return found
