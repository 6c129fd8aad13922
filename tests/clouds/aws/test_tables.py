"""Changes of a table that DynamoDB takes only in steps."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sst.clouds.aws.client import Aws
from sst.core.model import State

from .world import World

pytestmark = pytest.mark.emulator


def index(name: str, *keys: str) -> dict[str, Any]:
    return {"IndexName": name, "Projection": {"ProjectionType": "ALL"},
            "KeySchema": [{"AttributeName": k, "KeyType": t} for k, t in zip(keys, ("HASH", "RANGE"), strict=False)]}


def table(**types: str) -> dict[str, Any]:
    """With a key ``id``, and an index by each other field that is also by ``id``."""
    return {"attribute_definitions": [{"AttributeName": k, "AttributeType": t} for k, t in types.items()],
            "key_schema": [{"AttributeName": "id", "KeyType": "HASH"}], "billing_mode": "PAY_PER_REQUEST",
            "global_secondary_indexes": [index(f"by-{k}", k, "id") for k in types if k != "id"] or None}


def changed_to(world: World, state: State, inputs: Mapping[str, Any]) -> State:
    """Updated as a plan says, and read without drift."""
    plan = world.plan(state, inputs)
    assert not plan.replace, plan
    name = {"name": state.inputs["name"]}
    world.update(state, {**inputs, **name}, plan.changed - {"name"})
    made = replace(state, inputs={**inputs, **name})
    seen = world.provider.read(made)
    assert seen and seen.inputs and {k: seen.inputs.get(k) for k in inputs} == dict(inputs)
    return made


def types(aws: Aws, state: State) -> dict[str, str]:
    told = aws.call("dynamodb", "describe_table", {"TableName": state.inputs["name"]})["Table"]
    return {a["AttributeName"]: a["AttributeType"] for a in told["AttributeDefinitions"]}


def test_an_index_is_made_anew_when_the_type_of_its_key_changes(world: World, aws: Aws) -> None:
    state = world.create(world.operation("aws.dynamodb.Table", table(id="S", a="S", b="S")))
    state = changed_to(world, state, {**table(id="S", a="N", b="S"), "name": state.inputs["name"]})
    assert types(aws, state) == {"id": "S", "a": "N", "b": "S"}
    told = aws.call("dynamodb", "describe_table", {"TableName": state.inputs["name"]})["Table"]
    assert {i["IndexName"] for i in told["GlobalSecondaryIndexes"]} == {"by-a", "by-b"}
    state = changed_to(world, state, {**table(id="S", b="B"), "name": state.inputs["name"]})
    assert types(aws, state) == {"id": "S", "b": "B"}


def test_another_type_of_the_table_s_own_key_needs_a_new_table(world: World) -> None:
    first = world.operation("aws.dynamodb.Table", table(id="S", a="S"))
    state = State(first.urn, first.type, "T", first.inputs, {}, provider="aws")
    name = {"name": first.inputs["name"]}
    assert world.plan(state, {**table(id="N", a="S"), **name}).replace == {"attribute_definitions"}
    assert not world.plan(state, {**table(id="S", a="N"), **name}).replace


def test_the_field_of_the_ttl_changes(world: World, aws: Aws) -> None:
    state = world.create(world.operation("aws.dynamodb.Table", {**table(id="S"), "ttl": "expires"}))
    state = changed_to(world, state, {**state.inputs, "ttl": "gone"})
    told = aws.call("dynamodb", "describe_time_to_live", {"TableName": state.inputs["name"]})
    assert told["TimeToLiveDescription"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "gone"}
