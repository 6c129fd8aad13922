"""Random lives of a stage beside a simple model of it: after each command, however often it was disturbed first, both
are the same.

``SST_EXAMPLES=2500`` tries harder.
"""
from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from sst.cli.consent import agree_to_deploy
from sst.core.graph import Graph
from sst.core.model import Snapshot
from sst.engine.apply import DeployResult
from sst.engine.deploy import deploy, remove
from sst.engine.rollback import goals_of
from sst.engine.settle import settle
from sst.state.restore import restored
from tests.fakes import Store, Thing, agree, ignore, refresh

from .model import Key, Model, Wish
from .programs import Fault, Sim


@dataclass(frozen=True)
class Item:
    """One declared thing. Another ``version`` is a rename, which ``alias`` tells; another ``data`` is another type."""

    number: int
    version: int = 0
    data: bool = False
    size: int = 1
    shape: str = "x"
    uses: tuple[int, ...] = ()
    retain: bool = False
    protect: bool = False
    alias: bool = True

    def key(self, version: int) -> Key:
        return ("fake.Store" if self.data else "fake.Thing"), f"T{self.number}v{version}"


Program = tuple[Item, ...]
NUMBERS = range(4)
ALL = [Item(number, version) for number in NUMBERS for version in (0, 1)]

_rarely = st.sampled_from([False] * 7 + [True])
_items = st.builds(Item, st.sampled_from(NUMBERS), st.integers(0, 1), _rarely, st.integers(1, 3),
                   st.sampled_from("xxy"),
                   st.lists(st.sampled_from(NUMBERS), max_size=2, unique=True).map(tuple), _rarely, _rarely,
                   st.booleans())
programs = st.lists(_items, max_size=4, unique_by=lambda i: i.number).map(tuple)
"""In any order: a dependency flips where another one is declared first."""
faults = st.lists(st.lists(st.builds(Fault, st.integers(0, 30), st.sampled_from(
    ["crash", "crash", "no reply", "broken", "busy", "refused", "unsent"])), max_size=3), max_size=2)
"""For each try of a command before the one that is not disturbed."""


def declare(program: Program) -> Graph:
    graph = Graph("app", "test")
    with graph.active():
        made: dict[int, Thing | Store] = {}
        for i in program:
            alias = f"T{i.number}v{1 - i.version}" if i.alias else None
            name = f"T{i.number}v{i.version}"
            if i.data:
                made[i.number] = Store(name, size=i.size, shape=i.shape, retain=i.retain, protect=i.protect,
                                       alias=alias)
            else:
                made[i.number] = Thing(name, size=i.size, shape=i.shape,
                                       uses=[made[u].key for u in i.uses if u in made] or None,
                                       note="big" if i.size > 2 else None, retain=i.retain, protect=i.protect,
                                       alias=alias)
    graph.seal()
    return graph


def wishes(program: Program) -> list[Wish]:
    made: dict[int, Key] = {}
    asked = []
    for i in program:
        uses = () if i.data else tuple(made[u] for u in i.uses if u in made)
        settings = {"size": i.size} if i.data else {"size": i.size, "note": "big" if i.size > 2 else None}
        made[i.number] = i.key(i.version)
        asked.append(Wish(made[i.number], i.shape, settings, uses, i.retain, i.protect,
                          i.key(1 - i.version) if i.alias else None))
    return asked


class LifeMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.sim, self.model = Sim(), Model()
        self.ids: dict[int, str] = {}
        """Of each identity of the model."""
        self.history: list[tuple[Snapshot, Model]] = [(self.sim.snapshot, Model())]
        self.drifted = False
        self.program: Program = ()
        self.sim.cloud.keeps = lambda id: id not in {s.id for s in self.sim.states if not s.retain}

    @rule(program=programs, wrong=faults)
    def deploys_another_program(self, program: Program, wrong: Sequence[list[Fault]]) -> None:
        self.deploys(program, wrong)

    @rule(edit=st.sampled_from(["again", "again", "drop", "put", "put", "last", "size", "shape", "version", "retain",
                                "protect", "uses"]),
          item=_items, nth=st.integers(0, 3), wrong=faults)
    def deploys_an_edited_program(self, edit: str, item: Item, nth: int, wrong: Sequence[list[Fault]]) -> None:
        program = [*self.program]
        if program and edit in ("drop", "last"):
            moved = program.pop(nth % len(program))
            program += [moved] * (edit == "last")
        elif edit == "put":
            program = [*(i for i in program if i.number != item.number), item]
        elif program and edit != "again":
            changed = program[nth % len(program)]
            program[nth % len(program)] = replace(changed, **{edit: getattr(item, edit)})
        self.deploys(tuple(program), wrong)

    def deploys(self, program: Program, wrong: Sequence[list[Fault]]) -> None:
        self.program = program
        emptied = self.model.emptied(wishes(program), "fake.Store")
        self.model.deploy(wishes(program))
        asked: list[bool] = []
        self.does(lambda: deploy(declare(program), self.sim.journal, self.sim.cloud.provider, ignore,
                                 confirm=lambda plan: asked.append(bool(plan.needs_consent)), parallel=1), wrong)
        assert not asked or asked[0] == emptied, "somebody is asked before data goes or stays behind, and only then"

    @rule(edit=st.sampled_from(["drop", "shape", "size", "again"]), item=_items, nth=st.integers(0, 3),
          flag=st.booleans())
    def deploys_to_a_protected_stage(self, edit: str, item: Item, nth: int, flag: bool) -> None:
        """As the command line does, with and without ``--allow-destroy`` for everything: an edit of what holds data,
        which is declared first if there is nothing of the kind."""
        if not any(i.data for i in self.program):
            others = tuple(i for i in self.program if i.number != item.number)
            self.deploys((replace(item, data=True, protect=False), *others), [])
        holding = [n for n, i in enumerate(self.program) if i.data]
        program = [*self.program]
        at = holding[nth % len(holding)]
        if edit == "drop":
            program.pop(at)
        elif edit == "shape":
            program[at] = replace(program[at], shape="y" if program[at].shape == "x" else "x")
        elif edit == "size":
            program[at] = replace(program[at], size=item.size)
        if self.model.emptied(wishes(tuple(program)), "fake.Store"):
            before, there = self.sim.snapshot, deepcopy(self.sim.cloud.live)
            result = self.sim.run(lambda: self.on_a_protected_stage(tuple(program), flag), [])
            assert result is None, "data went, or stayed behind, on a protected stage"
            assert self.sim.cloud.live == there
            assert self.sim.snapshot.resources == before.resources
        else:
            self.program = tuple(program)
            self.model.deploy(wishes(self.program))
            self.does(lambda: self.on_a_protected_stage(self.program, flag), [])

    def on_a_protected_stage(self, program: Program, flag: bool) -> DeployResult:
        screen: Any = SimpleNamespace(asks=False, note=lambda line: None, err_paint=SimpleNamespace(line=str))
        project: Any = SimpleNamespace(config=SimpleNamespace(protect=True), stage="test", is_local=False)
        confirm = agree_to_deploy(screen, project, allow=[i.key(i.version)[1] for i in ALL] if flag else [], yes=flag)
        return deploy(declare(program), self.sim.journal, self.sim.cloud.provider, ignore, confirm=confirm, parallel=1)

    @rule(wrong=faults)
    def removes(self, wrong: Sequence[list[Fault]]) -> None:
        self.model.deploy([])
        self.does(lambda: remove(Graph("app", "test"), self.sim.journal, self.sim.cloud.provider, ignore, confirm=agree,
                                 parallel=1), wrong)

    @rule(wrong=faults)
    def refreshes(self, wrong: Sequence[list[Fault]]) -> None:
        self.model.refresh()
        self.does(self.read, [[f for f in some if f.kind == "crash"] for some in wrong])
        self.drifted = False

    def read(self) -> DeployResult:
        refresh(self.sim.journal, self.sim.cloud.provider, ignore, parallel=1)
        return DeployResult()

    @rule(nth=st.integers(0, 10), size=st.integers(4, 9))
    def somebody_changes_a_thing(self, nth: int, size: int) -> None:
        if there := self.model.there:
            thing = there[sorted(there)[nth % len(there)]]
            thing.cloud["size"] = self.sim.cloud.live[self.ids[thing.identity]]["size"] = size
            self.drifted = True

    @rule(nth=st.integers(0, 10), wrong=faults)
    def somebody_deletes_a_thing(self, nth: int, wrong: Sequence[list[Fault]]) -> None:
        used = {i for t in self.model.there.values() for i in t.cloud.get("uses", ())}
        used |= {i for t in self.model.live.values() for i in t.known.get("uses", ())}
        free = [k for k, t in self.model.live.items() if t.identity not in used]
        if free:
            key = sorted(free)[nth % len(free)]
            del self.sim.cloud.live[self.ids[self.model.live[key].identity]]
            self.model.vanish(key)
            self.does(self.read, [[f for f in some if f.kind == "crash"] for some in wrong])
            self.drifted = False

    @rule(nth=st.integers(0, 10), wrong=faults)
    def rolls_back(self, nth: int, wrong: Sequence[list[Fault]]) -> None:
        before, then = self.history[nth % len(self.history)]
        if any(t.protect or t.retained or t.retain for t in (*then.live.values(), *self.model.live.values())):
            return
        self.model.rollback(then, "fake.Store")

        def command() -> DeployResult:
            settle(self.sim.journal, self.sim.cloud.provider, parallel=1)
            graph = goals_of(before, self.sim.journal.snapshot, self.sim.cloud.provider, app="app", stage="test")
            return deploy(graph, self.sim.journal, self.sim.cloud.provider, ignore, confirm=agree, parallel=1)

        self.does(command, wrong)

    @rule(nth=st.integers(0, 10), program=st.none() | programs, wrong=faults)
    def restores(self, nth: int, program: Program | None, wrong: Sequence[list[Fault]]) -> None:
        """``sst state restore N``, then a deploy of the same program or of another one."""
        before, then = self.history[nth % len(self.history)]
        self.sim.snapshot = restored(before, [self.sim.snapshot])
        self.model.restore(then)
        self.drifted = False  # all of it is sent again
        self.deploys(self.program if program is None else program, wrong)

    def does(self, command: Callable[[], DeployResult], wrong: Sequence[list[Fault]]) -> None:
        """Disturbed, over and over; then to the end. With drift around it is not disturbed: what is sent again would
        undo some of it."""
        for some in () if self.drifted else wrong:
            self.sim.run(command, some)
        result = self.sim.run(command, [])
        assert result is None or not (result.failures or result.skipped), result
        self.is_as_modelled()
        self.history.append((self.sim.snapshot, deepcopy(self.model)))

    def is_as_modelled(self) -> None:
        snapshot, cloud = self.sim.snapshot, self.sim.cloud.live
        snapshot.verify()
        assert not snapshot.pending
        assert {(s.type, u.rpartition("::")[2]) for u, s in snapshot.resources.items()} == self.model.live.keys()
        for (type, name), t in self.model.live.items():
            s = snapshot.resources[f"{type}::{name}"]
            assert self.ids.setdefault(t.identity, s.id) == s.id, f"{name} is another thing than it should be"
            assert (s.retain, s.protect, s.retained, s.unsure) == (t.retain, t.protect, t.retained, t.unsure), name
        assert len(set(self.ids.values())) == len(self.ids)
        assert {s.id for s in snapshot.deposed.values()} == {self.ids[t.identity] for _, t in self.model.left}
        assert cloud.keys() == {self.ids[i] for i in self.model.there}
        for identity, t in self.model.there.items():
            there = cloud[self.ids[identity]]
            assert there["shape"] == t.shape and there["size"] == t.cloud["size"]
            assert there.get("note") == t.cloud.get("note")
            assert [*(there.get("uses") or ())] == [self.ids[i] for i in t.cloud["uses"]]


TestLife = LifeMachine.TestCase
TestLife.settings = settings(max_examples=int(os.environ.get("SST_EXAMPLES", "60")), stateful_step_count=14,
                             deadline=None,
                             suppress_health_check=list(HealthCheck))
