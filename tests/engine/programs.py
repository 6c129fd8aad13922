"""Random programs over the fake cloud, and a user who deploys them while things go wrong."""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from sst.core.graph import Graph
from sst.core.model import Entry, Snapshot, State, name_of
from sst.engine.apply import DeployResult
from sst.engine.choice import Choice
from sst.engine.deploy import deploy, remove
from sst.engine.settle import settle
from sst.errors import ProviderError, StateError, UserError
from tests.fakes import Cloud, Crash, MemoryJournal, Thing, agree, broken, busy, ignore, no_reply, refused, unsent


@dataclass(frozen=True)
class Item:
    """One declared thing. ``version`` is part of its name: another one is a rename, which ``alias`` tells."""

    key: int
    version: int = 0
    size: int = 1
    shape: str = "x"
    uses: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    retain: bool = False
    protect: bool = False
    fixed: bool = False
    renamed: bool = True
    follows: bool = False
    """Uses an output of its first dependency that changes with each update, though nothing says so."""

    @property
    def name(self) -> str:
        return f"T{self.key}v{self.version}"


Program = tuple[Item, ...]
KEYS = range(5)

_items = st.builds(
    Item, st.sampled_from(KEYS), st.integers(0, 1), st.integers(1, 3), st.sampled_from("xy"),
    st.lists(st.sampled_from(KEYS), max_size=3, unique=True).map(tuple),
    st.lists(st.sampled_from(KEYS), max_size=1).map(tuple),
    *(st.sampled_from([False, False, False, True]),) * 3, renamed=st.booleans(), follows=st.booleans())
programs = st.lists(_items, max_size=5, unique_by=lambda i: i.key).map(tuple)
"""A thing uses only what is declared before it; another order is a dependency that flips."""


def declare(program: Iterable[Item]) -> Graph:
    graph = Graph("app", "test")
    with graph.active():
        made: dict[int, Thing] = {}
        for item in program:
            uses = [made[k].key for k in item.uses if k in made]
            turns = [made[k].turn for k in item.uses if k in made and item.follows]
            made[item.key] = Thing(
                item.name, size=item.size, shape=item.shape, uses=uses or None,
                note=turns[0] if turns else "big" if item.size > 2 else None,
                name=f"fixed-{item.name}" if item.fixed else None,
                depends_on=[made[k] for k in item.after if k in made],
                retain=item.retain, protect=item.protect,
                alias=f"T{item.key}v{1 - item.version}" if item.renamed else None)
    graph.seal()
    return graph


ERRORS: Mapping[str, Callable[[str], BaseException]] = {
    "refused": refused, "no reply": no_reply, "broken": broken, "busy": busy, "unsent": unsent,
    "crash": lambda op: Crash(op)}


@dataclass(frozen=True)
class Fault:
    """At the ``at``-th boundary of a command (before or after the effect of a call, or of a write of the journal)."""

    at: int
    kind: str


faults = st.lists(st.builds(Fault, st.integers(0, 40), st.sampled_from([*sorted(ERRORS), "unsure"])), max_size=4)
"""``unsure``: from there on look-ups can't tell."""


