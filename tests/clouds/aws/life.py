"""The life of a row: made, planned again as no-op, read, found, updated, deleted twice."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sst.clouds.aws.provider import row
from sst.core.model import State
from sst.core.provider import Absent, Found

from .samples import SAMPLES, Sample
from .world import World, full, note

__all__ = ["live"]

MAY_LACK = {"aws.dynamodb.Table": {"stream_arn"}}


def live(type: str, world: World, between: Callable[[], None] = lambda: None) -> None:
    """``between`` is called between two commands of a user."""
    sample, kind, provider = SAMPLES[type](world), row(type), world.provider
    operation = world.operation(type, sample.inputs)
    state = world.create(operation)
    assert state.id and "None" not in state.id
    assert set(kind.outs) - set(state.outputs) <= MAY_LACK.get(type, set())
    assert not world.plan(state, full(type, sample.inputs, state.base)).changed

    between()
    made = provider.read(state)
    assert made is not None and made.id == state.id
    assert made.inputs is None or dict(made.inputs) == dict(state.inputs)
    assert {k: v for k, v in made.outputs.items() if k in state.outputs} == dict(state.outputs)
    found = provider.find(operation)
    assert isinstance(found, Found) and found.made.id == state.id

    state = _changed(world, sample, state, between)
    # as after an update that may or may not have happened
    world.update(state, state.inputs, frozenset(state.inputs))
    # while that change is under way: the former password ends
    assert provider.retire(state, note) == (kind.retire is not None)
    wanted = full(type, {**state.inputs, **sample.replace}, state.base)
    change = world.plan(state, wanted)
    assert change.replace and (change.order == "delete_first") == sample.delete_first

    between()
    provider.delete(state, note)
    if sample.gone and kind.read:
        assert provider.read(state) is None
        assert isinstance(provider.find(operation), Absent)
    provider.delete(state, note)


def _changed(world: World, sample: Sample, state: State, between: Callable[[], None]) -> State:
    """The sample's update, sent and seen."""
    if not sample.update:
        return state
    inputs = full(state.type, {**state.inputs, **sample.update}, state.base)
    change = world.plan(state, inputs)
    assert change.changed and not change.replace
    made = world.update(state, inputs, change.changed)
    state = replace(state, inputs=inputs, outputs=made.outputs)
    between()
    seen = world.provider.read(state)
    assert seen is not None
    assert seen.inputs is None or dict(seen.inputs) == inputs
    return state
