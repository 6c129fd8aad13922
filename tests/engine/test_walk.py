"""Walking a graph: order, failures, stops, and deep and wide graphs in linear time."""
from __future__ import annotations

import threading
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sst.core.graph import Graph
from sst.engine.deploy import deploy
from sst.engine.plan import plan
from sst.engine.walk import walk
from tests.fakes import Cloud, Crash, MemoryJournal, Thing, agree, ignore

graphs = st.integers(0, 20).flatmap(lambda n: st.fixed_dictionaries(
    {str(i): st.lists(st.sampled_from([str(j) for j in range(i)]), max_size=3, unique=True) if i else st.just([])
     for i in range(n)}))


@settings(deadline=None, max_examples=60)
@given(graphs, st.sets(st.integers(0, 20).map(str)), st.integers(1, 8))
def test_each_is_visited_once_after_what_it_waits_for(after: dict[str, list[str]], bad: set[str],
                                                      parallel: int) -> None:
    done: list[str] = []
    lock = threading.Lock()

    def visit(key: str) -> None:
        assert all(d in done for d in after[key])
        if key in bad:
            raise ValueError(key)
        with lock:
            done.append(key)

    outcome = walk(after, visit, parallel=parallel)
    assert len(done) == len(set(done)) and outcome.done == set(done)
    assert outcome.done | outcome.failed.keys() | outcome.skipped.keys() == after.keys()
    assert all(because in outcome.failed for because in outcome.skipped.values())
    assert outcome.failed.keys() <= bad


def test_a_chain_of_thousands_and_a_fan_of_thousands() -> None:
    chain = {str(i): [str(i - 1)] if i else [] for i in range(5000)}
    assert len(walk(chain, lambda key: None).done) == 5000
    fan = {"root": [], **{str(i): ["root"] for i in range(5000)}, "end": [str(i) for i in range(5000)]}
    assert len(walk(fan, lambda key: None).done) == 5002

    def fail(key: str) -> None:
        raise ValueError

    assert len(walk(chain, fail).skipped) == 4999


def test_a_stop_and_a_fatal_error() -> None:
    stop, seen = Event(), list[str]()

    def visit(key: str) -> None:
        seen.append(key)
        stop.set()

    outcome = walk({"a": [], "b": ["a"]}, visit, stop=stop)
    assert seen == ["a"] and outcome.skipped == {"b": ""}

    def fatal(key: str) -> None:
        raise KeyError(key)

    with pytest.raises(KeyError):
        walk({"a": [], "b": []}, fatal, parallel=1, fatal=(KeyError,))

    def killed(key: str) -> None:
        raise Crash

    with pytest.raises(Crash):
        walk({"a": []}, killed)


@pytest.mark.slow
@pytest.mark.parametrize("wide", [True, False])
def test_deep_and_wide_programs_deploy_plan_and_go(wide: bool) -> None:
    def program(n: int = 1000) -> Graph:
        graph = Graph("app", "test")
        with graph.active():
            last = None
            for i in range(n):
                made = Thing(f"T{i}", note=last.key if last else None)
                last = last if wide and last else made
        graph.seal()
        return graph

    cloud, journal = Cloud(), MemoryJournal()
    deploy(program(), journal, cloud.provider, ignore, confirm=agree).check()
    assert len(cloud.live) == 1000 and not plan(program(), journal.snapshot, cloud.provider).changes
    deploy(program(1), journal, cloud.provider, ignore, confirm=agree).check()
    assert len(cloud.live) == 1


def test_a_deep_value_needs_no_deep_stack() -> None:
    """Each resource uses a value of the one before, in a text: the last stands on 301 of them."""
    with Graph("app", "test").active() as graph:
        text = f"{Thing('One').key}"
        for i in range(300):
            text = f"{Thing(f'T{i}', note=text).note}!"
    graph.seal()
    cloud, journal = Cloud(), MemoryJournal()
    deploy(graph, journal, cloud.provider, ignore, confirm=agree).check()
    states = journal.snapshot.resources
    key = next(state.outputs["key"] for urn, state in states.items() if urn.endswith("One"))
    notes = [state.inputs["note"] for state in states.values() if state.inputs.get("note")]
    assert sorted(notes) == sorted(f"{key}{'!' * i}" for i in range(300))


def test_what_runs_is_asked_to_end_once() -> None:
    stop, asked = Event(), Event()

    def visit(key: str) -> None:
        stop.set()
        assert asked.wait(30)

    assert walk({"a": [], "b": ["a"]}, visit, stop=stop, stopped=asked.set).done == {"a"}
