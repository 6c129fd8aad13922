"""What stands in for existing resources that are not there: shared by all that read the same one."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from threading import Condition
from typing import Any

import pytest

from sst.core.graph import Graph
from sst.core.model import Operation
from sst.core.provider import STAND_IN, Note, Result, Traits
from sst.core.schema import Schema
from sst.engine.deploy import deploy
from sst.engine.plan import plan
from sst.errors import ProviderError
from tests.fakes import Cloud, MemoryJournal, Thing, agree, ignore


class StandIns(Cloud):
    """Makes stand-ins, as the cloud of stage ``local`` does."""

    traits = Traits(stand_ins=True)

    def __init__(self) -> None:
        super().__init__()
        self.looks, self.looked = 0, Condition()
        self.wanted = 0
        """How many look-ups a stand-in waits for, a moment: time for another step to look too, if it may."""

    def schema(self, type: str) -> Schema:
        return replace(super().schema(type), stand_in=True)

    def look_up(self, type: str, inputs: Mapping[str, Any]) -> Result | None:
        found = super().look_up(type, inputs)
        with self.looked:
            self.looks += 1
            self.looked.notify_all()
        return replace(found, private=STAND_IN) if found and "#stand-in" in self.live[found.id] else found

    def stand_in(self, operation: Operation, note: Note) -> Result:
        with self.looked:
            self.looked.wait_for(lambda: self.looks >= self.wanted, timeout=0.3)
        with self.lock:
            name = operation.inputs["name"]
            if any(t["name"] == name for t in self.live.values()):
                raise ProviderError(f"{name} exists", code="AlreadyExists", status=409)
            self.count += 1
            self.live[f"id{self.count}"] = {"name": name, "size": 1, "#urn": "", "#token": "", "#version": 1,
                                            "#stand-in": True}
        found = self.look_up(operation.type, operation.inputs)
        assert found
        return found


class World:
    def __init__(self) -> None:
        self.cloud, self.journal = StandIns(), MemoryJournal()

    def graph(self, **reads: str) -> Graph:
        graph = Graph("app", "test")
        with graph.active():
            for name, of in reads.items():
                Thing(f"{name}User", uses=[Thing.get(name, name=of).key])
        graph.seal()
        return graph

    def deploy(self, **reads: str) -> None:
        self.journal = MemoryJournal(self.journal.snapshot)
        deploy(self.graph(**reads), self.journal, self.cloud.provider, ignore, confirm=agree).check()
        self.journal.verify()
        assert not plan(self.graph(**reads), self.journal.snapshot, self.cloud.provider).changes
        assert not self.journal.snapshot.deposed

    @property
    def names(self) -> list[str]:
        return sorted(t["name"] for t in self.cloud.live.values() if "#stand-in" in t)


@pytest.fixture
def world() -> World:
    return World()


def test_one_that_leaves_takes_nothing_from_others_that_read_the_same(world: World) -> None:
    world.deploy(A="x", B="x", C="y")
    assert world.names == ["x", "y"]
    world.deploy(B="x", C="y")
    assert world.names == ["x", "y"]
    world.deploy(New="x")  # the last of the former ones leaves as another begins to read it
    assert world.names == ["x"]
    world.deploy()
    assert world.names == []


def test_all_that_read_the_same_leave_at_once(world: World) -> None:
    world.deploy(A="x", B="x", C="x")
    world.deploy()
    assert world.names == [] and not world.cloud.live


def test_what_is_read_no_more_is_deleted_where_another_name_is_given(world: World) -> None:
    world.deploy(A="x", B="y", C="y")
    world.deploy(A="z", B="x", C="y")
    assert world.names == ["x", "y", "z"]
    world.deploy(A="x", B="x", C="x")
    assert world.names == ["x"]


def test_several_may_read_one_that_is_not_there(world: World) -> None:
    world.cloud.wanted = 4  # both in the plan, and both in the deploy
    world.deploy(A="x", B="x")
    assert world.names == ["x"]
