"""No property or output of a resource is shadowed by what the engine knows of it."""
from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import assert_type

import pytest

from sst.clouds.aws import ssm
from sst.clouds.aws.columns import call
from sst.clouds.aws.parameters import wire
from sst.clouds.aws.table import AwsResource
from sst.core.graph import Graph
from sst.core.output import Output
from sst.core.resource import RESERVED, Arg, Resource, out, prop

NAMES = ("type", "secret", "urn", "where", "name", "kinds", "props", "outs", "known", "holds_data", "name_field",
         "digest", "from_bundle", "declare", "reference")


class Clash(Resource, type="clash.Clash"):
    """A row whose properties and outputs have names that the engine uses too."""

    type: Arg[str] = prop()
    secret: Arg[str] = prop(secret=True)
    urn: Arg[str] = prop()
    where: Arg[str] = prop()
    name: Arg[str] = prop(limit=40, default=None)
    kinds: Arg[str] = prop(default=None)
    props: Arg[str] = prop(default=None)
    holds_data: Arg[bool] = prop(default=None)
    declare: Arg[str] = prop(default=None)
    reference: Arg[str] = prop(default=None)
    from_: Arg[str] = prop(default=None)
    alias_: Arg[str] = prop(default=None)

    outs: Output[str] = out()
    known: Output[str] = out()
    name_field: Output[str] = out()
    digest: Output[str] = out()
    from_bundle: Output[str] = out()


def test_every_name_reads_as_the_property_or_output() -> None:
    with Graph("app", "test").active() as graph:
        one = Clash("One", type="big", secret="s3cret", urn="u", where="w", holds_data=True, alias_="a", from_="b",
                    alias="Before")
    urn = "clash.Clash::One"
    for name in (*NAMES, "alias_", "from_"):
        value = getattr(one, name)
        assert isinstance(value, Output) and value.key == (urn, name), name
    assert one.secret.secret and not one.type.secret
    goal = graph.goals[urn]
    assert goal.inputs == {"type": "big", "secret": "s3cret", "urn": "u", "where": "w", "holds_data": True,
                           "alias_": "a", "from_": "b"}
    assert (goal.type, goal.aliases, goal.secret) == ("clash.Clash", ("clash.Clash::Before",), {"secret"})


def test_what_the_engine_knows_is_apart_and_does_not_change() -> None:
    with Graph("app", "test").active() as graph:
        first = ssm.Parameter("First", value="v")
        second = ssm.Parameter("P", type="SecureString", value="v", depends_on=[first])
        graph.seal()
    assert_type(second.type, Output[str])
    assert isinstance(second.type, Output) and second.type.key == ("aws.ssm.Parameter::P", "type")
    known = second.__sst__
    assert (known.urn, known.type, known.name) == ("aws.ssm.Parameter::P", "aws.ssm.Parameter", "P")
    assert known.where == graph.goals[known.urn].where and "test_resource.py:" in known.where
    assert known.secret == {"value"} and known.depends_on == (first,)
    assert graph.goals[known.urn].deps == {first.__sst__.urn}
    with pytest.raises(FrozenInstanceError):
        known.name = "Q"  # type: ignore[misc]  # that is what is refused


def test_an_existing_resource_has_the_same() -> None:
    with Graph("app", "test").active():
        found = ssm.Parameter.get("Theirs", name="/theirs")
    assert found.type.key == (found.__sst__.urn, "type") and found.__sst__.name == "Theirs"


def test_a_resource_has_no_other_public_attribute() -> None:
    assert {k for k in dir(Resource) if not k.startswith("_")} == {"get"}


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_an_options_name_is_refused_for_a_property(name: str) -> None:
    wanted = f"declare it as {name.rstrip('_')}_"
    for column in (prop(), out()):
        with pytest.raises(TypeError, match=wanted):
            type(Resource)("Bad", (Resource,), {name: column})


def test_a_setting_of_the_class_in_its_body_is_refused() -> None:
    with pytest.raises(TypeError, match=r"class Bad\(\.\.\., holds_data=True\)"):
        type(Resource)("Bad", (Resource,), {"holds_data": True})


def test_a_trailing_underscore_is_not_sent() -> None:
    class Rule(AwsResource, type="clash.Rule", service="sqs"):
        from_: Arg[str] = prop()
        alias_: Arg[str] = prop()
        retain_: Arg[bool] = prop("Settings.Retain")

        create = call("create_queue")

    del Resource.kinds["clash.Rule"]
    assert wire(Rule, {"from_": "a", "alias_": "b", "retain_": True}) == {
        "From": "a",
        "Alias": "b",
        "Settings": {"Retain": True},
    }
    assert Rule.inputs_from({"From": "a", "Alias": "b", "Settings": {"Retain": True}}) == {
        "from_": "a", "alias_": "b", "retain_": True}
