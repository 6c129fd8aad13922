from __future__ import annotations

from dataclasses import replace

import pytest

from sst.core.model import Entry, hidden, shown
from sst.errors import Fenced, InternalError, StateError
from sst.state.format import Damaged
from sst.state.holder import here
from sst.state.home import StateHome
from sst.state.keys import MemoryKeys
from sst.state.session import Session, Stage
from sst.state.stores.memory import MemoryStore

from .worlds import STRANGER, begin, made, stage_of, state


def deployed(store: MemoryStore, *numbers: int, **given: object) -> Stage:
    """One deploy a number, each saved."""
    stage = stage_of(store, **given)  # type: ignore[arg-type]
    for n in numbers:
        with stage.locked("deploy") as session:
            session.write(begin(state(n)))
            session.write(made(state(n)))
            session.save()
    return stage


def damage(store: MemoryStore, key: str) -> None:
    stored = store.get(key)
    assert stored
    store.put_if(key, stored.data[:-9] + b"#" + stored.data[-8:], stored.tag)


def test_a_command_that_changes_nothing_writes_nothing() -> None:
    store = MemoryStore()
    stage = deployed(store, 1)
    before = store.list("")
    for _ in range(3):
        with stage.locked("deploy") as session:
            session.write(Entry("outputs", data={}))
            assert session.save() == 1
    assert store.list("") == before
    assert [v.serial for v in stage.history()] == [1]


def test_the_lineage_stays_and_the_serial_grows_with_changes() -> None:
    store = MemoryStore()
    stage = deployed(store, 1)
    lineage = stage.load().meta["lineage"]
    with stage.locked("deploy") as session:
        assert session.lineage == lineage
        session.write(Entry("meta", data={"account": "123"}))
        assert session.save() == 2
        assert session.snapshot.serial == 2
    assert stage.load().meta == {"account": "123", "lineage": lineage}
    assert stage.load().serial == 2


def test_what_was_written_and_not_saved_is_there_for_the_next_command() -> None:
    store = MemoryStore()
    stage = stage_of(store)
    with stage.locked("deploy") as session:
        session.write(begin(state(1)))
        session.write(made(state(1)), begin(state(2)))
        lineage = session.lineage
    found = stage.load()
    assert set(found.resources) == {state(1).urn} and set(found.pending) == {state(2).urn} and found.serial == 0
    with stage.locked("deploy") as session:
        assert session.lineage == lineage and session.snapshot == found
        session.save()
    assert [v.serial for v in stage.history()] == [1]
    assert stage.load().pending == found.pending


def test_an_error_in_the_block_gives_the_lock_back() -> None:
    stage = stage_of(MemoryStore())
    with pytest.raises(KeyError), stage.locked("deploy"):
        raise KeyError
    assert stage.holder() is None


def test_what_comes_after_the_end_is_refused() -> None:
    stage = stage_of(MemoryStore())
    with stage.locked("deploy") as session:
        pass
    with pytest.raises(Fenced, match="has ended"):
        session.write(begin(state(1)))
    with pytest.raises(Fenced):
        session.check()


def test_a_damaged_snapshot_is_replaced_by_the_one_before_and_the_journal() -> None:
    store = MemoryStore()
    stage = deployed(store, 1, 2, 3)
    expected = stage.load()
    damage(store, "app/prod/snapshot/0000000003")
    assert stage.load() == expected
    assert len(stage.warnings) == 1
    assert "app/prod/snapshot/0000000003 is damaged at byte" in stage.warnings[0]
    assert "nothing is missing" in stage.warnings[0]
    assert [bool(v.damage) for v in stage.history()] == [True, False, False]
    deployed(store, 4, keys=stage.keys)
    assert set(stage.load().resources) == {state(n).urn for n in (1, 2, 3, 4)}
    assert [v.serial for v in stage.history()] == [4, 3, 2, 1]


def test_the_very_first_snapshot_damaged_or_lost_is_replaced_by_the_journal() -> None:
    store = MemoryStore()
    stage = deployed(store, 1)
    expected = stage.load()
    damage(store, "app/prod/snapshot/0000000001")
    assert stage.load() == expected
    store.delete("app/prod/snapshot/0000000001")
    assert stage.load().resources == expected.resources


