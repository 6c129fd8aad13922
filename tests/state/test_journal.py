from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from sst.core.model import Entry, Snapshot, fold
from sst.errors import Fenced, StateError
from sst.state.format import decode
from sst.state.keys import MemoryKeys
from sst.state.records import Box, entries_of
from sst.state.stores.memory import MemoryStore

from .worlds import begin, made, stage_of, state


class Counting(MemoryStore):
    """Counts what is created, and lets ``before`` hold up a write."""

    def __init__(self) -> None:
        super().__init__()
        self.created: list[tuple[str, int]] = []
        self.before: Callable[[str], None] = lambda key: None

    def put_new(self, key: str, data: bytes) -> str:
        self.before(key)
        tag = super().put_new(key, data)
        self.created.append((key, len(data)))
        return tag


def test_threads_that_write_at_once_share_a_write() -> None:
    store = Counting()
    stage = stage_of(store)
    go = threading.Event()

    def hold(key: str) -> None:
        if "/journal/" in key:
            go.wait(5)

    store.before = hold
    with stage.locked("deploy") as session, ThreadPoolExecutor(32) as pool:
        todo = [pool.submit(session.write, begin(state(n)), made(state(n))) for n in range(32)]
        while len(session._journal._queue) < 31 * 2:
            assert not todo[0].done()
        go.set()
        for t in todo:
            t.result()
        snapshot = session.snapshot
    writes = [key for key, _ in store.created if "/journal/" in key]
    assert len(writes) == 2
    assert stage.load() == snapshot and len(snapshot.resources) == 32 and not snapshot.pending


def test_every_prefix_of_the_journal_is_a_whole_state_and_folds_to_the_session() -> None:
    store = MemoryStore()
    keys = MemoryKeys()
    stage = stage_of(store, keys=keys)
    with stage.locked("deploy") as session, ThreadPoolExecutor(8) as pool:
        def deploy(n: int) -> None:
            session.write(begin(state(n)))
            session.write(made(state(n)))
            if n % 3 == 0:
                session.write(Entry("replaced", state(n).urn, state=replace(state(n), id="new")))
            if n % 4 == 0:
                session.write(Entry("gone", state(n).urn, state=state(n)))

        list(pool.map(deploy, range(100)))
        snapshot, lineage = session.snapshot, session.lineage
    folded = Snapshot(meta={"lineage": lineage})
    for key in store.list("app/prod/journal/"):
        document = decode(store.get(key).data, key, "journal")  # type: ignore[union-attr]
        folded = fold(folded, entries_of(document, Box(keys, lineage)))
        folded.verify()
    assert (folded.resources, folded.deposed, folded.pending) == (snapshot.resources, snapshot.deposed,
                                                                  snapshot.pending)
    assert stage.load() == snapshot


def test_a_write_that_fails_ends_the_run_and_is_settled_by_the_next() -> None:
    store = Counting()
    stage = stage_of(store)

    def full(key: str) -> None:
        if key.endswith("2"):
            raise StateError("the disk is full")

    with stage.locked("deploy") as session:
        session.write(begin(state(1)))
        store.before = full
        with pytest.raises(StateError, match="disk is full"):
            session.write(made(state(1)))
        store.before = lambda key: None
        with pytest.raises(Fenced, match="an earlier write of the journal failed: the disk is full"):
            session.write(made(state(1)))
    assert stage.holder() is None
    with stage.locked("deploy") as session:  # the former one may still have a write under way: its position is fenced
        assert set(session.snapshot.pending) == {state(1).urn}
        assert "app/prod/journal/000000000002" in store.list("")
        session.write(made(state(1)))
        session.save()
    assert not stage.load().pending


def test_bytes_a_resource_stay_flat() -> None:
    def bytes_each(count: int) -> float:
        store = Counting()
        with stage_of(store).locked("deploy") as session:
            for n in range(count):
                session.write(begin(state(n)))
                session.write(made(state(n)))
            session.save()
        return sum(size for _, size in store.created) / count

    few, many = bytes_each(10), bytes_each(1000)
    assert many < few * 1.1


def test_what_need_not_be_waited_for_goes_with_the_next_write_in_order() -> None:
    store = Counting()
    stage = stage_of(store)
    with stage.locked("deploy") as session:
        session.write(begin(state(1)))
        session.write(made(state(1)), wait=False)
        assert session.find(state(1).urn) == state(1)
        assert not stage.load().resources
        session.write(begin(state(2)))
        assert set(stage.load().resources) == {state(1).urn} and set(stage.load().pending) == {state(2).urn}
        session.write(made(state(2)), wait=False)
        session.save()
        assert set(stage.version(1).resources) == {state(1).urn, state(2).urn}
        session.write(made(state(3)), wait=False)
    assert set(stage.load().resources) == {state(n).urn for n in (1, 2, 3)}
    assert len([key for key, _ in store.created if "/journal/" in key]) == 4
    with stage.locked("deploy") as session:
        assert session.save() == 2
