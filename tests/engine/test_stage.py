"""A stage over time, as a state machine: edits, targeted deploys, removal, refresh, drift by hand, rollback, crashes
anywhere."""
from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sst.core.graph import Graph
from sst.engine.apply import DeployResult
from sst.engine.choice import Choice
from sst.engine.deploy import deploy
from sst.engine.rollback import goals_of
from tests.fakes import agree, ignore, refresh

from .programs import KEYS, Program, Sim, faults, programs


class StageMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.sim = Sim()
        self.history = [self.sim.snapshot]

    @rule(program=programs, wrong=faults)
    def deploys(self, program: Program, wrong: list) -> None:
        self.sim.deploy(program, wrong)
        self.history.append(self.sim.snapshot)

    @rule(program=programs, key=st.sampled_from(KEYS), version=st.integers(0, 1), without=st.booleans(), wrong=faults)
    def deploys_a_part(self, program: Program, key: int, version: int, without: bool, wrong: list) -> None:
        names = (f"T{key}v{version}",)
        self.sim.deploy(program, wrong, choice=Choice(exclude=names) if without else Choice(target=names))

    @rule(wrong=faults)
    def removes(self, wrong: list) -> None:
        self.sim.remove(wrong)

    @rule(wrong=faults)
    def refreshes(self, wrong: list) -> None:
        def command() -> DeployResult:
            refresh(self.sim.journal, self.sim.cloud.provider, ignore, parallel=1)
            return DeployResult()

        self.sim.run(command, [f for f in wrong if f.kind == "crash"])

    @rule(nth=st.integers(0, 10), size=st.integers(1, 9))
    def somebody_changes_a_thing(self, nth: int, size: int) -> None:
        if things := list(self.sim.cloud.live.values()):
            things[nth % len(things)]["size"] = size

    @rule(nth=st.integers(0, 10))
    def somebody_deletes_a_thing(self, nth: int) -> None:
        if ids := list(self.sim.cloud.live):
            id = ids[nth % len(ids)]
            if not any(id in (v.get("uses") or ()) for v in self.sim.cloud.live.values()):
                del self.sim.cloud.live[id]

    @rule(nth=st.integers(0, 10), wrong=faults)
    def rolls_back(self, nth: int, wrong: list) -> None:
        sim, before = self.sim, self.history[nth % len(self.history)]

        def command() -> DeployResult:
            graph: Graph = goals_of(before, sim.journal.snapshot, sim.cloud.provider, app="app", stage="test")
            return deploy(graph, sim.journal, sim.cloud.provider, ignore, confirm=agree, parallel=1)

        sim.run(command, wrong)

    @rule(program=programs)
    def everything_settles(self, program: Program) -> None:
        sim = self.sim
        sim.unprotect()
        refresh(sim.journal, sim.cloud.provider, ignore, parallel=1)
        sim.journal.write(*sim.deposed_gone())
        sim.snapshot = sim.journal.snapshot
        sim.settles_to(program)
        self.history.append(sim.snapshot)

    @invariant()
    def the_state_is_whole(self) -> None:
        self.sim.snapshot.verify()


TestStage = StageMachine.TestCase
TestStage.settings = settings(max_examples=int(os.environ.get("SST_EXAMPLES", "40")), stateful_step_count=12,
                              deadline=None,
                              suppress_health_check=list(HealthCheck))
