"""Where a program is deployed, and which components can be."""
from __future__ import annotations

from typing import ClassVar

import pytest

from sst.core.component import Component
from sst.core.context import Context
from sst.core.graph import Graph
from sst.core.target import Target, TargetName
from sst.errors import InternalError, UserError


class Cluster(Component, kind="acme.Cluster"):
    targets: ClassVar[tuple[TargetName, ...]] = ("aws",)


def declare(target: Target, stage: str) -> None:
    with Graph("shop", stage, context=Context(target)).active() as graph:
        Cluster("Big")
        graph.seal()


def test_a_component_that_a_target_lacks_is_refused_with_its_place() -> None:
    declare(Target("aws"), "test")
    with pytest.raises(UserError, match=r'acme.Cluster "Big" can.t be deployed to stage "local"') as e:
        declare(Target("local"), "local")
    assert "test_target.py:" in e.value.where and "if not app.local" in e.value.hint


def test_keys_are_read_when_needed_and_once() -> None:
    read = list[str]()

    def key() -> bytes:
        read.append("key")
        return b"k"

    context = Context(read_stage_key=key)
    assert read == [] and context.stage_key + context.stage_key == b"kk" and read == ["key"]
    with pytest.raises(InternalError):
        _ = Context().lookups


def test_what_components_share_is_made_once() -> None:
    context = Context()
    assert context.once("api", lambda: [1]) is context.once("api", lambda: [2])
