"""A small app, and a fault at each boundary in turn: before and after each call's effect and each write of the
journal."""
from __future__ import annotations

import pytest

from .programs import ERRORS, Fault, Item, Program, Sim

pytestmark = pytest.mark.slow  # all together

BEFORE = (Item(0), Item(1, uses=(0,)), Item(2, fixed=True))
EDITS: dict[str, Program] = {
    "updated": (Item(0, size=3), Item(1, size=2, uses=(0,)), Item(2, size=2, fixed=True)),
    "replaced": (Item(0, shape="y"), Item(1, uses=(0,)), Item(2, fixed=True)),
    "deleted first": (Item(0), Item(1, uses=(0,)), Item(2, shape="y", fixed=True)),
    "flipped": (Item(1, shape="y"), Item(0, uses=(1,)), Item(2, fixed=True)),
    "renamed": (Item(0, version=1, size=2), Item(1, uses=(0,)), Item(2, fixed=True)),
    "removed": (),
}


@pytest.mark.parametrize("kind", sorted(ERRORS))
@pytest.mark.parametrize("edit", EDITS)
def test_whatever_comes_next_the_world_is_right(edit: str, kind: str) -> None:
    for then in (EDITS[edit], BEFORE, ()):
        for at in range(26):
            sim = Sim()
            sim.deploy(BEFORE)
            sim.deploy(EDITS[edit], [Fault(at, kind)])
            sim.settles_to(then)


@pytest.mark.parametrize("kind", sorted(ERRORS))
def test_a_first_deploy_and_a_removal(kind: str) -> None:
    for at in range(20):
        sim = Sim()
        sim.deploy(BEFORE, [Fault(at, kind)])
        sim.remove([Fault(at, kind)])
        sim.settles_to(BEFORE)
