"""Entries of kind ``aws.permission`` and the IAM statements that they become."""
from __future__ import annotations

from typing import Any

import pytest

import sst
from sst import aws
from sst.aws.permissions import granted, statements
from sst.core.link import Include, Link
from sst.errors import UserError

CONDITION = {"test": "StringEquals", "variable": "k", "values": ["v"]}


def test_a_permission_becomes_a_statement() -> None:
    one = sst.permission(["a:Read"], ["*"], conditions=[CONDITION])
    assert one.type == "aws.permission" and aws.permission is sst.permission
    assert statements([one]) == [{"Effect": "Allow", "Action": ["a:Read"], "Resource": ["*"],
                                  "Condition": {"StringEquals": {"k": ["v"]}}}]
    assert statements([{"actions": ["a:Read"], "resources": ["*"], "effect": "deny"}]) == [
        {"Effect": "Deny", "Action": ["a:Read"], "Resource": ["*"]}]


def test_only_entries_of_their_kind_are_permissions_of_a_link() -> None:
    link = Link("A", "x", include=(Include("cloudflare.binding", {"id": "1"}), sst.permission(["a:Read"], ["*"])))
    assert statements(granted([link])) == [{"Effect": "Allow", "Action": ["a:Read"], "Resource": ["*"]}]


@pytest.mark.parametrize(("given", "message"), [
    ({"actions": ["x"]}, "needs actions and resources"),
    ({"actions": ["x"], "resources": ["*"], "efect": "deny"}, "a permission has no 'efect'\n  did you mean \"effect\""),
    ({"actions": "x", "resources": ["*"]}, "the actions of a permission are a list"),
    ({"actions": ["x"], "resources": ["*"], "effect": "Allow"}, "the effect of a permission can't be 'Allow'"),
    ({"actions": ["x"], "resources": ["*"], "conditions": [{"test": "a"}]}, "needs test, variable and values"),
    (Include("environment", {"A": "1"}), "an entry of kind 'environment' is not a permission"),
])
def test_an_odd_permission_is_refused(given: Any, message: str) -> None:
    with pytest.raises(UserError) as e:
        statements([given], "sst_config.py:7")
    assert message.partition("\n")[0] in str(e.value) and "sst_config.py:7" in str(e.value)
    assert message.rpartition("\n")[2].strip() in str(e.value)
