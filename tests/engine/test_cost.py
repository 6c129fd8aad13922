"""The fixed cost of a plan: what is added, removed and kept; what has no price is told, and counts nowhere."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sst.core.cost import Charge, Uses
from sst.core.output import UNKNOWN
from sst.core.resource import Arg, Resource, prop
from sst.engine.cost import cost_of
from tests.fakes import Thing

from .test_lifecycle import Program, Stage


def _price(given: Mapping[str, Any], uses: Uses) -> Iterator[Charge]:
    size = given.get("size")
    yield Charge(f"size {size}", None if size is UNKNOWN or size == 99 else float(size), "a price list")
    if rack := uses("fake.Rack"):
        yield Charge("place", float(rack["rent"]), "a price list")


class Rack(Resource, type="fake.Rack"):
    name: Arg[str] = prop(limit=60, replace=True, default=None)
    rent: Arg[int] = prop()


class Machine(Resource, type="fake.Machine"):
    name: Arg[str] = prop(limit=60, replace=True, default=None)
    size: Arg[int] = prop()
    shape: Arg[str] = prop(default="x", replace=True)
    rack: Arg[str] = prop(default=None)
    monthly = _price


def two() -> None:
    Machine("A", size=10)
    Machine("B", size=5)


@pytest.mark.parametrize(("program", "added", "removed", "total"), [
    (two, 0, 0, 15),
    (lambda: Machine("A", size=10), 0, 5, 10),
    (lambda: [Machine("A", size=30), Machine("B", size=1)], 20, 4, 31),
    (lambda: [Machine("A", size=12, shape="y"), Machine("B", size=5)], 2, 0, 17),
    (lambda: [Machine("A", size=12, shape="y", retain=True), Machine("B", size=5)], 12, 0, 27),
    (lambda: None, 0, 15, 0),
])
def test_what_a_plan_adds_and_removes(program: Program, added: float, removed: float, total: float) -> None:
    stage = Stage()
    first = cost_of(stage.plan(two))
    assert (first.added, first.removed, first.total, first.unknown) == (15, 0, 15, ())
    stage.deploy(two)
    cost = cost_of(stage.plan(program))
    assert (cost.added, cost.removed, cost.total) == (added, removed, total)


def test_a_price_that_is_not_known_is_told_and_counts_nowhere() -> None:
    stage = Stage()

    def program() -> None:
        Machine("A", size=10)
        Machine("Odd", size=99)
        Machine("Later", size=Thing("T").key)       # type: ignore[arg-type]  # any output will do

    cost = cost_of(stage.plan(program))
    assert cost.total == 10 and set(cost.unknown) == {"Later (size (known after deploy))", "Odd (size 99)"}
    assert {i.name for i in cost.changes} == {"A", "Odd", "Later"}
    assert cost.data()["total"] == 10 and cost.data()["sources"] == ["a price list"]


def test_a_charge_may_depend_on_what_is_used() -> None:
    stage = Stage()

    def program(rent: int = 7) -> None:
        Machine("A", size=1, rack=Rack("R", rent=rent).name)

    assert cost_of(stage.plan(program)).total == 8
    stage.deploy(program)
    cost = cost_of(stage.plan(lambda: program(9)))
    assert (cost.added, cost.total) == (2, 10)
