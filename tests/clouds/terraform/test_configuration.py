"""From a program's arguments to the configuration and the proposed state."""
from __future__ import annotations

from typing import Any

import pytest

from sst.clouds.terraform.configuration import configured, proposed, view
from sst.clouds.terraform.schema import Attribute, Block, Nested, Nesting, python_name, wire_name
from sst.core.output import UNKNOWN

RULE = Block({"port": Attribute("port", "number", required=True),
              "id": Attribute("id", "string", computed=True), "host": Attribute("host", "string", optional=True)})
BLOCK = Block(
    {"name": Attribute("name", "string", required=True), "id": Attribute("id", "string", computed=True),
     "zone": Attribute("zone", "string", optional=True, computed=True),
     "parts": Attribute("parts", ["list", ["object", {"key": "string", "value": "string"}]], optional=True, nested={
         "key": Attribute("key", "string", required=True),
         "value": Attribute("value", "string", optional=True, computed=True)}, nesting=Nesting.LIST)},
    {"rule": Nested("rule", RULE, Nesting.LIST, most=1), "user": Nested("user", RULE, Nesting.SET),
     "named": Nested("named", RULE, Nesting.MAP), "group": Nested("group", Block(
         {"x": Attribute("x", "string", optional=True)}), Nesting.GROUP),
     "timeouts": Nested("timeouts", Block({"create": Attribute("create", "string", optional=True)}), Nesting.SINGLE)})


def test_what_the_program_leaves_out_is_null_and_empty() -> None:
    assert configured(BLOCK, {"name": "a"}) == {
        "name": "a", "id": None, "zone": None, "parts": None, "rule": [], "user": [], "named": {},
        "group": {"x": None}, "timeouts": None}


def test_one_mapping_stands_for_a_lone_block_and_a_list_for_it_too() -> None:
    rule = {"port": 1, "id": None, "host": None}
    assert configured(BLOCK, {"name": "a", "rule": {"port": 1}})["rule"] == [rule]
    assert configured(BLOCK, {"name": "a", "rule": [{"port": "1"}]})["rule"] == [rule]
    assert configured(BLOCK, {"name": "a", "user": {"port": 1}})["user"] == [rule]
    assert configured(BLOCK, {"name": "a", "parts": {"key": "k"}})["parts"] == [{"key": "k", "value": None}]
    assert configured(BLOCK, {"name": "a", "rule": UNKNOWN})["rule"] is UNKNOWN


@pytest.mark.parametrize(("given", "message"), [
    ({}, "name is required"),
    ({"name": "a", "nam": 1}, "nam: there is no such argument; did you mean name?"),
    ({"name": "a", "id": "x"}, "id is set by the provider and can't be given"),
    ({"name": "a", "rule": {"prot": 1}}, "rule.prot: there is no such argument; did you mean port?"),
    ({"name": "a", "user": [{"port": 1}, {"port": "x"}]}, "user[1].port: 'x' is not a number"),
    ({"name": "a", "rule": [{"port": 1}, {"port": 2}]}, "rule: at most 1 can be given, there are 2"),
    ({"name": "a", "rule": "x"}, "rule: 'x' is not a mapping"),
    ({"name": "a", "named": {"k": {}}}, "named.k.port is required"),
    ({"name": "a", "timeouts": "2m"}, "timeouts: '2m' is not a mapping"),
])
def test_what_does_not_fit_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as e:
        configured(BLOCK, given)
    assert str(e.value).replace('"', "") == message


def test_the_proposed_state_keeps_what_only_the_provider_computes() -> None:
    prior = {"name": "a", "id": "1", "zone": "z", "parts": [{"key": "k", "value": "v"}],
             "rule": [{"port": 1, "id": "r", "host": "h"}],
             "user": [{"port": 1, "id": "u1", "host": None}, {"port": 2, "id": "u2", "host": None}], "named": {},
             "group": {"x": None}, "timeouts": None}
    config = configured(BLOCK, {"name": "b", "parts": [{"key": "k"}], "rule": {"port": 9},
                                "user": [{"port": 2}, {"port": 3}]})
    new = proposed(BLOCK, prior, config)
    assert new and (new["name"], new["id"], new["zone"]) == ("b", "1", "z")
    assert new["parts"] == [{"key": "k", "value": "v"}]
    assert new["rule"] == [{"port": 9, "id": "r", "host": None}]
    assert new["user"] == [{"port": 2, "id": "u2", "host": None}, {"port": 3, "id": None, "host": None}]
    assert proposed(BLOCK, prior, None) is None


def test_a_program_reads_lone_blocks_as_mappings() -> None:
    seen = view(BLOCK, configured(BLOCK, {"name": "a", "rule": {"port": 1}, "user": [{"port": 2}]}))
    assert seen["rule"]["port"] == 1 and seen["user"][0]["port"] == 2 and seen["timeouts"] is None


def test_names_that_python_or_every_resource_has_get_an_underscore() -> None:
    names = ["name", "alias", "from", "lambda", "provider", "type", "retain", "class", "link", "options"]
    assert [python_name(n) for n in names] == ["name", "alias_", "from_", "lambda_", "provider_", "type", "retain_",
                                               "class_", "link_", "options"]
    assert [wire_name(python_name(n)) for n in names] == names
    assert wire_name("name_") == "name_"
