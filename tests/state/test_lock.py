from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sst.errors import Fenced, Locked, ProviderError, StateError
from sst.state import format
from sst.state.holder import Who, alive, here
from sst.state.keys import MemoryKeys
from sst.state.lock import Lease, Lock, break_lock, read_lock
from sst.state.stores.local import LocalStore
from sst.state.stores.memory import MemoryStore

from .worlds import STRANGER, begin, made, stage_of, state

ROOT = Path(__file__).parents[2]
ROUNDS = int(os.environ.get("SST_TORTURE_ROUNDS", "150"))
KEY = "app/prod/lock"


class Clock:
    """A clock that goes only when told to."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time


class Slow:
    """A store with something happening before and after each call: the other racers, or time."""

    packed = False

    def __init__(self, store: MemoryStore, pause: Callable[[], None]) -> None:
        self._store, self._pause = store, pause

    def __getattr__(self, name: str) -> Any:
        act = getattr(self._store, name)

        def call(*args: Any) -> Any:
            self._pause()
            try:
                return act(*args)
            finally:
                self._pause()

        return call


def who(n: int) -> Who:
    return dataclasses.replace(STRANGER, user=f"racer{n}")


def test_of_many_racers_never_two_hold_the_lock(record_property: Callable[[str, object], None]) -> None:
    rng = random.Random(1)
    store = Slow(MemoryStore(), lambda: time.sleep(rng.choice((0, 0, 0, 0.0001, 0.0005))))
    inside: list[int] = []
    most: list[int] = []
    wins = [0]

    def run(n: int, gate: threading.Barrier) -> None:
        lock = Lock(store, KEY, who(n))
        gate.wait()
        try:
            lock.acquire("deploy")
        except Locked:
            return
        inside.append(n)
        most.append(len(inside))
        time.sleep(0.0002)
        inside.remove(n)
        wins[0] += 1
        assert lock.release()

    for _ in range(ROUNDS):
        gate = threading.Barrier(6)
        threads = [threading.Thread(target=run, args=(n, gate)) for n in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert set(most) == {1} and wins[0] >= ROUNDS
    record_property("racers for the lock", 6 * ROUNDS)


@pytest.mark.slow
def test_paused_and_overtaken_holders_never_mix_their_writes(record_property: Callable[[str, object], None]) -> None:
    """Time leaps, holders pause past their lease, locks are broken by hand: one writer at each moment, nothing
    acknowledged is lost."""
    rng = random.Random(2)
    overtaken = 0
    for _ in range(ROUNDS):
        clock = Clock()

        def leap(clock: Clock = clock) -> None:
            clock.time += rng.choice((0, 0, 0, 0, 0.1, 5, 50, 70))
            time.sleep(rng.choice((0, 0, 0.0001)))

        memory = MemoryStore(clock=clock)
        slow = Slow(memory, leap)
        keys = MemoryKeys()
        written: list[str] = []
        ended: list[BaseException] = []

        def run(n: int, slow: Slow = slow, clock: Clock = clock, keys: MemoryKeys = keys, written: list[str] = written,
                ended: list[BaseException] = ended) -> None:
            stage = stage_of(slow, who=who(n), keys=keys, clock=clock)
            for m in range(3):
                try:
                    with stage.locked("deploy") as session:
                        for k in range(rng.randint(1, 4)):
                            s = state(1000 * n + 10 * m + k)
                            session.write(begin(s), made(s))
                            written.append(s.urn)
                        if rng.random() < 0.5:
                            session.save()
                        if rng.random() < 0.2:
                            stage.unlock()
                except Locked:
                    continue
                except Fenced as e:
                    ended.append(e)

        threads = [threading.Thread(target=run, args=(n,)) for n in range(3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        found = stage_of(memory, keys=keys).load()
        assert set(written) <= set(found.resources)
        epochs = [format.decode(memory.get(key).data, key, "journal").header["epoch"]  # type: ignore[union-attr]
                  for key in memory.list("app/prod/journal/")]
        assert epochs == sorted(epochs)
        overtaken += len(ended)
    assert overtaken > ROUNDS / 20
    record_property("holders overtaken while they wrote", overtaken)


def test_the_message_names_the_holder() -> None:
    store = MemoryStore(clock=Clock())
    Lock(store, KEY, STRANGER).acquire("deploy --stage prod")
    with pytest.raises(Locked) as e:
        Lock(store, KEY, here("ann")).acquire("remove")
    for part in ("`sst deploy --stage prod`", "bob", "ci-7", "pid 4242", "https://ci.example/run/9",
                 "since 2027-01-15 08:00:00 UTC",
                 "last renewed 2027-01-15 08:00:00 UTC", "sst unlock", "in 61 s"):
        assert part in str(e.value)


def test_a_lease_that_ran_out_is_taken_over_and_its_holder_fenced() -> None:
    clock = Clock()
    store = MemoryStore(clock=clock)
    old, new = Lock(store, KEY, STRANGER, clock=clock), Lock(store, KEY, here("ann"), clock=clock)
    assert not old.acquire("deploy")
    clock.time += 60
    with pytest.raises(Locked):
        new.acquire("deploy")
    clock.time += 1
    assert new.acquire("deploy")
    assert (old.epoch, new.epoch) == (1, 2)
    with pytest.raises(Fenced, match="taken over by `sst deploy` by ann"):
        old.check()
    with pytest.raises(Fenced):
        old.check()
    assert not old.release()
    new.check()
    assert new.release()


def test_a_sleeper_that_nobody_overtook_goes_on() -> None:
    clock = Clock()
    lock = Lock(MemoryStore(clock=clock), KEY, STRANGER, clock=clock)
    lock.acquire("dev")
    clock.time += 3600
    lock.check()


def test_without_the_store_the_holder_stops_before_another_may_start() -> None:
    clock = Clock()
    down = [False]

    def pause() -> None:
        if down[0]:
            raise ProviderError("no network")

    lock = Lock(Slow(MemoryStore(clock=clock), pause), KEY, STRANGER, clock=clock)
    lock.acquire("deploy")
    down[0] = True
    clock.time += 45
    lock.check()
    clock.time += 1
    with pytest.raises(Fenced, match="could not be renewed for 46 s: no network"):
        lock.check()


def test_the_lease_is_renewed_in_the_background() -> None:
    store = MemoryStore()
    lock = Lock(store, KEY, STRANGER, lease=Lease(renew=0.01))
    lock.acquire("deploy")
    first = store.get(KEY)
    end = time.monotonic() + 30
    while store.get(KEY) == first and time.monotonic() < end:
        pass
    assert store.get(KEY) != first
    lock.check()
    assert lock.release()
    held = store.get(KEY)
    assert read_lock(store, KEY) is None
    assert store.get(KEY) == held


def test_a_holder_that_died_on_this_machine_is_replaced_at_once() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    me = here("ann")
    start = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19]
    other = dataclasses.replace(me, pid=child.pid, start=start)
    store = MemoryStore()
    Lock(store, KEY, other).acquire("deploy")
    assert alive(other)
    with pytest.raises(Locked):
        Lock(store, KEY, me).acquire("deploy")
    child.kill()
    child.communicate()
    assert alive(other) is False
    assert Lock(store, KEY, me).acquire("deploy")


def test_a_process_that_reuses_the_pid_is_another_one() -> None:
    me = here("ann")
    assert alive(me) is True
    assert alive(dataclasses.replace(me, start="1")) is False
    assert alive(dataclasses.replace(me, place="another boot")) is None
    assert alive(STRANGER) is None


def test_a_clock_that_was_set_takes_no_lock_from_a_live_process() -> None:
    clock = Clock()
    store = MemoryStore(clock=clock)
    holder = Lock(store, KEY, here("ann"), lease=Lease(renew=0.02))
    holder.acquire("deploy")
    clock.time += 3600
    with pytest.raises(Locked):
        Lock(store, KEY, here("ann"), lease=Lease(renew=1)).acquire("deploy")
    assert holder.release()


def test_a_damaged_lock_is_named_and_can_be_broken() -> None:
    store = MemoryStore()
    Lock(store, KEY, STRANGER).acquire("deploy")
    stored = store.get(KEY)
    assert stored
    store.put_if(KEY, stored.data[:-5], stored.tag)
    with pytest.raises(StateError, match=f"{KEY} is damaged at byte 0"):
        Lock(store, KEY, here("ann")).acquire("deploy")
    break_lock(store, KEY)
    lock = Lock(store, KEY, here("ann"))
    assert lock.acquire("deploy")
    assert lock.epoch > 1_000_000


def test_a_change_whose_reply_was_lost_is_seen_as_ours() -> None:
    class Lossy(MemoryStore):
        lossy = False

        def put_if(self, key: str, data: bytes, tag: str) -> str:
            tag = super().put_if(key, data, tag)
            if self.lossy:
                raise ProviderError("the reply got lost")
            return tag

    clock = Clock()
    store = Lossy(clock=clock)
    lock = Lock(store, KEY, STRANGER, clock=clock)
    lock.acquire("deploy")
    for _ in range(2):
        store.lossy = True
        with pytest.raises(ProviderError):
            lock.renew()
        store.lossy = False
        lock.renew()
    store.lossy = True
    with pytest.raises(ProviderError):
        lock.renew()
    store.lossy = False
    assert lock.release()
    assert read_lock(store, KEY) is None


HOLDER = """
import sys
from pathlib import Path
from sst.errors import Fenced
from sst.state.holder import here
from sst.state.keys import FileKeys
from sst.state.lock import Lease
from sst.state.session import Stage
from sst.state.stores.local import LocalStore
from tests.state.worlds import begin, state
folder = Path(sys.argv[1])
stage = Stage(LocalStore(folder / "state.db"), "app", "prod", keys=FileKeys(folder / "key"), who=here("ann"),
              lease=Lease(.05, .2, .3))
