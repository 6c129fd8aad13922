"""A rollback, and the reverting of drift, with a fault at each boundary: repeated, they give the world that was asked
for."""
from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from sst.core.model import Snapshot, State, fold, name_of
from sst.core.schema import Schema
from sst.engine.apply import DeployResult
from sst.engine.deploy import deploy
from sst.engine.refresh import accepted, drifts
from sst.engine.rollback import goals_of, lasting
from sst.engine.settle import settle
from sst.errors import ProviderError
from tests.fakes import agree, ignore

from .programs import ERRORS, Fault, Sim
from .test_every_boundary import BEFORE, EDITS


def back(sim: Sim, before: Snapshot, *, all_of_it: bool = False) -> Callable[[], DeployResult]:
    def command() -> DeployResult:
        settle(sim.journal, sim.cloud.provider, parallel=1)
        graph = goals_of(before, sim.journal.snapshot, sim.cloud.provider, app="app", stage="test", all_of_it=all_of_it)
        return deploy(graph, sim.journal, sim.cloud.provider, ignore, confirm=agree, parallel=1)
    return command


def world(sim: Sim) -> dict[str, dict[str, Any]]:
    """What there is, by name; minted names and ids may be others."""
    names = {s.id: name_of(s.urn) for s in sim.snapshot.resources.values()}
    hidden = {"name", "uses"}
    return {names[id]: {"uses": [names.get(u, u) for u in t.get("uses") or ()],
                        **{k: v for k, v in t.items() if not k.startswith("#") and k not in hidden}} for id,
                        t in sim.cloud.live.items()}


@pytest.mark.parametrize("kind", sorted(ERRORS))
@pytest.mark.parametrize("edit", EDITS)
def test_a_rollback_that_was_disturbed_is_repeated(edit: str, kind: str) -> None:
    for at in range(26):
        sim = Sim()
        sim.deploy(BEFORE)
        before, wanted = sim.snapshot, world(sim)
        sim.deploy(EDITS[edit])
        sim.run(back(sim, before), [Fault(at, kind)])
        result = sim.run(back(sim, before), [])
        assert result and not result.failures, (at, result)
        sim.is_whole()
        assert world(sim) == wanted, at


@pytest.mark.parametrize("kind", sorted(ERRORS))
@pytest.mark.parametrize("edit", EDITS)
def test_after_a_deploy_that_failed_anywhere(edit: str, kind: str) -> None:
    for at in range(26):
        sim = Sim()
        sim.deploy(BEFORE)
        before, wanted = sim.snapshot, world(sim)
        sim.deploy(EDITS[edit], [Fault(at, kind)])
        result = sim.run(back(sim, before), [])
        assert result and not result.failures, (at, result)
        sim.is_whole()
        assert world(sim) == wanted, at


@pytest.mark.parametrize("kind", sorted(ERRORS))
def test_reverting_drift_that_was_disturbed(kind: str) -> None:
    for at in range(16):
        sim = Sim()
        sim.deploy(BEFORE)
        before, wanted = sim.snapshot, world(sim)
        first, second, *_ = sim.cloud.live
        sim.cloud.live[first]["size"] = 99
        del sim.cloud.live[second]

        def revert(before: Snapshot = before, sim: Sim = sim) -> DeployResult:
            settle(sim.journal, sim.cloud.provider, parallel=1)
            found = drifts(sim.journal.snapshot, sim.cloud.provider, ignore, parallel=1)
            sim.journal.write(*accepted(sim.journal.snapshot, found))
            return back(sim, fold(before, []), all_of_it=True)()

        with suppress(ProviderError):  # what can't be read is not gone: nothing is done then
            sim.run(revert, [Fault(at, kind)])
        result = sim.run(revert, [])
        assert result and not result.failures, (at, result)
        sim.is_whole()
        assert world(sim) == wanted, at


def test_what_was_done_since_and_stays_is_named_with_its_files() -> None:
    provider: Any = SimpleNamespace(schema=lambda type: Schema(type, lasts="files" if type == "test.Run" else ""))

    def at(id: str, **files: str) -> State:
        return State("test.Run::Schema/Run", "test.Run", id, {"files": files})

    def said(before: list[State], now: list[State]) -> dict[str, tuple[str, ...]]:
        then, today = (Snapshot(resources={s.urn: s for s in some}) for some in (before, now))
        return lasting(then, today, lambda item: provider)

    thing = State("test.File::Other", "test.File", "2", {"files": {"a": "1"}})
    first, second = at("1", a="1", b="1"), at("2", a="1", b="2", c="1")
    assert said([first], [second, thing]) == {"Schema": ("b", "c")}
    assert said([], [first]) == {"Schema": ("a", "b")} and said([second], [first]) == {"Schema": ("b",)}
    assert said([first], [first, thing]) == {} and said([first], []) == {}