class Sim:
    """A stage, its cloud and its user."""

    def __init__(self, parallel: int = 1) -> None:
        self.cloud, self.snapshot, self.parallel = Cloud(), Snapshot(), parallel
        self.journal = MemoryJournal()
        self.dead = False
        self.lock = threading.Lock()
        self.cloud.keeps = lambda id: any(s.id == id and s.retain for s in self.states)
        self.cloud.before_delete = self._may_delete

    @property
    def states(self) -> list[State]:
        with self.journal.lock:
            return [*self.journal.folding.resources.values(), *self.journal.folding.deposed.values()]

    def _may_delete(self, state: State) -> None:
        for s in self.states:
            assert not (s.id == state.id and (s.retain
                                              or s.protect)), f"{state.urn} is retained or protected, and was deleted"

    def deploy(self, program: Program, faults: Sequence[Fault] = (), *,
               choice: Choice | None = None) -> DeployResult | None:
        """None if it was refused or cut off."""
        return self.run(lambda: deploy(declare(program), self.journal, self.cloud.provider, ignore, confirm=agree,
                                       choice=choice,
                                       parallel=self.parallel), faults)

    def remove(self, faults: Sequence[Fault] = ()) -> DeployResult | None:
        return self.run(lambda: remove(Graph("app", "test"), self.journal, self.cloud.provider, ignore, confirm=agree,
                                       parallel=self.parallel), faults)

    def run(self, command: Callable[[], DeployResult], faults: Sequence[Fault]) -> DeployResult | None:
        self.journal = MemoryJournal(self.snapshot)
        self.dead, boundary, when = False, [0], {f.at: f.kind for f in faults}

        def reached(where: str, *, in_journal: bool = False) -> None:
            if self.dead:
                raise Crash(where)
            with self.lock:
                kind = when.get(boundary[0])
                boundary[0] += 1
            if kind == "crash":
                self.dead = True
            if kind == "unsure":
                self.cloud.unsure = True
            elif kind and (kind == "crash" or not in_journal):
                error = ERRORS[kind](where)
                if where.endswith("ed") and isinstance(error, ProviderError):
                    error = no_reply(where) if kind in ("busy", "unsent") else error
                raise error

        def call(op: str, inputs: Mapping[str, Any]) -> None:
            reached(op)

        self.cloud.fail = call
        self.journal.before_write = lambda e: reached(e.kind, in_journal=True)
        self.journal.after_write = lambda e: reached(e.kind, in_journal=True)
        try:
            return command()
        except (Crash, UserError, StateError):
            return None
        finally:
            self.cloud.unsure = False
            self.cloud.fail = lambda op, inputs: None
            self.journal.before_write = self.journal.after_write = lambda e: None
            self.journal.verify()
            self.snapshot = self.journal.snapshot

    def unprotect(self) -> None:
        """The user drops all protection, so that nothing is refused."""
        self.journal = MemoryJournal(self.snapshot)
        settle(self.journal, self.cloud.provider, parallel=1)
        self.journal.write(*(Entry("made", u, replace(s, protect=False, retain=s.retain and s.retained))
                             for u, s in self.journal.snapshot.resources.items()))
        self.snapshot = self.journal.snapshot

    def deposed_gone(self) -> list[Entry]:
        """What somebody deleted by hand of the things that wait for their deletion or are kept."""
        return [Entry("gone", s.urn, s) for s in self.journal.snapshot.deposed.values() if s.id not in self.cloud.live]

    def settles_to(self, program: Program) -> None:
        """An undisturbed deploy gives exactly this world, and another one does nothing."""
        self.unprotect()
        taken = {s.inputs["name"] for s in self.states if s.retain}
        calm = tuple(replace(i, protect=False, retain=False, fixed=i.fixed and f"fixed-{i.name}" not in taken)
                     for i in program)
        result = self.deploy(calm)
        assert result and not result.failures and not result.skipped and not result.interrupted, result
        self.is_whole()
        live = {name_of(s.urn): s for s in self.snapshot.resources.values() if not s.retained}
        assert set(live) == {i.name for i in calm}
        for item in calm:
            s = live[item.name]
            assert (s.inputs["size"], s.inputs["shape"], s.unsure) == (item.size, item.shape, False)
        calls = len(self.cloud.calls)
        again = self.deploy(calm)
        assert again and not again.failures and len(self.cloud.calls) == calls
        assert not self.journal.entries, self.journal.entries

    def is_whole(self) -> None:
        """The state and the cloud hold the same things, each with the same inputs; nothing is left behind."""
        known = {s.id: s for s in self.states}
        assert len(known) == len(self.states), "a thing is known twice"
        assert set(known) == set(self.cloud.live), (known.keys() ^ self.cloud.live.keys())
        assert not self.snapshot.pending
        assert all(s.retain for s in self.snapshot.deposed.values())
        for id, s in known.items():
            if not s.unsure and not s.retain:
                assert {k: v for k, v in self.cloud.live[id].items() if not k.startswith("#")} == s.inputs, s.urn