def test_damage_that_cannot_be_mended_is_named() -> None:
    store = MemoryStore()
    stage = deployed(store, 1, 2, 3)
    damage(store, "app/prod/snapshot/0000000003")
    damage(store, "app/prod/snapshot/0000000002")
    with pytest.raises(Damaged) as e:
        stage.load()
    assert e.value.object == "app/prod/snapshot/0000000003" and e.value.offset > 0
    with pytest.raises(Damaged), stage.locked("deploy"):
        raise AssertionError("must not be reached")
    assert stage.holder() is None
    stage.restore(1)
    assert set(stage.load().resources) == {state(1).urn}


def test_a_damaged_or_missing_journal_object_is_named() -> None:
    store = MemoryStore()
    stage = stage_of(store)
    with stage.locked("deploy") as session:
        for n in range(3):
            session.write(made(state(n)))
    kept = store.get("app/prod/journal/000000000002")
    damage(store, "app/prod/journal/000000000002")
    with pytest.raises(Damaged, match="app/prod/journal/000000000002 is damaged at byte"):
        stage.load()
    store.delete("app/prod/journal/000000000002")
    with pytest.raises(Damaged, match="app/prod/journal/000000000002 is damaged at byte 0: it is missing"):
        stage.load()
    assert kept
    store.put_new("app/prod/journal/000000000002", kept.data)
    stage.load()
    store.delete("app/prod/journal/000000000003")
    with pytest.raises(Damaged, match="000000000003 is damaged at byte 0: it is missing"), stage.locked("deploy"):
        raise AssertionError("must not be reached")


def test_objects_of_another_state_are_refused() -> None:
    store, other = MemoryStore(), MemoryStore()
    stage = deployed(store, 1)
    deployed(other, 1)
    with stage_of(other).locked("deploy") as session:
        session.write(made(state(2)))
    position = store.list("app/prod/journal/")[-1].rpartition("/")[2]
    following = f"app/prod/journal/{int(position) + 1:012}"
    store.put_new(following, other.get(following).data)  # type: ignore[union-attr]
    with pytest.raises(Damaged, match="belongs to another state"):
        stage.load()


def test_a_former_version_can_be_restored() -> None:
    store = MemoryStore()
    stage = deployed(store, 1, 2, 3)
    assert set(stage.version(2).resources) == {state(1).urn, state(2).urn}
    restored = stage.restore(1)
    assert restored.serial == 4 and set(restored.resources) == {state(n).urn for n in (1, 2, 3)}
    assert all(s.unseen for s in restored.resources.values())  # and what only newer versions knew is kept
    assert stage.load() == restored
    damage(store, "app/prod/snapshot/0000000004")
    assert stage.load().resources == restored.resources  # not what was before the restore
    deployed(store, 5, keys=stage.keys)
    assert set(stage.load().resources) == {state(n).urn for n in (1, 2, 3, 5)}
    with pytest.raises(StateError, match="no version 17"):
        stage.restore(17)


def test_the_journal_is_pruned_and_old_versions_go() -> None:
    store = MemoryStore()
    stage = deployed(store, *range(20), keep=4)
    assert [v.serial for v in stage.history()] == [20, 19, 18, 17]
    assert len(store.list("app/prod/journal/")) <= 4
    assert len(stage.load().resources) == 20
    version = stage.history()[0]
    assert version.command == "deploy" and version.resources == 20 and version.size > 0 and version.time > 1_700_000_000


def test_the_position_of_a_take_over_stays_taken() -> None:
    store = MemoryStore()
    keys = MemoryKeys()
    paused = stage_of(store, keys=keys)
    with paused.locked("deploy") as old:
        old.write(begin(state(1)))
        paused.unlock()
        for n in range(2, 8):
            deployed(store, n, keys=keys)
        with pytest.raises(Fenced, match=r"position 2 was taken|taken over|broken"):
            old._journal.append([made(state(1))], [{"kind": "undone"}])
    # Even a holder that checks nothing at all finds its position taken.
    assert "app/prod/journal/000000000002" in store.list("")
    assert state(1).urn in paused.load().pending


def test_a_state_that_contradicts_itself_is_not_saved() -> None:
    store = MemoryStore()
    stage = stage_of(store)
    with stage.locked("deploy") as session:
        session.write(made(state(1, deps=("nowhere",))))
        with pytest.raises(InternalError, match="depends on nowhere"):
            session.save()
    assert stage.history() == []


