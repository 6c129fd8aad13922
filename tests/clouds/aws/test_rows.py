"""Every row against the emulator: created, planned again as no-op, read, found, updated, deleted twice."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from sst.clouds.aws.client import Aws
from sst.core.model import State
from sst.core.provider import Absent
from sst.errors import ProviderError

from .life import live
from .rows import ROWS
from .samples import SAMPLES, zip_file
from .world import World, note

pytestmark = pytest.mark.emulator


def test_every_row_has_a_sample() -> None:
    assert sorted(ROWS) == sorted(SAMPLES)


@pytest.mark.parametrize("type", ROWS)
def test_a_row_lives_its_life(type: str, world: World) -> None:
    live(type, world)


def test_a_foreign_thing_of_the_same_name_is_not_taken_for_ours(world: World) -> None:
    operation = world.operation("aws.iam.Role", {"name": "fixed", "assume_role_policy": {}})
    world.aws.call("iam", "create_role", {"RoleName": "fixed", "AssumeRolePolicyDocument": "{}"})
    try:
        with pytest.raises(ProviderError) as e:
            world.provider.create(operation, note)
        assert e.value.operation == "iam create_role" and e.value.request_id and e.value.code == "EntityAlreadyExists"
        assert isinstance(world.provider.find(operation), Absent)
    finally:
        world.aws.call("iam", "delete_role", {"RoleName": "fixed"})


def test_a_thing_is_taken_over_by_its_id(world: World) -> None:
    queue = world.create(world.operation("aws.sqs.Queue", {"delay_seconds": 5}))
    there = world.provider.read(State("u", "aws.sqs.Queue", queue.id))
    assert there and there.inputs and there.inputs["name"] == queue.inputs["name"]
    assert there.inputs["delay_seconds"] == 5
    assert dict(there.outputs) == dict(queue.outputs)


def test_drift_is_seen(world: World, aws: Aws) -> None:
    queue = world.create(world.operation("aws.sqs.Queue", {"delay_seconds": 5}))
    aws.call("sqs", "set_queue_attributes", {"QueueUrl": queue.outputs["url"], "Attributes": {"DelaySeconds": "9"}})
    seen = world.provider.read(queue)
    assert seen and seen.inputs and seen.inputs["delay_seconds"] == 9


def test_a_full_bucket_is_emptied_only_when_asked(world: World, aws: Aws) -> None:
    bucket = world.create(world.operation("aws.s3.Bucket", {}))
    world.make("aws.s3.BucketVersioning", {"bucket": bucket.id, "status": "Enabled"})
    for i in range(3):
        aws.call("s3", "put_object", {"Bucket": bucket.id, "Key": "k", "Body": b"%d" % i})
    with pytest.raises(ProviderError) as e:
        world.provider.delete(bucket, note)
    assert e.value.code == "BucketNotEmpty"
    world.made = [s for s in world.made if s.id != bucket.id]
    world.provider.delete(replace(bucket, inputs={**bucket.inputs, "force_destroy": True}), note)
    assert world.provider.read(bucket) is None


@pytest.mark.parametrize(("type", "inputs"), [("aws.s3.Bucket", {}), ("aws.sqs.Queue", {}), ("aws.sns.Topic", {}),
                                              ("aws.events.Rule", {"schedule_expression": "rate(1 day)"})])
def test_a_fixed_name_that_is_taken_is_not_taken_over(type: str, inputs: dict[str, str], world: World,
                                                      aws: Aws) -> None:
    name = world.make(type, inputs)["name"]
    for lineage in ("lineage-1", "another"):
        other = World(aws, lineage)
        with pytest.raises(ProviderError, match=f"a {type} named {name} exists already"):
            other.provider.create(other.operation(type, {"name": name, **inputs}), note)


def test_large_code_goes_through_a_bucket(world: World, aws: Aws) -> None:
    assets = world.make("aws.s3.Bucket", {"force_destroy": True})["name"]
    world.provider.uploads.bucket = lambda: assets
    world.provider.uploads.inline = 10
    role = world.make("aws.iam.Role", {"assume_role_policy": {}})
    world.make("aws.lambda.Function", {"role": role["arn"], "handler": "app.handler", "runtime": "python3.12",
                                       "code": {"path": "1", "sha256": "1" * 64}})
    assert aws.call("s3", "list_objects_v2", {"Bucket": assets})["KeyCount"] == 1
    # as with other files beside the same code: another zip of the same bundle
    world.provider.uploads.asset = lambda inputs: zip_file("2")
    world.make("aws.lambda.Function", {"role": role["arn"], "handler": "app.handler", "runtime": "python3.12",
                                       "code": {"path": "1", "sha256": "1" * 64}})
    assert aws.call("s3", "list_objects_v2", {"Bucket": assets})["KeyCount"] == 2


def test_an_app_costs_hardly_more_than_one_call_a_resource(world: World, aws: Aws) -> None:
    aws.account()
    before = aws.counts.total()
    for _ in range(3):
        role = world.make("aws.iam.Role", {"assume_role_policy": {}})
        world.make("aws.iam.RolePolicy", {"role": role["name"], "policy": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"}]}})
        world.make("aws.logs.LogGroup", {"retention": 30})
        world.make("aws.lambda.Function", {"role": role["arn"], "handler": "app.handler", "runtime": "python3.12",
                                           "code": {"path": "1", "sha256": "1" * 64}})
        world.make("aws.sqs.Queue", {})
    bucket = world.make("aws.s3.Bucket", {})
    world.make("aws.s3.PublicAccessBlock", {"bucket": bucket["name"]})
    world.make("aws.dynamodb.Table", {"attribute_definitions": [{"AttributeName": "id", "AttributeType": "S"}],
                                      "key_schema": [{"AttributeName": "id", "KeyType": "HASH"}]})
    assert (aws.counts.total() - before) / len(world.made) <= 1.3


def test_a_signed_url_opens_without_credentials(world: World, aws: Aws) -> None:
    bucket = world.make("aws.s3.Bucket", {"force_destroy": True})["name"]
    aws.call("s3", "put_object", {"Bucket": bucket, "Key": "a.txt", "Body": b"hello"})
    url = aws.presigned("s3", f"{aws.endpoint('s3')}/{bucket}/a.txt", expires=60)
    with urlopen(url) as answer:
        assert answer.read() == b"hello"
    with pytest.raises(HTTPError):
        urlopen(url.replace("Signature=", "Signature=0")).close()


def test_files_and_large_bodies_arrive_whole(world: World, aws: Aws, tmp_path: Path) -> None:
    bucket = world.make("aws.s3.Bucket", {"force_destroy": True})["name"]
    data = bytes(range(256)) * 4096
    (tmp_path / "file").write_bytes(data)
    with (tmp_path / "file").open("rb") as file:
        for key, body in (("bytes", data), ("file", file), ("none", b"")):
            aws.call("s3", "put_object", {"Bucket": bucket, "Key": key, "Body": body, "Metadata": {"who": "me"}})
    for key, body in (("bytes", data), ("file", data), ("none", b"")):
        assert aws.call("s3", "get_object", {"Bucket": bucket, "Key": key})["Body"] == body
