"""A plan changes nothing, neither the graph nor the state, and calls what ``later`` was given once for each value."""
from __future__ import annotations

from copy import deepcopy

from sst.core.graph import Graph
from sst.core.later import later
from sst.core.model import Op, name_of
from sst.engine.plan import Plan, plan
from tests.fakes import MemoryJournal, Thing, Versioned

from .test_lifecycle import Stage


class Program:
    """Declares as many parts as ``One`` has a version, and counts how often it was asked to."""

    def __init__(self, code: str = "a") -> None:
        self.code, self.calls = code, list[int]()

    def __call__(self) -> None:
        one = Versioned("One", code=self.code)
        later(one.version.apply(int), lambda n: self.parts(n, one))

    def parts(self, n: int, one: Versioned) -> None:
        self.calls.append(n)
        for i in range(n):
            Thing(f"Part{i}", note=one.key)


def facts(made: Plan) -> list[tuple[Op, str]]:
    return sorted((s.op, name_of(s.urn)) for s in made.steps)


def shape(graph: Graph) -> tuple[object, ...]:
    return dict(graph.goals), list(graph.laters), graph.stack, graph.frozen


def test_a_plan_leaves_graph_and_state_as_they_are() -> None:
    stage, program = Stage(), Program()
    stage.deploy(program)
    graph, before = stage.graph(program), deepcopy(stage.journal.snapshot)
    was = shape(graph)
    first = plan(graph, stage.journal.snapshot, stage.cloud.provider)
    assert shape(graph) == was and stage.journal.snapshot == before
    assert first.graph is not graph and len(first.graph.goals) > len(graph.goals)
    assert facts(plan(graph, stage.journal.snapshot, stage.cloud.provider)) == facts(first)


def test_one_graph_planned_twice_calls_the_program_once() -> None:
    stage, program = Stage(), Program()
    stage.deploy(program)
    graph = stage.graph(program)
    program.calls.clear()
    for _ in range(3):
        plan(graph, stage.journal.snapshot, stage.cloud.provider)
    assert len(program.calls) == 1


def test_one_graph_planned_over_two_states_is_right_for_each() -> None:
    stage, program = Stage(), Program()
    stage.deploy(program)
    small = stage.journal.snapshot
    stage.deploy(Program("b"))
    stage.deploy(Program("a"))      # the same program again, at its third version
    large = stage.journal.snapshot
    graph = stage.graph(program)
    assert facts(plan(graph, MemoryJournal().snapshot, stage.cloud.provider)) == [(Op.CREATE, "One")]
    over = {id(s): plan(graph, s, stage.cloud.provider) for s in (small, large)}
    for snapshot in (large, small):      # in another order, and beside a graph of its own
        alone = plan(stage.graph(program), snapshot, stage.cloud.provider)
        assert over[id(snapshot)].graph is not graph
        assert facts(over[id(snapshot)]) == facts(alone) == facts(plan(graph, snapshot, stage.cloud.provider))
    assert facts(over[id(small)]) != facts(over[id(large)]) and len(graph.laters) == 1