with stage.locked("deploy") as session:
    session.write(begin(state(1)))
    print("ready", flush=True)
    sys.stdin.readline()
    for act in (lambda: session.write(begin(state(2))), session.save, session.check):
        try:
            act()
            print("done")
        except Fenced as e:
            print("fenced")
"""


@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_holder_stopped_past_its_lease_cannot_write(tmp_path: Path, elsewhere: bool) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], cwd=ROOT, text=True, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE)
    assert holder.stdout and holder.stdout.readline() == "ready\n"
    with contextlib.closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None, timeout=20)) as database:
        database.execute("BEGIN IMMEDIATE")     # it is not stopped while it writes: who waits for that is told so
        holder.send_signal(signal.SIGSTOP)
        os.waitpid(holder.pid, os.WUNTRACED)
        database.execute("ROLLBACK")
    store = LocalStore(tmp_path / "state.db")
    stage = stage_of(store, who=STRANGER if elsewhere else here("bob"), lease=Lease(0.05, 0.2, 0.3))
    end = time.monotonic() + 20
    while True:
        assert time.monotonic() < end
        try:
            with stage.locked("deploy") as session:
                assert list(session.snapshot.pending) == [state(1).urn]
                session.write(made(state(1)))
                holder.send_signal(signal.SIGCONT)
                out, _ = holder.communicate("go\n")
                assert out.split() == ["fenced"] * 3
                session.write(made(state(3)))
                session.save()
            break
        except Locked:
            continue
    assert set(stage.load().resources) == {state(1).urn, state(3).urn} and not stage.load().pending
    store.close()


def test_a_holder_learns_how_it_lost_the_lock() -> None:
    for after, said in (("broken", "was broken by `sst unlock`"), ("taken", "taken over by `sst remove`"),
                        ("over", "another command took the lock over, and has finished since")):
        store = MemoryStore()
        first, second = Lock(store, "a/s/lock", here("ann")), Lock(store, "a/s/lock", here("bob"))
        first.acquire("deploy")
        break_lock(store, "a/s/lock")
        if after != "broken":
            second.acquire("remove")
        if after == "over":
            second.release()
        with pytest.raises(Fenced, match=said):
            first.renew()
        first.release()
        second.release()


def test_damage_at_any_byte_of_the_lock_is_named_and_has_a_way_out() -> None:
    whole = MemoryStore()
    lock = Lock(whole, "a/s/lock", here("ann"))
    lock.acquire("deploy")
    lock.release()
    found = whole.get("a/s/lock")
    assert found
    for at in range(0, len(found.data), 7):
        for broken in (found.data[:at] + bytes([found.data[at] ^ 1]) + found.data[at + 1:], found.data[:at]):
            store = MemoryStore()
            store.put_new("a/s/lock", broken)
            with pytest.raises(format.Damaged) as raised:
                Lock(store, "a/s/lock", here("ann")).acquire("deploy")
            assert "`sst unlock`" in (raised.value.hint or "")
            break_lock(store, "a/s/lock")
            again = Lock(store, "a/s/lock", here("ann"))
            assert again.acquire("deploy") and again.epoch > 1
            again.release()
