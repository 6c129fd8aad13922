"""What the engine does to things over their life: a fake world, a program, an assertion."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from threading import Event as Flag
from typing import Any

import pytest

from sst.core.graph import Graph
from sst.core.later import later
from sst.core.model import Entry, Op, State, name_of
from sst.core.output import UNKNOWN
from sst.core.provider import Change
from sst.engine.apply import DeployResult
from sst.engine.choice import Choice
from sst.engine.deploy import deploy, remove
from sst.engine.plan import Plan, plan
from sst.errors import DeployError, Fenced, Problems, ProviderError, UserError
from sst.events import Event, Finished, Planned, StepDone, StepFailed, StepSkipped, StepStarted, Unsettled
from tests.fakes import Cloud, MemoryJournal, Store, Thing, Versioned, agree, busy, ignore, no_reply, refused, unsent

Program = Callable[[], Any]


class Stage:
    """A cloud and a state; programs are deployed one after the other."""

    def __init__(self) -> None:
        self.cloud, self.journal = Cloud(), MemoryJournal()
        self.events: list[Event] = []

    def graph(self, program: Program) -> Graph:
        graph = Graph("app", "test")
        with graph.active():
            program()
        graph.seal()
        return graph

    def plan(self, program: Program, **options: Any) -> Plan:
        return plan(self.graph(program), self.journal.snapshot, self.cloud.provider, **options)

    def deploy(self, program: Program, **options: Any) -> DeployResult:
        return self._run(lambda: deploy(self.graph(program), self.journal, self.cloud.provider, self.events.append,
                                        **{"confirm": agree, "parallel": 4, **options}))

    def remove(self, **options: Any) -> DeployResult:
        return self._run(lambda: remove(Graph("app", "test"), self.journal, self.cloud.provider, self.events.append,
                                        confirm=agree, **options))

    def _run(self, command: Callable[[], DeployResult]) -> DeployResult:
        self.journal, self.events = MemoryJournal(self.journal.snapshot), []
        self.cloud.calls.clear()
        try:
            return command()
        finally:
            self.journal.verify()

    def state(self, name: str) -> State:
        return next(s for s in self.journal.snapshot.resources.values() if name_of(s.urn) == name)

    @property
    def names(self) -> set[str]:
        return {name_of(u) for u in self.journal.snapshot.resources}

    @property
    def calls(self) -> list[str]:
        return [f"{op} {name_of(urn)}" for op, urn in self.cloud.calls]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def chain(size: int) -> Program:
    """Each thing but the first shows an output of the one before that changes with each update."""
    def program() -> None:
        made = Thing("T0", size=size)
        for n in range(1, 4):
            made = Thing(f"T{n}", note=made.turn)
    return program


def test_what_uses_an_output_that_changed_unexpectedly_is_updated_in_the_same_deploy(stage: Stage) -> None:
    stage.deploy(chain(1))
    planned = stage.plan(chain(2))
    assert [(s.op, s.name) for s in planned.changes] == [(Op.UPDATE, "T0")]
    stage.deploy(chain(2)).check()
    assert stage.calls == ["update T0", "update T1", "update T2", "update T3"]
    assert [stage.state(f"T{n}").inputs["note"] for n in (1, 2, 3)] == ["2", "2", "2"]
    assert not stage.plan(chain(2)).changes


def test_a_deploy_without_surprises_plans_once(stage: Stage) -> None:
    stage.deploy(pair())
    stage.deploy(pair(size=3)).check()
    assert sum(isinstance(e, Planned) for e in stage.events) == 1


class Restless(Cloud):
    """A provider that finds something to change in ``One`` each time it is asked."""

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        return Change(frozenset({"size"})) if prior and inputs.get("size") == 7 else super().plan(type, prior, inputs)


def test_an_output_that_never_settles_ends_in_a_warning(stage: Stage) -> None:
    def program() -> None:
        one = Thing("One", size=7)
        Thing("Three", note=Thing("Two", note=one.turn).turn)

    stage.cloud = Restless()
    stage.deploy(program)
    stage.deploy(program).check()
    assert [e for e in stage.events if isinstance(e, Unsettled)] == [Unsettled(("One.turn",), 5)]
    assert stage.calls.count("update One") < 12


def pair(shape: str = "x", **options: Any) -> Program:
    """A thing and its user."""
    def program() -> None:
        one = Thing("One", shape=shape, **options)
        Thing("Two", uses=[one.key])
    return program


def steps(made: Plan) -> dict[str, str]:
    return {f"{s.name}{'#' if s.key != s.urn else ''}": s.op.value for s in made.steps}


class TestPlain:
    def test_a_thing_is_made_before_its_user_and_deleted_after_it(self, stage: Stage) -> None:
        stage.deploy(pair()).check()
        assert stage.calls == ["create One", "create Two"]
        assert stage.state("Two").inputs["uses"] == [stage.state("One").id]
        stage.remove().check()
        assert stage.calls == ["delete Two", "delete One"] and not stage.cloud.live and not stage.names

    def test_a_second_deploy_makes_no_call_and_no_entry(self, stage: Stage) -> None:
        stage.deploy(pair())
        assert stage.deploy(pair()).done == {} and not stage.calls and not stage.journal.entries

    def test_a_changed_value_is_an_update_of_that_property_alone(self, stage: Stage) -> None:
        stage.deploy(lambda: Thing("One", size=1, note="a"))
        (step,) = stage.plan(lambda: Thing("One", size=2, note="a")).steps
        assert (step.op, step.changed) == (Op.UPDATE, {"size"})
        stage.deploy(lambda: Thing("One", size=2, note="a")).check()
        assert stage.calls == ["update One"]

    def test_the_journal_says_begin_before_the_call_and_made_after_it(self, stage: Stage) -> None:
        seen: list[str] = []
        stage.cloud.fail = lambda op, inputs: seen.append(stage.journal.entries[-1].kind)
        stage.deploy(lambda: Thing("One"))
        assert set(seen) == {"begin"} and [e.kind for e in stage.journal.entries] == ["begin", "made"]

    def test_the_program_may_move_and_tell_new_edges_without_a_call(self, stage: Stage) -> None:
        stage.deploy(lambda: (Thing("One"), Thing("Two")))
        stage.deploy(lambda: Thing("Two", depends_on=[Thing("One", protect=True)])).check()
        assert not stage.calls and stage.state("One").protect and stage.state("Two").deps == (stage.state("One").urn,)

    def test_outputs_and_links_are_kept(self, stage: Stage) -> None:
        graph = Graph("app", "test")
        with graph.active():
            one = Thing("One")
        graph.seal()
        deploy(graph, stage.journal, stage.cloud.provider, stage.events.append, confirm=agree,
               outputs={"url": f"<{one.key}>"},
               links={"One": {"key": one.key}})
        assert stage.journal.snapshot.outputs == {"url": "<id1>"}
        assert stage.journal.snapshot.links == {"One": {"key": "id1"}}
        assert isinstance(stage.events[-1], Finished) and stage.events[-1].outputs == {"url": "<id1>"}

    def test_nothing_happens_without_consent(self, stage: Stage) -> None:
        def no(made: Plan) -> None:
            raise UserError("not confirmed")

        with pytest.raises(UserError):
            stage.deploy(pair(), confirm=no)
        assert not stage.calls and not stage.journal.entries


class TestReplace:
    def test_a_replaced_thing_is_deleted_after_its_users_moved(self, stage: Stage) -> None:
        stage.deploy(pair("x"))
        assert steps(stage.plan(pair("y"))) == {"One": "replace", "Two": "update", "One#": "delete"}
        stage.deploy(pair("y")).check()
        assert stage.calls == ["create One", "update Two", "delete One"]
        assert stage.state("Two").inputs["uses"] == [stage.state("One").id] and len(stage.cloud.live) == 2

    def test_it_gets_another_name(self, stage: Stage) -> None:
        stage.deploy(pair("x"))
        before = stage.state("One").inputs["name"]
        stage.deploy(pair("y"))
        assert stage.state("One").inputs["name"] != before

    def test_if_a_user_can_not_move_the_old_one_stays_until_it_can(self, stage: Stage) -> None:
        stage.deploy(pair("x"))

        def fail(op: str, inputs: Any) -> None:
            if op == "update":
                raise refused()

        stage.cloud.fail = fail
        result = stage.deploy(pair("y"))
        assert len(result.failures) == 1 and result.skipped == 1 and len(stage.journal.snapshot.deposed) == 1
        stage.cloud.fail = lambda op, inputs: None
        stage.deploy(pair("y")).check()
        assert stage.calls == ["update Two", "delete One"] and not stage.journal.snapshot.deposed

    def test_a_thing_with_a_fixed_name_is_deleted_first(self, stage: Stage) -> None:
        stage.deploy(pair("x", name="fixed-one"))
        made = stage.plan(pair("y", name="fixed-one"))
        assert made.steps[0].delete_first and steps(made) == {"One": "replace", "Two": "update"}
        stage.deploy(pair("y", name="fixed-one")).check()
        assert stage.calls == ["delete One", "create One", "update Two"]

    def test_if_its_successor_can_not_be_made_the_next_deploy_makes_it(self, stage: Stage) -> None:
        stage.deploy(pair("x", name="fixed-one"))
        stage.cloud.fail = lambda op, inputs: (_ for _ in ()).throw(refused()) if op == "create" else None
        assert len(stage.deploy(pair("y", name="fixed-one")).failures) == 1
        assert stage.names == {"Two"} and stage.state("Two").deps == ()
        stage.cloud.fail = lambda op, inputs: None
        stage.deploy(pair("y", name="fixed-one")).check()
        assert stage.calls == ["create One", "update Two"]

    def test_a_fixed_name_that_moves_to_another_resource_is_freed_first(self, stage: Stage) -> None:
        stage.deploy(lambda: Thing("One", name="n"))
        stage.deploy(lambda: Thing("Two", name="n")).check()
        assert stage.calls == ["delete One", "create Two"]

    def test_a_fixed_name_moves_while_a_user_of_the_old_thing_changes_to_one_that_stays(self, stage: Stage) -> None:
        def program(first: str, other: str) -> Program:
            def declare() -> None:
                stays, named = Thing("Stays"), Thing(first, name="n")
                Thing("User", uses=[{"Stays": stays, "One": named}[other].key])
            return declare

        stage.deploy(program("One", "One"))
        stage.deploy(program("Two", "Stays")).check()
        assert stage.calls == ["update User", "delete One", "create Two"]

    def test_a_planned_replacement_that_turns_out_needless_is_none(self, stage: Stage) -> None:
        def program(code: str) -> Program:
            def declare() -> None:
                one = Versioned("One", code=code)
                Thing("Two", shape=one.version.apply(lambda v: "same"))
            return declare

        stage.deploy(program("a"))
        made = stage.plan(program("b"))
        assert steps(made) == {"One": "update", "Two": "replace",
                               "Two#": "delete"} and made.steps[1].inputs["shape"] is UNKNOWN
        result = stage.deploy(program("b"))
        assert stage.calls == ["update One"] and result.done == {Op.UPDATE: 1, Op.SAME: 2}

    def test_a_former_thing_that_has_the_fixed_name_is_taken_back(self, stage: Stage) -> None:
        stage.deploy(pair(name="fixed-one"))
        first = stage.state("One").id
        stage.cloud.fail = lambda op, inputs: (_ for _ in ()).throw(refused()) if op == "update" else None
        assert stage.deploy(pair()).failures and len(stage.cloud.live) == 3
        stage.cloud.fail = lambda op, inputs: None
        stage.deploy(pair(name="fixed-one")).check()
        assert stage.state("One").id == first and len(stage.cloud.live) == 2 and "create One" not in stage.calls

    def test_edges_that_flip(self, stage: Stage) -> None:
        def program(first: str, second: str, shape: str) -> Program:
            return lambda: Thing(second, shape=shape, uses=[Thing(first, shape=shape).key])

        stage.deploy(program("One", "Two", "x"))
        stage.deploy(program("Two", "One", "y")).check()
        assert len(stage.cloud.live) == 2 and not stage.journal.snapshot.deposed


class TestKeeping:
    def test_a_retained_thing_leaves_the_program_but_not_the_cloud_and_is_taken_back(self, stage: Stage) -> None:
        stage.deploy(lambda: (Thing("One", retain=True), Thing("Two")))
        id = stage.state("One").id
        assert stage.deploy(lambda: Thing("Two")).done[Op.FORGET] == 1
        assert stage.state("One").retained and id in stage.cloud.live and not stage.calls
        assert not stage.deploy(lambda: Thing("Two")).done
        stage.deploy(lambda: (Thing("One", retain=True, size=5), Thing("Two"))).check()
        assert stage.calls == ["update One"] and stage.state("One").id == id and not stage.state("One").retained

    def test_remove_leaves_it_too(self, stage: Stage) -> None:
        stage.deploy(lambda: (Thing("One", retain=True), Thing("Two")))
        stage.remove().check()
        assert stage.names == {"One"} and len(stage.cloud.live) == 1
        stage.remove().check()
        assert len(stage.cloud.live) == 1

    def test_replaced_it_stays_as_it_was(self, stage: Stage) -> None:
        stage.deploy(pair("x", retain=True))
        stage.deploy(pair("y", retain=True)).check()
        assert len(stage.cloud.live) == 3 and [s.retain for s in stage.journal.snapshot.deposed.values()] == [True]
        assert not stage.deploy(pair("y", retain=True)).done

    def test_retained_and_replaced_at_once_it_stays(self, stage: Stage) -> None:
        stage.deploy(pair("x"))
        stage.deploy(pair("y", retain=True)).check()
        assert len(stage.cloud.live) == 3 and len(stage.journal.snapshot.deposed) == 1

    def test_it_is_not_deleted_to_free_its_name(self, stage: Stage) -> None:
        stage.deploy(pair("x", retain=True, name="fixed-one"))
        with pytest.raises(UserError, match=r'"One" is retained, and a change of shape would delete it'):
            stage.deploy(pair("y", retain=True, name="fixed-one"))

    def test_a_name_that_it_holds_is_refused_with_the_way_to_take_it_back(self, stage: Stage) -> None:
        stage.deploy(lambda: Thing("One", name="n", retain=True))
        stage.deploy(lambda: None)
        with pytest.raises(UserError, match=r'can\'t be named \'n\': "One", which was retained, .*\n  hint: reuse it '
                                            r'with alias="One"'):
            stage.deploy(lambda: Thing("Two", name="n"))
        stage.deploy(lambda: Thing("Two", name="n", alias="One")).check()
        assert stage.names == {"Two"} and not stage.calls

    def test_a_protected_thing_is_neither_dropped_nor_replaced_nor_removed(self, stage: Stage) -> None:
        stage.deploy(pair("x", protect=True))
        with pytest.raises(UserError, match=r'"One" is protected, and a change of shape would replace it'):
            stage.deploy(pair("y", protect=True))
        with pytest.raises(UserError, match="is protected, and"):
            stage.deploy(pair("y"))
        with pytest.raises(UserError, match=r'"One" is protected and no longer in the program[\s\S]*deploy once with '
                                            r'protect=False'):
            stage.remove()
        stage.deploy(pair("x")).check()
        stage.remove().check()
        assert not stage.cloud.live

    def test_all_refusals_are_told_at_once(self, stage: Stage) -> None:
        stage.deploy(lambda: (Thing("One", protect=True), Thing("Two", protect=True)))
        with pytest.raises(Problems, match=r'"(One|Two)"[\s\S]*"(One|Two)"'):
            stage.remove()

    def test_data_with_a_fixed_name_is_never_deleted_to_be_made_anew(self, stage: Stage) -> None:
        stage.deploy(lambda: Store("Files", name="files", retain=False))
        with pytest.raises(UserError, match=r'"Files" holds data and can\'t be replaced in place by a change of shape'):
            stage.deploy(lambda: Store("Files", name="files", shape="y", retain=False))

    def test_lost_data_is_shown_once_a_thing(self, stage: Stage) -> None:
        stage.deploy(lambda: (Store("Files"), Store("More"), Store("Kept", retain=True)))
        made = stage.plan(lambda: Store("Files", shape="y"))
        assert [(s.name, s.op) for s in made.data_loss] == [("Files", Op.REPLACE), ("More", Op.DELETE)]

    def test_ignored_changes_stay_as_they_are(self, stage: Stage) -> None:
        stage.deploy(lambda: Thing("One", size=1))
        stage.deploy(lambda: Thing("One", size=2, note="n", ignore_changes=["size", "note"])).check()
        assert not stage.calls and stage.state("One").inputs.get("size") == 1
        assert "note" not in stage.state("One").inputs


class TestNames:
    def test_a_renamed_thing_moves_without_a_call(self, stage: Stage) -> None:
        stage.deploy(pair())
        id = stage.state("One").id
        stage.deploy(lambda: Thing("Two", uses=[Thing("Uno", alias="One").key])).check()
        assert not stage.calls and stage.state("Uno").id == id and stage.names == {"Uno", "Two"}
        assert stage.state("Two").deps == (stage.state("Uno").urn,)

    def test_a_renamed_and_changed_thing_and_its_dropped_user(self, stage: Stage) -> None:
        stage.deploy(pair())
        stage.deploy(lambda: Thing("Uno", alias="One", shape="y")).check()
        assert stage.calls == ["create Uno", "delete Two", "delete Uno"] or sorted(stage.calls) == [
            "create Uno", "delete Two", "delete Uno"]
        assert len(stage.cloud.live) == 1

    def test_two_that_claim_one_former_name(self, stage: Stage) -> None:
        stage.deploy(lambda: Thing("One"))
        stage.deploy(lambda: (Thing("A", alias="One"), Thing("B", alias="One"))).check()
        assert stage.calls == ["create B"]


class TestChoice:
    def test_a_target_brings_what_it_uses_and_nothing_else(self, stage: Stage) -> None:
        def program() -> None:
            pair()()
            Thing("Three")

        stage.deploy(program, choice=Choice(target=["Two"])).check()
        assert stage.names == {"One", "Two"}
        stage.deploy(program, choice=Choice(exclude=["Three"])).check()
        assert not stage.calls
        stage.deploy(program).check()
        assert stage.calls == ["create Three"]

    def test_what_is_excluded_takes_its_users_with_it(self, stage: Stage) -> None:
        stage.deploy(pair(), choice=Choice(exclude=["One"])).check()
        assert not stage.names

    def test_what_others_still_use_is_not_deleted_yet(self, stage: Stage) -> None:
        stage.deploy(pair())
        stage.deploy(lambda: Thing("Two"), choice=Choice(target=["One"])).check()
        assert not stage.calls and stage.names == {"One", "Two"}
        stage.deploy(pair("y"), choice=Choice(target=["One"])).check()
        assert stage.calls == ["create One"] and len(stage.journal.snapshot.deposed) == 1
        stage.deploy(pair("y")).check()
        assert stage.calls == ["update Two", "delete One"]

    def test_what_must_be_deleted_first_is_refused_while_others_use_it(self, stage: Stage) -> None:
        stage.deploy(pair("x", name="fixed-one"))
        with pytest.raises(UserError, match="is used by resources that are not deployed now"):
            stage.deploy(pair("y", name="fixed-one"), choice=Choice(target=["One"]))

    def test_a_name_that_is_nowhere(self, stage: Stage) -> None:
        with pytest.raises(UserError, match='nothing here is named "Tow"\n  hint: did you mean "Two"'):
            stage.deploy(pair(), choice=Choice(target=["Tow"]))


class TestFailures:
    def test_a_failure_skips_its_users_and_lets_the_rest_go_on(self, stage: Stage) -> None:
        def program() -> None:
            pair(note="bad")()
            Thing("Three")

        def fail(op: str, inputs: Any) -> None:
            if op == "create" and inputs.get("note") == "bad":
                raise refused("make")

        stage.cloud.fail = fail
        result = stage.deploy(program)
        (failure,) = result.failures
        assert (failure.name, failure.op, result.skipped, stage.names) == ("One", "create", 1, {"Three"})
        assert "test_lifecycle.py:" in failure.where
        assert [e.because for e in stage.events if isinstance(e, StepSkipped)] == ["One"]
        assert {type(e) for e in stage.events} >= {StepStarted, StepDone, StepFailed, Finished}
        with pytest.raises(DeployError, match="1 resource could not be deployed"):
            result.check()
        assert not stage.journal.snapshot.pending

    @pytest.mark.parametrize("error", [refused, busy, unsent, no_reply])
    @pytest.mark.parametrize("op", ["create", "half-created", "created"])
    def test_a_create_of_unknown_end_is_looked_up(self, stage: Stage, op: str,
                                                  error: Callable[[], ProviderError]) -> None:
        once = [error()] if op == "create" or error is not unsent else [no_reply()]
        stage.cloud.fail = lambda at, inputs: (_ for _ in ()).throw(once.pop()) if at == op and once else None
        stage.deploy(lambda: Thing("One", note="n"))
        stage.deploy(lambda: Thing("One", note="n")).check()
        (thing,) = stage.cloud.live.values()
        assert thing["note"] == "n" and not stage.state("One").unsure

    def test_a_lost_reply_is_healed_in_the_same_deploy(self, stage: Stage) -> None:
        stage.cloud.fail = lambda op, inputs: (_ for _ in ()).throw(no_reply()) if op == "half-created" else None
        stage.deploy(lambda: Thing("One", note="n")).check()
        assert stage.calls == ["create One", "find One", "update One"]

    def test_what_can_not_be_told_is_never_created_again(self, stage: Stage) -> None:
        stage.cloud.fail = lambda op, inputs: (_ for _ in ()).throw(no_reply()) if op == "created" else None
        stage.cloud.unsure = True
        assert stage.deploy(lambda: Thing("One")).failures
        stage.cloud.fail = lambda op, inputs: None
        result = stage.deploy(lambda: (Thing("Two", uses=[Thing("One").key]), Thing("Three")))
        failed, = result.failures
        assert (failed.name, failed.op, result.skipped) == ("One", "unsure", 1) and stage.names == {"Three"}
        assert "nobody can tell yet whether it exists: the list is not consistent yet" in str(failed.error)
        assert failed.error.hint == ("it exists: sst adopt One ID; it does not: sst state resolve One --absent")
        assert stage.remove().failures and not stage.names
        stage.cloud.unsure = False
        stage.deploy(lambda: Thing("One")).check()
        assert len(stage.cloud.live) == 1 and stage.calls == ["find One", "update One"]

    @pytest.mark.parametrize("back", ["a", "b"])
    def test_an_update_of_unknown_end_is_sent_again_whatever_the_program_says_now(
        self, stage: Stage, back: str
    ) -> None:
        stage.deploy(lambda: Thing("One", note="a"))
        stage.cloud.fail = lambda op, inputs: (_ for _ in ()).throw(no_reply()) if op == "updated" else None
        assert stage.deploy(lambda: Thing("One", note="b", size=2)).failures and stage.state("One").unsure
        stage.cloud.fail = lambda op, inputs: None
        stage.deploy(lambda: Thing("One", note=back)).check()
        assert stage.calls == ["update One"] and stage.cloud.live["id1"]["note"] == back
        assert stage.cloud.live["id1"]["size"] == 1
        assert not stage.deploy(lambda: Thing("One", note=back)).done

    @pytest.mark.parametrize("op", ["delete", "deleted"])
    def test_a_delete_of_unknown_end_is_looked_up_even_if_the_thing_is_wanted_again(
        self, stage: Stage, op: str
    ) -> None:
        stage.deploy(pair())
        stage.cloud.fail = lambda at, inputs: (_ for _ in ()).throw(no_reply()) if at == op else None
        assert bool(stage.deploy(lambda: Thing("One")).failures) is (op == "delete")
        stage.cloud.fail = lambda at, inputs: None
        stage.deploy(pair()).check()
        assert len(stage.cloud.live) == 2
        assert {s.id for s in stage.journal.snapshot.resources.values()} == set(stage.cloud.live)

    def test_a_stop_lets_what_runs_finish_and_starts_nothing(self, stage: Stage) -> None:
        stop = Flag()
        stage.cloud.fail = lambda op, inputs: stop.set() if op == "created" else None
        result = stage.deploy(pair(), stop=stop)
        assert result.interrupted and not result.failures and stage.names == {"One"}
        assert [e.because for e in stage.events if isinstance(e, StepSkipped)] == ["interrupted"]

    def test_a_lost_lock_ends_everything_at_once(self, stage: Stage) -> None:
        def fenced(entry: Entry) -> None:
            if entry.kind == "made":
                raise Fenced("the lock was taken over")

        stage.journal.before_write = fenced
        with pytest.raises(Fenced):
            deploy(stage.graph(pair()), stage.journal, stage.cloud.provider, ignore, confirm=agree)
        assert len(stage.cloud.live) == 1 and len(stage.journal.snapshot.pending) == 1
        stage.journal.before_write = lambda entry: None
        stage.deploy(pair()).check()
        assert len(stage.cloud.live) == 2

    def test_remove_resumes(self, stage: Stage) -> None:
        stage.deploy(pair())
        stage.cloud.fail = lambda op, inputs: ((_ for _ in ()).throw(refused())
                                               if op == "delete" and not inputs.get("uses") else None)
        assert len(stage.remove().failures) == 1 and stage.names == {"One"}
        stage.cloud.live.clear()
        stage.cloud.fail = lambda op, inputs: None
        stage.remove().check()
        assert not stage.names


class TestLater:
    def program(self, count: str) -> Program:
        def declare() -> None:
            one = Versioned("One", code=count)
            later(one.version.apply(lambda v: int(v)), lambda n: [Thing(f"Part{i}", note=one.key) for i in range(n)])
        return declare

    def test_what_waits_for_a_value_is_declared_in_a_later_round(self, stage: Stage) -> None:
        assert stage.plan(self.program("a")).undecided
        stage.deploy(self.program("a")).check()
        assert stage.names == {"One", "Part0"}
        stage.deploy(self.program("b")).check()
        assert stage.names == {"One", "Part0", "Part1"}

    def test_an_unchanged_program_is_decided_from_the_state(self, stage: Stage) -> None:
        stage.deploy(self.program("a"))
        made = stage.plan(self.program("a"))
        assert not made.undecided and not made.changes
        assert not stage.deploy(self.program("a")).done

    def test_things_are_deleted_in_the_last_round_only(self, stage: Stage) -> None:
        stage.deploy(lambda: (self.program("a")(), Thing("Old")))
        stage.deploy(self.program("b")).check()
        assert stage.calls[0] == "update One"
        assert sorted(stage.calls[1:]) == ["create Part1", "delete Old"], "these two at the same time"

    def test_more_data_loss_than_was_agreed_to_is_asked_for_again(self, stage: Stage) -> None:
        stage.deploy(lambda: (self.program("a")(), Store("Files")))
        asked: list[list[str]] = []

        def ask(made: Plan) -> None:
            asked.append([s.name for s in made.data_loss])
            if asked[-1]:
                raise UserError("Files would be lost")

        with pytest.raises(UserError):
            stage.deploy(self.program("b"), confirm=ask)
        assert asked == [[], ["Files"]] and "Files" in stage.names

    def test_a_mistake_in_it_is_told(self, stage: Stage) -> None:
        def program() -> None:
            later(1, lambda n: [][n])

        with pytest.raises(UserError, match="the function given to later failed: IndexError"):
            stage.deploy(program)


class TestImport:
    def there(self, stage: Stage, **inputs: Any) -> None:
        stage.cloud.live["ext"] = {"size": 1, "shape": "x", "name": "theirs", "#urn": "", "#token": "", "#version": 1,
                                   **inputs}

    def test_an_existing_thing_is_taken_over_and_brought_to_what_the_program_says(self, stage: Stage) -> None:
        self.there(stage, size=5, note="theirs")
        result = stage.deploy(lambda: Thing("One", size=7, import_="ext"))
        assert result.done == {Op.ADOPT: 1} and stage.calls == ["read ext", "update One"]
        assert stage.cloud.live["ext"]["size"] == 7 and stage.cloud.live["ext"]["note"] == "theirs"
        assert stage.state("One").inputs["name"] == "theirs"
        assert not stage.deploy(lambda: Thing("One", size=7, import_="ext")).done
        assert not stage.deploy(lambda: Thing("One", size=7)).done

    def test_one_that_is_equal_is_not_touched(self, stage: Stage) -> None:
        self.there(stage)
        stage.deploy(lambda: Thing("One", import_="ext")).check()
        assert stage.calls == ["read ext"]

    def test_one_that_is_not_there_or_can_not_be_changed_is_refused(self, stage: Stage) -> None:
        (failure,) = stage.deploy(lambda: Thing("One", import_="ext")).failures
        assert str(failure.error) == "there is no fake.Thing with the id 'ext' to import"
        self.there(stage, shape="z")
        (failure,) = stage.deploy(lambda: Thing("One", import_="ext")).failures
        assert "'ext' differs in shape, which can't be changed in place" in str(failure.error)
        assert not stage.names and not stage.journal.entries and stage.calls == ["read ext"]


def test_secrets_are_named_in_the_state(stage: Stage) -> None:
    def program() -> None:
        one = Thing("One", password="p4ss")
        Thing("Two", note=f"x{one.password}")
        Versioned("Three")

    stage.deploy(program)
    assert [stage.state(n).secret for n in ("One", "Two", "Three")] == [("password",), ("note",), ("token",)]


def test_a_value_that_becomes_secret_is_sealed_without_a_call(stage: Stage) -> None:
    from sst.core.output import Output

    stage.deploy(lambda: Thing("One", note="v"))
    stage.deploy(lambda: Thing("One", note=Output(lambda look: "v", secret=True))).check()
    assert not stage.calls and stage.state("One").secret == ("note",)


def test_states_of_another_version_of_the_program_keep_their_flags(stage: Stage) -> None:
    stage.deploy(lambda: Thing("One", retain=True, protect=True))
    s = stage.state("One")
    assert (s.retain, s.protect) == (True, True) and replace(s, retain=False) != s
