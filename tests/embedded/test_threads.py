"""Threads that are used again."""
from __future__ import annotations

import threading

from sst.embedded.patches.threads import Threads


def ran_in(threads: Threads) -> int:
    found: list[int] = []
    done = threading.Event()

    def work() -> None:
        found.append(threading.get_ident())
        done.set()

    threads.run(work)
    assert done.wait(10)
    return found[0]


def test_an_idle_thread_is_used_again() -> None:
    threads = Threads()
    assert len({ran_in(threads) for _ in range(200)}) < 200


def test_work_never_waits_for_other_work() -> None:
    """However much blocks: each piece that runs has a thread for itself, or nested calls would wait for each other."""
    threads, together, done = Threads(), threading.Barrier(21), threading.Event()

    def work() -> None:
        together.wait(10)
        done.wait(10)

    for _ in range(20):
        threads.run(work)
    together.wait(10)
    assert ran_in(threads)
    done.set()
