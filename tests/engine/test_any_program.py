"""Any programs, any failing calls, a crash anywhere: the state stays whole, and the next deploy gives the world that was asked for."""
from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .programs import Sim, faults, programs

few = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
tries = st.lists(st.tuples(programs, faults), min_size=1, max_size=4)


@few
@given(tries, programs)
def test_the_next_deploy_gives_the_world_that_was_asked_for(tries, last):
    sim = Sim()
    for program, wrong in tries:
        sim.deploy(program, wrong)
    sim.settles_to(last)


@few
@given(tries, faults)
def test_remove_leaves_nothing_but_what_is_retained(tries, wrong):
    sim = Sim()
    for program, faults in tries:
        sim.deploy(program, faults)
    sim.remove(wrong)
    sim.unprotect()
    result = sim.remove()
    assert result and not result.failures and not result.skipped
    sim.is_whole()
    assert all(s.retain for s in sim.states)


@few
@given(tries, programs)
def test_many_threads_make_no_difference(tries, last):
    sim = Sim(parallel=8)
    for program, wrong in tries:
        sim.deploy(program, wrong)
    sim.settles_to(last)
