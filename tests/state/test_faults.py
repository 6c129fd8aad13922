"""The store fails, or the process dies, before or after each call that a command makes: nothing acknowledged is
lost."""
from __future__ import annotations

import contextlib
from itertools import count
from typing import Any

import pytest

from sst.core.model import Entry
from sst.errors import ProviderError, SstError
from sst.state.keys import MemoryKeys
from sst.state.session import Stage
from sst.state.stores.memory import MemoryStore

from .worlds import begin, made, stage_of, state


class Killed(BaseException):
    """The process is gone: not even clean-up runs against the store."""


class Faulty:
    """A store whose call number ``at`` fails, before or after it took effect; with ``deadly``, all later ones too."""

    packed = True

    def __init__(self, store: MemoryStore, at: int, *, after: bool, deadly: bool) -> None:
        self._store, self._at, self._after, self._deadly = store, at, after, deadly
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        act = getattr(self._store, name)

        def call(*args: Any) -> Any:
            self.calls += 1
            if self._deadly and self.calls > self._at:
                raise Killed
            if self.calls == self._at and not self._after:
                raise Killed if self._deadly else ProviderError("503")
            result = act(*args)
            if self.calls == self._at:
                raise Killed if self._deadly else ProviderError("the reply got lost")
            return result

        return call


class Clock:
    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time


def command(stage: Stage, numbers: range, acknowledged: list[Entry]) -> None:
    """Settle what is pending, make some, delete one, save twice."""
    with stage.locked("deploy") as session:
        for todo in list(session.snapshot.pending.values()):
            session.write(Entry("undone", todo.urn))
        for n in numbers:
            session.write(begin(state(n, secret="s3cret-s3cret")))
            acknowledged.append(begin(state(n)))
            session.write(made(state(n, secret="s3cret-s3cret")))
            acknowledged.append(made(state(n)))
            if n % 3 == 1:
                session.save()
        session.save()


@pytest.mark.parametrize("deadly", [True, False], ids=["killed", "failed"])
@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
def test_a_fault_at_any_call_to_the_store_loses_nothing(deadly: bool, after: bool) -> None:
    for at in count(1):
        clock = Clock()
        memory = MemoryStore(clock=clock)
        keys = MemoryKeys()
        command(stage_of(memory, keys=keys, clock=clock), range(0, 3), [])
        faulty = Faulty(memory, at, after=after, deadly=deadly)
        acknowledged: list[Entry] = []
        with contextlib.suppress(SstError, Killed):
            command(stage_of(faulty, keys=keys, clock=clock), range(3, 7), acknowledged)
        if faulty.calls < at:
            return
        clock.time += 61
        stage = stage_of(memory, keys=keys, clock=clock)
        found = stage.load()
        known = {e.urn for e in acknowledged if e.kind == "made"}
        begun = {e.urn for e in acknowledged if e.kind == "begin"} - known
        assert {state(n).urn for n in range(3)} | known <= set(found.resources)
        assert begun <= set(found.pending) | set(found.resources)
        # one may be durable and not acknowledged
        assert len(found.resources) + len(found.pending) - 3 - len(known | begun) in (0, 1)
        found.verify()
        command(stage, range(3, 9), [])
        final = stage.load()
        assert set(final.resources) == {state(n).urn for n in range(9)} and not final.pending
        assert not stage.warnings
        assert final.meta == found.meta
