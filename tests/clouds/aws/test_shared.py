"""Documents with several owners: each changes its own entries only."""
from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sst.clouds.aws.client import Aws
from sst.core.model import State
from sst.errors import ProviderError

from .samples import queue
from .world import World, note

pytestmark = pytest.mark.emulator


def sender(arn: str, **more: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [
        {**more, "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage",
         "Resource": "*", "Condition": {"ArnLike": {"aws:SourceArn": arn}}}]}


def gone(world: World, state: State) -> None:
    world.provider.delete(state, note)
    world.made = [s for s in world.made if s.urn != state.urn]


def on_queue(world: World, aws: Aws) -> tuple[dict[str, Any], Callable[[dict[str, Any]], None], Callable[[], Any]]:
    """A row's arguments, a change by somebody else, and the policy that is there."""
    url = queue(world)["url"]

    def put(policy: dict[str, Any]) -> None:
        aws.call("sqs", "set_queue_attributes", {"QueueUrl": url, "Attributes": {"Policy": json.dumps(policy)}})

    def there() -> Any:
        told = aws.call("sqs", "get_queue_attributes", {"QueueUrl": url, "AttributeNames": ["Policy"]})
        return json.loads(told.get("Attributes", {}).get("Policy") or "{}")

    return {"type": "aws.sqs.QueuePolicy", "queue_url": url}, put, there


def on_topic(world: World, aws: Aws) -> tuple[dict[str, Any], Callable[[dict[str, Any]], None], Callable[[], Any]]:
    arn = world.make("aws.sns.Topic", {})["arn"]

    def put(policy: dict[str, Any]) -> None:
        aws.call("sns", "set_topic_attributes", {"TopicArn": arn, "AttributeName": "Policy",
                                                 "AttributeValue": json.dumps(policy)})

    def there() -> Any:
        return json.loads(aws.call("sns", "get_topic_attributes", {"TopicArn": arn})["Attributes"]["Policy"])

    return {"type": "aws.sns.TopicPolicy", "topic_arn": arn}, put, there


def on_bucket(world: World, aws: Aws) -> tuple[dict[str, Any], Callable[[dict[str, Any]], None], Callable[[], Any]]:
    name = world.make("aws.s3.Bucket", {"force_destroy": True})["name"]

    def put(policy: dict[str, Any]) -> None:
        aws.call("s3", "put_bucket_policy", {"Bucket": name, "Policy": json.dumps(policy)})

    def there() -> Any:
        try:
            return json.loads(aws.call("s3", "get_bucket_policy", {"Bucket": name})["Policy"])
        except ProviderError as e:
            assert e.code == "NoSuchBucketPolicy"
            return {}

    return {"type": "aws.s3.BucketPolicy", "bucket": name}, put, there


def sids(policy: Any) -> set[str]:
    """The sources that a policy lets in, without what a topic has by itself."""
    return {s["Condition"]["ArnLike"]["aws:SourceArn"] for s in policy.get("Statement", ())
            if "ArnLike" in s["Condition"]}


@pytest.mark.parametrize("place", [on_queue, on_topic, on_bucket])
def test_statements_of_two_rows_and_of_others_live_in_one_policy(place: Any, world: World, aws: Aws) -> None:
    given, put, there = place(world, aws)
    type, inputs = given["type"], {k: v for k, v in given.items() if k != "type"}
    before = there()
    theirs = {**before, "Version": "2012-10-17", "Statement": [*before.get("Statement", ()),
                                                               *sender("arn:theirs")["Statement"]]}
    put(theirs)
    one, two = (world.create(world.operation(type, {**inputs, "policy": sender(f"arn:{n}")})) for n in ("one", "two"))
    assert sids(there()) == {"arn:theirs", "arn:one", "arn:two"}
    for state in (one, two):
        seen = world.provider.read(state)
        assert seen and seen.inputs and seen.inputs["policy"] == state.inputs["policy"], "each sees its own"
    world.update(one, {**one.inputs, "policy": sender("arn:three")}, frozenset({"policy"}))
    assert sids(there()) == {"arn:theirs", "arn:three", "arn:two"}
    gone(world, two)
    assert sids(there()) == {"arn:theirs", "arn:three"} and world.provider.read(two) is None
    gone(world, replace(one, inputs={**one.inputs, "policy": sender("arn:three")}))
    assert there()["Statement"] == theirs["Statement"]


@pytest.mark.parametrize("place", [on_queue, on_topic, on_bucket])
def test_the_last_statement_leaves_what_was_there_first(place: Any, world: World, aws: Aws) -> None:
    given, _, there = place(world, aws)
    before = there()
    inputs = {**{k: v for k, v in given.items() if k != "type"}, "policy": sender("arn:one")}
    gone(world, world.create(world.operation(given["type"], inputs)))
    assert there().get("Statement", []) == before.get("Statement", [])


def test_a_foreign_notification_stays(world: World, aws: Aws) -> None:
    bucket, told = world.make("aws.s3.Bucket", {"force_destroy": True})["name"], queue(world)
    arn = told["arn"]
    world.make("aws.sqs.QueuePolicy", {"queue_url": told["url"], "policy": sender("arn:aws:s3:::*")})

    def rule(id: str, prefix: str) -> dict[str, Any]:
        return {"Id": id, "QueueArn": arn, "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}}

    def ids() -> set[str]:
        told = aws.call("s3", "get_bucket_notification_configuration", {"Bucket": bucket})
        return {c["Id"] for c in told.get("QueueConfigurations", ())}
    aws.call("s3", "put_bucket_notification_configuration", {
        "Bucket": bucket, "NotificationConfiguration": {"QueueConfigurations": [rule("theirs", "x/")]}})
    mine = world.create(world.operation("aws.s3.BucketNotification", {
        "bucket": bucket, "queues": [{"id": "Mine", "arn": arn, "events": ["s3:ObjectCreated:*"], "prefix": "in/"}]}))
    assert ids() == {"theirs", "Mine"}
    seen = world.provider.read(mine)
    assert seen and seen.inputs and dict(seen.inputs) == dict(mine.inputs)
    operation = world.operation("aws.s3.BucketNotification", {
        "bucket": bucket, "queues": [{"id": "theirs", "arn": arn, "events": ["s3:ObjectCreated:*"], "prefix": "y/"}]})
    with pytest.raises(ProviderError, match=r'has a notification "theirs" already') as e:
        world.provider.create(operation, note)
    assert e.value.code == "AlreadyExists" and ids() == {"theirs", "Mine"}
    again = replace(operation, inputs={**operation.inputs, "queues": mine.inputs["queues"]})
    world.provider.create(again, note)      # as after a lost answer: the same rule is ours
    gone(world, mine)
    assert ids() == {"theirs"}
