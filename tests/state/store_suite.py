"""What every store promises. A store's own tests inherit ``StoreSuite`` and give a fixture ``store``."""
from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sst.errors import Fenced, Locked
from sst.state.lock import Lock, read_lock
from sst.state.store import Conflict, Store

from .worlds import STRANGER, begin, made, stage_of, state


def race(n: int, act: object) -> list[object]:
    """Run ``act(i)`` on n threads that start together; each result, or the Conflict it got."""
    gate = threading.Barrier(n)

    def one(i: int) -> object:
        gate.wait()
        try:
            return act(i)  # type: ignore[operator]
        except Conflict as e:
            return e

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(one, range(n)))


class StoreSuite:
    RACERS = 32

    def test_what_was_put_comes_back(self, store: Store) -> None:
        data = bytes(range(256)) * 40
        tag = store.put_new("app/prod/x", data)
        stored = store.get("app/prod/x")
        assert stored and stored.data == data and stored.tag == tag
        assert store.get("app/prod/y") is None

    def test_a_key_is_created_once(self, store: Store) -> None:
        store.put_new("app/prod/x", b"one")
        with pytest.raises(Conflict, match="app/prod/x exists already"):
            store.put_new("app/prod/x", b"two")
        assert store.get("app/prod/x").data == b"one"  # type: ignore[union-attr]

    def test_only_the_version_that_was_read_is_replaced(self, store: Store) -> None:
        first = store.put_new("app/prod/x", b"one")
        second = store.put_if("app/prod/x", b"two", first)
        assert first != second
        with pytest.raises(Conflict, match="changed by someone else"):
            store.put_if("app/prod/x", b"three", first)
        assert store.get("app/prod/x").data == b"two"  # type: ignore[union-attr]
        with pytest.raises(Conflict):
            store.put_if("app/prod/absent", b"x", first)

    def test_deleting_is_idempotent_and_frees_the_key(self, store: Store) -> None:
        tag = store.put_new("app/prod/x", b"one")
        store.delete("app/prod/x", "app/prod/absent")
        store.delete("app/prod/x")
        assert store.get("app/prod/x") is None
        with pytest.raises(Conflict):
            store.put_if("app/prod/x", b"two", tag)
        store.put_new("app/prod/x", b"three")

    def test_the_list_is_sorted_and_by_prefix(self, store: Store) -> None:
        for key in ("app/prod/b", "app/prod/a", "app/prod2/a", "app/pro", "other/prod/a", "app/prod/a%_\\"):
            store.put_new(key, key.encode())
        assert store.list("app/prod/") == ["app/prod/a", "app/prod/a%_\\", "app/prod/b"]
        assert store.list("app/") == ["app/pro", "app/prod/a", "app/prod/a%_\\", "app/prod/b", "app/prod2/a"]
        assert store.list("none/") == []

    def test_the_clock_goes_forward(self, store: Store) -> None:
        first = store.now()
        assert 1_700_000_000 < first <= store.now() + 1

    def test_of_racers_who_create_one_wins(self, store: Store) -> None:
        for n in range(5):
            results = race(self.RACERS, lambda i, n=n: store.put_new(f"app/prod/{n}", f"{i}".encode()))
            winners = [i for i, r in enumerate(results) if not isinstance(r, Conflict)]
            assert len(winners) == 1
            assert store.get(f"app/prod/{n}").data == f"{winners[0]}".encode()  # type: ignore[union-attr]

    def test_of_racers_who_replace_one_wins(self, store: Store) -> None:
        tag = store.put_new("app/prod/x", b"start")
        for n in range(5):
            results = race(self.RACERS, lambda i, n=n, tag=tag: store.put_if("app/prod/x", f"{n}.{i}".encode(), tag))
            winners = [r for r in results if not isinstance(r, Conflict)]
            assert len(winners) == 1
            tag = str(winners[0])
            assert store.get("app/prod/x").tag == tag  # type: ignore[union-attr]

    def test_a_counter_raced_for_loses_nothing(self, store: Store) -> None:
        store.put_new("app/prod/n", b"0;")

        def add(i: int) -> None:
            while True:
                was = store.get("app/prod/n")
                assert was
                try:
                    # The name makes each write's bytes its own, as the protocol asks for.
                    store.put_if("app/prod/n", b"%d;%d" % (int(was.data.split(b";")[0]) + 1, i), was.tag)
                    return
                except Conflict:
                    continue

        race(8, add)
        assert store.get("app/prod/n").data.split(b";")[0] == b"8"  # type: ignore[union-attr]

    def test_of_racers_for_the_lock_one_holds_it(self, store: Store) -> None:
        def take(i: int) -> Lock | None:
            lock = Lock(store, "app/prod/lock", STRANGER)
            try:
                lock.acquire(f"deploy {i}")
            except Locked:
                return None
            return lock

        for _ in range(3):
            holders = [lock for lock in race(8, take) if isinstance(lock, Lock)]
            assert len(holders) == 1
            assert holders[0].release()

    def test_a_lost_lock_ends_the_holder(self, store: Store) -> None:
        stage = stage_of(store)
        with stage.locked("deploy") as session:
            session.write(begin(state(1)))
            assert (held := stage.unlock()) and held.command == "deploy"
            with stage.locked("remove") as other:
                other.write(made(state(1)))
                with pytest.raises(Fenced):
                    session.write(made(state(2)))
                with pytest.raises(Fenced):
                    session.save()
                other.save()
        assert list(stage.load().resources) == [state(1).urn]
        assert read_lock(store, stage.lock_key) is None

    def test_a_stage_lives_through_many_sessions(self, store: Store) -> None:
        keys = stage_of(store).keys
        rng = random.Random(7)
        expected = {}
        for n in range(6):
            stage = stage_of(store, keys=keys, keep=3)  # type: ignore[arg-type]
            with stage.locked("deploy") as session:
                for k in range(rng.randint(1, 4)):
                    s = state(10 * n + k, secret="s3cret-s3cret" if k % 2 else "")
                    session.write(begin(s))
                    session.write(made(s))
                    expected[s.urn] = s
                if n % 2:
                    session.save()
            assert stage.load().resources == expected
            assert not stage.warnings
        assert [v.serial for v in stage.history()] == [3, 2, 1]
        assert not any(b"s3cret" in store.get(key).data for key in store.list(""))  # type: ignore[union-attr]
