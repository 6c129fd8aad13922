"""Any programs, any failing calls, a crash anywhere: the state stays whole, and the next deploy gives the world that
was asked for.

``SST_EXAMPLES=5000`` tries harder.
"""
from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .programs import Sim, faults, programs

usual = settings(max_examples=int(os.environ.get("SST_EXAMPLES", "100")), deadline=None,
                 suppress_health_check=[HealthCheck.too_slow])
tries = st.lists(st.tuples(programs, faults), min_size=1, max_size=4)


@usual
@given(tries, programs)
def test_the_next_deploy_gives_the_world_that_was_asked_for(tries, last):
    sim = Sim()
    for program, wrong in tries:
        sim.deploy(program, wrong)
    sim.settles_to(last)


@usual
@given(tries, faults)
def test_remove_leaves_nothing_but_what_is_retained(tries, wrong):
    sim = Sim()
    for program, before in tries:
        sim.deploy(program, before)
    sim.remove(wrong)
    sim.unprotect()
    result = sim.remove()
    assert result and not result.failures and not result.skipped
    sim.is_whole()
    assert all(s.retain for s in sim.states)


@usual
@given(tries, programs)
def test_many_threads_make_no_difference(tries, last):
    sim = Sim(parallel=8)
    for program, wrong in tries:
        sim.deploy(program, wrong)
    sim.settles_to(last)
