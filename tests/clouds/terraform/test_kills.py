"""SIGKILL of the engine, and of the plugin, at every boundary of a deploy: before and after each call that changes
something, and each write of the state. Then the command is run again, and what nobody can tell is told by the user.

``make long-tests`` takes a sample, ``make plugins`` all of them.
"""
from __future__ import annotations

import json
import os
import pickle
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sst.core.graph import Graph
from sst.core.model import Entry, Goal, Operation, Snapshot, State, name_of
from sst.core.output import Output
from sst.core.provider import Note, Result
from sst.engine.apply import DeployResult
from sst.engine.deploy import deploy, remove
from sst.engine.plan import plan
from tests.fakes import MemoryJournal, agree, ignore

from .test_provider import TYPE, FakeProvider

pytestmark = pytest.mark.long
ALL = os.environ.get("SST_PLUGINS") == "1"
Program = Mapping[str, Mapping[str, Any]]

BEFORE: Program = {"A": {"name": "a", "size": 1}, "B": {"name": "b", "zone": "A"}, "C": {"name": "c"}}
EDITS: Mapping[str, tuple[Program, Program]] = {
    "created": ({}, BEFORE),
    "updated": (BEFORE, {"A": {"name": "a", "size": 2}, "B": {"name": "b", "zone": "A", "size": 2}, "C": BEFORE["C"]}),
    "replaced": (BEFORE, {**BEFORE, "A": {"name": "other a"}}),
    "removed": (BEFORE, {}),
}


class Mortal(FakeProvider):
    """Tells of each call that changes something, before and after it."""

    reached: Callable[[], None] = staticmethod(lambda: None)

    def create(self, operation: Operation, note: Note) -> Result:
        self.reached()
        made = super().create(operation, note)
        self.reached()
        return made

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        self.reached()
        made = super().update(operation, state, note)
        self.reached()
        return made

    def delete(self, state: State, note: Note) -> None:
        self.reached()
        super().delete(state, note)
        self.reached()


class World:
    """A stage whose journal is a file, and a plugin whose cloud is a folder."""

    def __init__(self, program: Path, environ: Mapping[str, str], folder: Path) -> None:
        self.program, self.environ, self.file = program, environ, folder / "journal"
        self.provider = Mortal(program, environ)
        self.snapshot = Snapshot()

    def reset(self) -> None:
        for thing in self.provider.folder.glob("*.json"):
            thing.unlink()
        self.snapshot = Snapshot()

    def run(self, wanted: Program, adopt: Mapping[str, str] | None = None,
            provider: Mortal | None = None, reached: Callable[[], None] = lambda: None) -> DeployResult:
        journal, used = MemoryJournal(self.snapshot), provider or self.provider

        def after(entry: Entry) -> None:
            with self.file.open("ab") as file:
                pickle.dump(entry, file)
            reached()

        journal.before_write, journal.after_write = lambda entry: reached(), after
        self.file.write_bytes(b"")
        try:
            if not wanted:
                return remove(Graph("app", "test"), journal, lambda item: used, ignore, confirm=agree, parallel=1)
            return deploy(declare(wanted, adopt or {}), journal, lambda item: used, ignore, confirm=agree, parallel=1)
        finally:
            self.load()

    def load(self) -> None:
        """The state as the file has it."""
        journal = MemoryJournal(self.snapshot)
        with self.file.open("rb") as file:
            while file.peek(1):
                journal.write(pickle.load(file))  # noqa: S301  # we wrote it
        journal.verify()
        self.snapshot = journal.snapshot

    def dies(self, wanted: Program, at: int) -> bool:
        """Run in a process of its own that is killed at the n-th boundary; False if it has fewer."""
        child = os.fork()
        if not child:
            left = [at]

            def reached() -> None:
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

            code = 1
            try:
                provider = Mortal(self.program, self.environ)
                provider.reached = reached    # type: ignore[method-assign]  # of this instance alone
                self.run(wanted, provider=provider, reached=reached)
                provider.close()
                code = 0
            finally:
                os._exit(code)
        status = os.waitpid(child, 0)[1]
        self.load()
        assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
        return os.WIFSIGNALED(status)

    def settles_to(self, wanted: Program) -> None:
        """The same command again, then what it asks the user for: nothing is there twice, lost, or held up."""
        result = self.run(wanted)
        open_ = {f.name for f in result.failures}
        assert {f.op for f in result.failures} <= {"unsure"} and len(open_) <= 1, result
        live = {name_of(u) for u in self.snapshot.resources}
        assert {n for n in wanted if n not in open_ and (n != "B" or "A" not in open_)} <= live, "one holds up no other"
        there = {t["name"]: t["id"] for t in self.provider.things()}
        for name in open_:
            if not (wanted and wanted[name]["name"] in there):
                journal = MemoryJournal(self.snapshot)
                journal.write(*(Entry("undone", u) for u in self.snapshot.pending))
                self.snapshot = journal.snapshot
        if open_:
            self.run(wanted, {n: there[wanted[n]["name"]] for n in open_ if wanted[n]["name"] in there}).check()
        things = self.provider.things()
        assert sorted(t["name"] for t in things) == sorted(w["name"] for w in wanted.values())
        assert {t["id"] for t in things} == {s.id for s in self.snapshot.resources.values()}
        assert not self.snapshot.pending and not self.snapshot.deposed
        if wanted:
            assert not plan(declare(wanted, {}), self.snapshot, lambda item: self.provider).changes


def declare(wanted: Program, adopt: Mapping[str, str]) -> Graph:
    graph = Graph("app", "test")
    for name, inputs in wanted.items():
        given = {k: Output.of(f"{TYPE}::{v}", "zone") if k == "zone" else v for k, v in inputs.items()}
        deps = frozenset(f"{TYPE}::{v}" for k, v in inputs.items() if k == "zone")
        graph.goals[f"{TYPE}::{name}"] = Goal(f"{TYPE}::{name}", TYPE, given, deps, provider="fake",
                                              adopt=adopt.get(name))
    with graph.active():
        graph.seal()
    return graph


@pytest.fixture
def world(fake_program: Path, fake_environ: dict[str, str], tmp_path: Path) -> Iterator[World]:
    made = World(fake_program, fake_environ, tmp_path)
    yield made
    made.provider.close()


@pytest.mark.parametrize("edit", EDITS)
def test_the_engine_is_killed(world: World, edit: str) -> None:
    before, after = EDITS[edit]
    at = 0
    while True:
        world.reset()
        if before:
            world.run(before).check()
        killed = world.dies(after, at)
        world.settles_to(after)
        if not killed:
            break
        at += 1 if ALL else 5
    assert at >= 8


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("edit", EDITS)
def test_the_plugin_is_killed(world: World, edit: str, when: str) -> None:
    before, after = EDITS[edit]
    for at in range(4 if ALL else 1):
        world.reset()
        if before:
            world.run(before).check()
        doom = world.provider.folder / "doom"
        doom.write_text(json.dumps([at, when]))
        world.run(after)
        doom.unlink(missing_ok=True)
        world.settles_to(after)
