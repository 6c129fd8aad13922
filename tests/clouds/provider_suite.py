"""What every provider must do under the engine, as there is a suite for stores.

    class TestMine(ProviderSuite):
        @pytest.fixture
        def case(self) -> Case: ...
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event as Flag
from typing import Any

from sst.core.graph import Graph
from sst.core.model import URN, Entry, Goal, Op, State, name_of
from sst.core.output import Output
from sst.core.provider import Provider, Unsure
from sst.engine.apply import DeployResult
from sst.engine.deploy import deploy, remove
from sst.engine.plan import Plan, plan
from sst.engine.record import pending
from sst.engine.refresh import drifts
from sst.events import Event
from tests.fakes import MemoryJournal, agree

__all__ = ["Case", "ProviderSuite", "Stage"]


@dataclass
class Case:
    """A provider and what to ask of it. ``user`` gives the inputs of a second resource that uses an output of the
    first."""

    provider: Provider
    reference: str
    type: str
    inputs: Mapping[str, Any]
    update: Mapping[str, Any]
    replace: Mapping[str, Any]
    output: str
    """An output that another resource can use."""
    user_type: str = ""
    user: Mapping[str, Any] = field(default_factory=dict)
    uses: str = ""
    """The argument of the user that takes the output."""
    lost: Mapping[str, Any] = field(default_factory=dict)
    """Inputs of a resource whose creation was cut off before it was made."""
    keeps_id: bool = True
    """Whether an update leaves the id as it is."""
    reads: bool = True
    """Whether a resource that is gone is seen to be gone."""


class Stage:
    """A state, and programs of one or two resources that are deployed to it."""

    def __init__(self, case: Case) -> None:
        self.case, self.journal = case, MemoryJournal()
        self.events: list[Event] = []

    def goal(self, name: str, type: str, inputs: Mapping[str, Any], deps: Sequence[URN] = (), **more: Any) -> Goal:
        schema = self.case.provider.schema(type)
        secret = frozenset(k for k in inputs if schema.arguments[k].secret)
        return Goal(f"{type}::{name}", type, inputs, frozenset(deps), provider=self.case.reference, secret=secret,
                    where="sst_config.py:3", **more)

    def graph(self, inputs: Mapping[str, Any] | None, *, user: bool = False, **more: Any) -> Graph:
        graph, case = Graph("app", "test"), self.case
        if inputs is not None:
            one = self.goal("One", case.type, inputs, **more)
            graph.goals[one.urn] = one
            if user:
                value = Output.of(one.urn, case.output)
                two = self.goal("Two", case.user_type or case.type,
                                {**case.user, case.uses: value}, [one.urn])
                graph.goals[two.urn] = two
        with graph.active():
            graph.seal()
        return graph

    def plan(self, inputs: Mapping[str, Any] | None, **more: Any) -> Plan:
        return plan(self.graph(inputs, **more), self.journal.snapshot, lambda item: self.case.provider)

    def deploy(self, inputs: Mapping[str, Any] | None, *, stop: Flag | None = None, **more: Any) -> DeployResult:
        self.events = []
        self.journal = MemoryJournal(self.journal.snapshot)
        result = deploy(self.graph(inputs, **more), self.journal, lambda item: self.case.provider, self.events.append,
                        confirm=agree, stop=stop)
        self.journal.verify()
        return result

    def remove(self) -> DeployResult:
        self.journal = MemoryJournal(self.journal.snapshot)
        return remove(Graph("app", "test"), self.journal, lambda item: self.case.provider, self.events.append,
                      confirm=agree)

    def state(self, name: str = "One") -> State:
        return next(s for s in self.journal.snapshot.resources.values() if name_of(s.urn) == name)


class ProviderSuite:
    """``case`` is a fixture of the subclass."""

    def test_it_creates_and_then_there_is_nothing_to_do(self, case: Case) -> None:
        stage = Stage(case)
        planned = stage.plan(case.inputs)
        assert [s.op for s in planned.changes] == [Op.CREATE]
        stage.deploy(case.inputs).check()
        state = stage.state()
        assert state.id and state.outputs.get(case.output) is not None
        assert (state.provider, state.version, state.damaged) == (case.reference,
                                                                  case.provider.schema(case.type).version,
                                                                  False)
        assert not stage.plan(case.inputs).changes
        stage.remove().check()
        assert not stage.journal.snapshot.resources

    def test_it_updates_in_place(self, case: Case) -> None:
        stage = Stage(case)
        stage.deploy(case.inputs).check()
        before = stage.state()
        changed = {**case.inputs, **case.update}
        step, = stage.plan(changed).changes
        assert step.op is Op.UPDATE and step.changed == {k for k, v in case.update.items() if case.inputs.get(k) != v}
        stage.deploy(changed).check()
        after = stage.state()
        assert (after.id == before.id or not case.keeps_id) and {k: after.inputs[k]
                                                                 for k in case.update} == dict(case.update)
        assert not stage.plan(changed).changes
        stage.remove().check()

    def test_it_replaces_create_first(self, case: Case) -> None:
        if not case.replace:
            return
        stage = Stage(case)
        stage.deploy(case.inputs).check()
        before = stage.state()
        other = {**case.inputs, **case.replace}
        step = next(s for s in stage.plan(other).changes if s.op is Op.REPLACE)
        assert step.replace and not step.delete_first
        stage.deploy(other).check()
        assert stage.state().id != before.id and not stage.journal.snapshot.deposed
        assert not stage.plan(other).changes
        stage.remove().check()

    def test_a_user_of_an_output_is_planned_with_what_is_known(self, case: Case) -> None:
        if not case.uses:
            return
        stage = Stage(case)
        stage.deploy(case.inputs, user=True).check()
        assert stage.state("Two").inputs[case.uses] == stage.state().outputs[case.output]
        assert not stage.plan(case.inputs, user=True).changes
        stage.remove().check()

    def test_after_a_deploy_there_is_never_anything_left_to_do(self, case: Case) -> None:
        stage = Stage(case)
        for inputs in (case.inputs, {**case.inputs, **case.update}, case.inputs):
            stage.deploy(inputs, user=bool(case.uses)).check()
            assert not stage.plan(inputs, user=bool(case.uses)).changes
        stage.remove().check()

    def test_what_is_gone_is_found_to_be_gone_and_created_again(self, case: Case) -> None:
        if not case.reads:
            return
        stage = Stage(case)
        stage.deploy(case.inputs).check()
        state = stage.state()
        case.provider.delete(state, lambda text: None)
        found, = drifts(stage.journal.snapshot, lambda item: case.provider, stage.events.append)
        assert found.gone
        stage.journal.write(Entry("gone", state.urn, state))
        stage.deploy(case.inputs).check()
        case.provider.delete(stage.state(), lambda text: None)
        case.provider.delete(stage.state(), lambda text: None)    # that it is gone already is no error
        stage.remove().check()

    def test_it_imports_by_id(self, case: Case) -> None:
        if not case.reads:
            return
        stage = Stage(case)
        stage.deploy(case.inputs).check()
        there = stage.state()
        taken = Stage(case)
        taken.deploy(case.inputs, adopt=there.id).check()
        assert taken.state().id == there.id
        assert not taken.plan(case.inputs).changes
        taken.remove().check()

    def test_an_answer_that_was_lost_blocks_nothing_else(self, case: Case) -> None:
        stage = Stage(case)
        lost = stage.goal("Lost", case.type, case.inputs)
        operation = pending(lost, Op.CREATE, "app-test-lost", dict(case.lost or case.inputs), None)
        stage.journal.write(Entry("begin", lost.urn, pending=operation))
        result = stage.deploy(case.inputs)
        assert stage.state().id, "the other one was deployed"
        if isinstance(case.provider.find(operation), Unsure):
            assert [(f.name, f.op) for f in result.failures] == [("Lost", "unsure")]
            assert "sst state resolve Lost --absent" in str(result.failures[0].error)
            stage.journal.write(Entry("undone", lost.urn))
        else:
            assert not result.failures and not stage.journal.snapshot.pending
        stage.remove().check()

    def test_secrets_are_marked(self, case: Case) -> None:
        schema = case.provider.schema(case.type)
        stage = Stage(case)
        stage.deploy(case.inputs).check()
        asked = {k for k in case.inputs if schema.arguments[k].secret}
        assert asked | set(schema.secret_outputs) == set(stage.state().secret)
        stage.remove().check()
