"""Documents with several owners: each changes its own entries only."""
from __future__ import annotations

import json
from typing import Any

import pytest

from sst.clouds.aws.client import Aws
from sst.core.model import State

from .samples import queue
from .world import World, note

pytestmark = pytest.mark.emulator


def sender(arn: str, **more: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [
        {**more, "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage",
         "Resource": "*", "Condition": {"ArnLike": {"aws:SourceArn": arn}}}]}


def sources(aws: Aws, url: str) -> set[str]:
    told = aws.call("sqs", "get_queue_attributes", {"QueueUrl": url, "AttributeNames": ["Policy"]})
    policy = json.loads(told.get("Attributes", {}).get("Policy") or "{}")
    return {s["Condition"]["ArnLike"]["aws:SourceArn"] for s in policy.get("Statement", ())}


def gone(world: World, state: State) -> None:
    world.provider.delete(state, note)
    world.made.remove(state)


def test_two_policies_and_a_foreign_statement_live_on_one_queue(world: World, aws: Aws) -> None:
    url = queue(world)["url"]
    theirs = json.dumps(sender("arn:theirs"))
    aws.call("sqs", "set_queue_attributes", {"QueueUrl": url, "Attributes": {"Policy": theirs}})
    one, two = (world.create(world.operation("aws.sqs.QueuePolicy", {"queue_url": url, "policy": sender(f"arn:{n}")}))
                for n in ("one", "two"))
    assert sources(aws, url) == {"arn:theirs", "arn:one", "arn:two"}
    for state in (one, two):
        seen = world.provider.read(state)
        assert seen and seen.inputs and dict(seen.inputs) == dict(state.inputs), "each sees its own"
    inputs = {**one.inputs, "policy": sender("arn:three")}
    world.update(one, inputs, frozenset({"policy"}))
    assert sources(aws, url) == {"arn:theirs", "arn:three", "arn:two"}
    gone(world, two)
    assert sources(aws, url) == {"arn:theirs", "arn:three"} and world.provider.read(two) is None
    gone(world, one)
    assert sources(aws, url) == {"arn:theirs"}


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
    gone(world, mine)
    assert ids() == {"theirs"}
