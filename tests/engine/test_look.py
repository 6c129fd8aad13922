"""Many looks at once: each answer or error, and an end at once when nobody wants to know any more."""
from __future__ import annotations

import os
import signal
import threading
import time
from threading import Event

import pytest

from sst.engine.look import look


def test_each_gets_its_answer_or_its_error() -> None:
    def at(key: str) -> int:
        return int(key)

    found = look(["1", "x", "3"], at, parallel=2)
    assert (found["1"], found["3"]) == (1, 3) and isinstance(found["x"], ValueError)
    assert look([], at) == {}


def test_no_more_than_so_many_at_once() -> None:
    together, running = [], set()
    lock = threading.Lock()

    def at(key: str) -> None:
        with lock:
            running.add(key)
            together.append(len(running))
        time.sleep(0.001)
        with lock:
            running.discard(key)

    look([str(n) for n in range(50)], at, parallel=4)
    assert 1 < max(together) <= 4 and len(together) == 50


@pytest.mark.parametrize("by", ["stop", "ctrl-c"])
def test_it_ends_at_once_and_starts_nothing_more(by: str) -> None:
    begun, stop, hang = [], Event(), Event()

    def at(key: str) -> None:
        begun.append(key)
        if len(begun) == 4:     # all threads look, and none gets an answer
            stop.set() if by == "stop" else os.kill(os.getpid(), signal.SIGINT)
        hang.wait(60)

    since = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        look([str(n) for n in range(100)], at, parallel=4, stop=stop)
    assert time.monotonic() - since < 50 and len(begun) == 4
    hang.set()
    for thread in threading.enumerate():
        if thread.name.startswith("sst-look"):
            thread.join(10)
    assert len(begun) == 4


def test_what_is_no_plain_error_ends_it() -> None:
    def at(key: str) -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        look(["1"], at)