def test_a_value_that_cannot_be_kept_ends_nothing() -> None:
    stage = stage_of(MemoryStore())
    with stage.locked("deploy") as session:
        with pytest.raises(InternalError, match="data"):
            session.write(Entry("outputs", data={"data": b"raw"}))
        session.write(made(state(1)))
        assert set(session.snapshot.resources) == {state(1).urn}


def test_secret_outputs_are_marked_and_sealed() -> None:
    store = MemoryStore()
    stage = stage_of(store)
    with stage.locked("deploy") as session:
        session.write(Entry("outputs", data={"key": hidden("s3cret-s3cret"), "url": "u"}))
        session.write(Entry("links", data={"Db": {"password": hidden("s3cret-s3cret")}}))
        session.save()
    found = stage.load()
    assert found.outputs["key"] == hidden("s3cret-s3cret")
    assert shown(found.links) == {"Db": {"password": "s3cret-s3cret"}}
    assert not any(b"s3cret" in store.get(k).data for k in store.list(""))  # type: ignore[union-attr]


def test_keys_are_rotated_without_losing_anything() -> None:
    home = StateHome.memory("app")
    stage, secrets = home.stage("prod", here("ann")), home.secrets("prod")
    with stage.locked("deploy") as session:
        session.write(made(state(1, secret="s3cret-s3cret")))
        session.save()
    secrets.set("Key", "v4lue")
    name = home.rotate_key(stage)
    newest = [home.store.get(k) for k in (home.store.list("app/prod/snapshot/")[-1], "app/prod/secrets")]
    assert all(s and name.encode() in s.data for s in newest)
    home.keys("prod").forget()
    assert stage.load().resources[state(1).urn].inputs["password"] == "s3cret-s3cret"
    assert secrets.get_all() == {"Key": "v4lue"}
    with pytest.raises(StateError, match="the key k1"):
        stage.version(1)


def test_a_reader_needs_no_lock() -> None:
    store = MemoryStore()
    stage = deployed(store, 1)
    with stage.locked("deploy") as session:
        session.write(begin(state(2)))
        reader = stage_of(store, who=STRANGER, keys=stage.keys)  # type: ignore[arg-type]
        assert set(reader.load().pending) == {state(2).urn}
        held = reader.holder()
        assert held and held.command == "deploy"


def test_a_first_write_that_lands_during_a_take_over_belongs_to_the_same_state() -> None:
    class Late(MemoryStore):
        def put_new(self, key: str, data: bytes) -> str:
            if key.endswith("journal/000000000001") and b'"fence"' in data:
                late.session.write(begin(state(1)))
            return super().put_new(key, data)

    class late:
        session: Session

    store = Late()
    stage = stage_of(store)
    with stage.locked("deploy") as late.session:
        late.session._prove()  # it was about to write when it was paused
        stage.unlock()
        with stage.locked("remove") as session:
            assert set(session.snapshot.pending) == {state(1).urn}
            session.write(made(state(1)))
            session.save()
    assert set(stage.load().resources) == {state(1).urn}


def test_any_object_flipped_or_cut_gives_the_same_state_or_is_named() -> None:
    good = MemoryStore()
    stage = deployed(good, 1, 2, 3)
    with stage.locked("deploy") as session:
        session.write(begin(state(4)), Entry("links", data={"Db": {"p": hidden("s3cret")}}))
    expected = stage.load()
    objects = {k: good.get(k).data for k in good.list("")}  # type: ignore[union-attr]
    mended = refused = 0
    for key, data in objects.items():
        for at in range(0, len(data), 5):
            for damaged in (data[:at] + bytes([data[at] ^ 0x21]) + data[at + 1:], data[:at]):
                store = MemoryStore()
                for k, d in objects.items():
                    store.put_new(k, damaged if k == key else d)
                try:
                    with stage_of(store, keys=stage.keys).locked("deploy") as again:  # type: ignore[arg-type]
                        assert replace(again.snapshot, serial=0) == replace(expected, serial=0)
                        mended += 1
                except Damaged as e:
                    assert e.object == key and 0 <= e.offset <= len(data)
                    refused += 1
    assert mended > 100 and refused > 100
