"""Drift on every row whose sample has an update: changed by hand, found, and put back by the engine."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sst.clouds.aws.provider import row
from sst.core.model import Snapshot, State, fold
from sst.engine.deploy import deploy
from sst.engine.refresh import accepted, drifts
from sst.engine.rollback import goals_of
from tests.fakes import MemoryJournal, agree, ignore

from .rows import ROWS, cases
from .samples import SAMPLES
from .world import World, full, note

pytestmark = pytest.mark.emulator

UNSEEN = {"aws.migration.TaskRun", "aws.rds.ClusterParameterGroup", "aws.rds.ParameterGroup"}
"""Rows of which no read tells what can be changed: a run is over, and parameters have a list of their own, with all the
defaults."""


def snapshot_of(state: State) -> Snapshot:
    return Snapshot(resources={state.urn: replace(state, deps=())})


def put_back(world: World, state: State, inputs: Mapping[str, Any]) -> bool:
    """Change a thing by hand to other inputs: it is found, and the engine puts it back. False if no read tells what
    changes."""
    type, provider, before = state.type, world.provider, snapshot_of(state)
    kind, change = row(type), world.plan(state, inputs)
    world.update(state, inputs, change.changed)
    told = {k for k, p in kind.props.items()
            if not (p.read == "" or (p.local and not p.read)) or k in kind.fingerprints}
    seen = {k for k in change.changed & told if k in state.inputs or k == "tags"}
    # what was taken away may show as a default, or not
    visible = {k for k in seen if inputs.get(k) is not None or k in kind.omitted_when_unset}
    found = drifts(before, lambda t: provider, ignore)
    assert visible <= {d.property for d in found} <= seen, change.changed
    journal = MemoryJournal(before)
    journal.write(*accepted(before, found))
    accepted_too = drifts(journal.snapshot, lambda t: provider, ignore)
    assert not accepted_too, "what was accepted is no drift any more"
    graph = goals_of(fold(before, []), journal.snapshot, lambda t: provider, app="app", stage="test", all_of_it=True)
    deploy(graph, journal, lambda t: provider, ignore, confirm=agree).check()
    assert drifts(journal.snapshot, lambda t: provider, ignore) == []
    assert journal.snapshot.resources[state.urn].inputs == state.inputs
    return bool(found)


@pytest.mark.parametrize("type", cases(ROWS))
def test_a_change_by_hand_is_found_and_reverted(type: str, world: World) -> None:
    sample, provider = SAMPLES[type](world), world.provider
    state = world.create(world.operation(type, sample.inputs))
    assert drifts(snapshot_of(state), lambda t: provider, ignore) == [], "nothing was changed yet"
    if not sample.update:
        pytest.skip("nothing of it can be changed in place")
    inputs = full(type, {**state.inputs, **sample.update}, state.base)
    told = put_back(world, state, inputs)
    made = world.update(state, inputs, world.plan(state, inputs).changed)
    updated = replace(state, inputs=inputs, outputs={**state.outputs, **made.outputs})
    assert drifts(snapshot_of(updated), lambda t: provider, ignore) == [], "that was the program"
    assert put_back(world, updated, state.inputs) or told or type in UNSEEN


@pytest.mark.parametrize("type", cases(t for t in ROWS if ROWS[t].read and ROWS[t].delete))
def test_a_thing_that_is_deleted_by_hand_is_gone(type: str, world: World) -> None:
    sample = SAMPLES[type](world)
    state = world.create(world.operation(type, sample.inputs))
    world.provider.delete(state, note)
    if sample.gone:
        assert [d.gone for d in drifts(snapshot_of(state), lambda t: world.provider, ignore)] == [True]
