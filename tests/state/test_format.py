from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sst.core.model import Entry, Op, Operation, Snapshot, State, hidden
from sst.errors import InternalError, StateError
from sst.state import format
from sst.state.format import Damaged, Document, decode, encode
from sst.state.keys import KeyRing, MemoryKeys, Ring, _Memory
from sst.state.records import Box, entries_of, entry_record, snapshot_of, snapshot_records
from sst.state.redact import secrets_of

GOLDEN = Path(__file__).parent / "golden"
LINEAGE = "0123456789abcdef0123"

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(), v, max_size=3),
                      max_leaves=8)
marked = st.recursive(scalars.map(hidden) | scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(
    st.text() | st.sampled_from(["$sealed", "$plain", "$covered", "a"]), v, max_size=3), max_leaves=8)
names = st.text(min_size=1, max_size=8)
inputs = st.dictionaries(names, values, max_size=4)


@st.composite
def states(draw: st.DrawFn) -> State:
    given, made = draw(inputs), draw(inputs)
    secret = draw(st.lists(st.sampled_from([*given, *made]), unique=True)) if given or made else []
    return State(draw(names), "aws.T", draw(names), given, made, deps=tuple(draw(st.lists(names, max_size=2))),
                 parent=draw(st.none() | names), protect=draw(st.booleans()), unsure=draw(st.booleans()),
                 secret=tuple(secret))


def write(snapshot: Snapshot, keys: KeyRing, *, packed: bool = False) -> bytes:
    head = {"lineage": LINEAGE, "serial": snapshot.serial, "position": 7}
    return encode("snapshot", head, snapshot_records(snapshot, Box(keys, LINEAGE)), packed=packed)


def read(data: bytes, keys: KeyRing) -> Snapshot:
    return snapshot_of(decode(data, "app/prod/snapshot/1", "snapshot"), Box(keys, LINEAGE))


@given(st.lists(states(), max_size=4), st.dictionaries(st.text(), marked, max_size=3),
       st.dictionaries(st.text(), marked, max_size=3),
       st.booleans())
def test_a_snapshot_comes_back_as_it_was(found: list[State], outputs: dict[str, Any], links: dict[str, Any],
                                         packed: bool) -> None:
    keys = MemoryKeys()
    snapshot = Snapshot({s.urn: s for s in found}, outputs=outputs, links=links, serial=3)
    again = read(write(snapshot, keys, packed=packed), keys)
    assert again == snapshot
    assert list(again.resources) == list(snapshot.resources)


@given(states(), st.sampled_from(Op))
def test_entries_come_back_as_they_were(s: State, op: Op) -> None:
    keys = MemoryKeys()
    box = Box(keys, LINEAGE)
    todo = Operation(s.urn, op, s.type, "base", "token", s.inputs, s.deps, s.parent, secret=s.secret, old_id="old")
    entries = [Entry("begin", s.urn, pending=todo), Entry("made", s.urn, state=s), Entry("moved", "new", old=s.urn),
               Entry("undone", s.urn),
               Entry("outputs", data={"a": hidden({"b": [1, "x"]}), "c": 1})]
    data = encode("journal", {"position": 1}, [entry_record(e, box) for e in entries])
    assert list(entries_of(decode(data, "j", "journal"), box)) == entries


def sample(keys: KeyRing) -> Snapshot:
    a = State("aws.Queue::A", "aws.Queue", "a1", {"name": "a", "tags": {"x": "ü"}}, {"arn": "arn:a"}, base="app-a",
              provider="aws")
    b = State("aws.Db::B", "aws.Db", "b1", {"password": "s3cret-s3cret", "size": 2.5}, {"url": "pg://s3cret-s3cret@h"},
              deps=(a.urn,),
              secret=("password", "url"), protect=True, where="sst_config.py:12", provider="aws")
    gone = State("aws.Queue::A", "aws.Queue", "a0", retain=True, provider="aws")
    todo = Operation("aws.Queue::C", Op.CREATE, "aws.Queue", "app-c", "token", {"n": None}, provider="aws")
    return Snapshot({a.urn: a, b.urn: b}, {f"{gone.urn}#a0": gone}, {todo.urn: todo},
                    {"url": "http://x", "key": hidden("s3cret-s3cret")},
                    {"Db": {"host": "h", "password": hidden("s3cret-s3cret")}},
                    {"providers": {"aws": {"account": "1"}}, "lineage": LINEAGE}, 12)


@pytest.mark.parametrize("packed", [False, True])
def test_each_flipped_byte_gives_the_right_content_or_is_named(packed: bool) -> None:
    keys = MemoryKeys()
    expected = sample(keys)
    good = write(expected, keys, packed=packed)
    for at in range(len(good)):
        for mask in (0x01, 0x20, 0x80):
            data = good[:at] + bytes([good[at] ^ mask]) + good[at + 1:]
            try:
                found = read(data, keys)
                assert packed and found == expected  # gzip's own header has bytes that mean nothing
            except Damaged as e:
                assert e.object == "app/prod/snapshot/1" and 0 <= e.offset <= max(len(data), 10_000)
                assert f"damaged at byte {e.offset}" in str(e)
                assert packed or (good[e.offset - 1:e.offset] in (b"", b"\n") and e.offset <= at)


@pytest.mark.parametrize("packed", [False, True])
def test_each_cut_is_named(packed: bool) -> None:
    keys = MemoryKeys()
    good = write(sample(keys), keys, packed=packed)
    for end in range(len(good)):
        with pytest.raises(Damaged):
            read(good[:end], keys)
    with pytest.raises(Damaged):
        read(good + b"x", keys)
    if not packed:
        with pytest.raises(Damaged, match="should have"):
            read(good[:good[:-1].rfind(b"\n") + 1], keys)


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    with pytest.raises(Damaged):
        decode(data, "x", "snapshot")


def test_lines_of_another_object_are_refused() -> None:
    keys = MemoryKeys()
    one, two = write(sample(keys), keys).splitlines(True), write(sample(keys), keys).splitlines(True)
    for data in (b"".join([*one[:2], *two[2:]]), b"".join([one[0], one[2], one[1], *one[3:]])):
        with pytest.raises(Damaged, match="not those that were written"):
            read(data, keys)


def test_a_secret_is_never_plain_and_opens_in_its_place_only() -> None:
    keys = MemoryKeys()
    data = write(sample(keys), keys)
    assert b"s3cret" not in data
    assert data.count(b"$sealed") == 2
    lines = [json.loads(line.partition(b" ")[2]) for line in data.splitlines()]
    b = next(r for r in lines if r.get("key") == "aws.Db::B")
    moved = dict(b["value"], urn="aws.Db::Other")
    swapped = dict(b["value"], inputs=dict(b["value"]["inputs"], password=b["value"]["outputs"]["url"]))
    for value in (moved, swapped):
        forged = encode("snapshot", lines[0], [{"part": "resources", "key": value["urn"], "value": value}])
        with pytest.raises(Damaged, match=r"inputs.password of .* changed or belongs to another property"):
            read(forged, keys)
    with pytest.raises(Damaged, match="belongs to another property"):
        snapshot_of(decode(data, "x", "snapshot"), Box(keys, "another lineage"))


@pytest.mark.parametrize(("value", "said"), [
    (b"raw", "blob of aws.Q::A is of type bytes"), ({1: 2}, "blob of aws.Q::A has the key 1"), (float("nan"), "is nan"),
    ([{"x": {1, 2}}], "blob of aws.Q::A.x is of type set"), (object(), "of type object")])
def test_what_json_cannot_hold_is_refused_by_name(value: object, said: str) -> None:
    with pytest.raises(InternalError, match=said):
        entry_record(Entry("made", "aws.Q::A", state=State("aws.Q::A", "aws.Q", "1", {"blob": value})),
                     Box(MemoryKeys(), LINEAGE))


def test_mappings_and_tuples_become_dicts_and_lists() -> None:
    keys = MemoryKeys()
    given: Mapping[str, Any] = MappingProxyType({"t": (1, (2,)), "m": MappingProxyType({"op": Op.SAME})})
    again = read(write(Snapshot({"u": State("u", "t", "1", given)}), keys), keys)
    assert again.resources["u"].inputs == {"t": [1, [2]], "m": {"op": "same"}}


def test_a_newer_format_is_refused_and_an_older_one_upgraded() -> None:
    data = encode("snapshot", {"serial": 1}, [{"old": 1}])

    def step(document: Document) -> Document:
        document.records = [{"new": r.get("old", r.get("new", 0)) + 1} for r in document.records]
        return document

    upgraded = decode(data, "x", "snapshot", version=format.VERSION + 2,
                      upgrades={format.VERSION: step, format.VERSION + 1: step})
    assert upgraded.records == [{"new": 3}] and upgraded.header["version"] == format.VERSION + 2
    with pytest.raises(StateError, match="install that version or a newer one"):
        decode(data, "x", "snapshot", version=0)


def test_a_provider_s_notes_are_sealed_and_what_is_only_of_this_run_is_not_written() -> None:
    keys = MemoryKeys()
    box = Box(keys, LINEAGE)
    state = State("x.T::A", "x.T", "a", provider="x::Eu", private="s3cret notes", version=3, damaged=True,
                  fingerprint="f", read=True)
    todo = Operation("x.T::A", Op.UPDATE, "x.T", provider="x::Eu", known=("b",), changed=frozenset({"n"}),
                     change=object())
    records = [entry_record(Entry("made", "x.T::A", state), box),
               entry_record(Entry("begin", "x.T::A", pending=todo), box)]
    assert "s3cret" not in json.dumps(records)
    first, second = entries_of(decode(encode("journal", {}, records), "j", "journal"), box)
    assert first.state == state
    assert second.pending == Operation("x.T::A", Op.UPDATE, "x.T", provider="x::Eu")


def test_account_and_region_of_version_1_become_those_of_the_default_instance() -> None:
    keys = golden_keys()
    record = {"kind": "meta", "data": {"account": "1", "region": "eu-west-1", "lineage": LINEAGE}}
    data = re.sub(rb'"version":2', b'"version":1', encode("journal", {}, [record]))
    line, rest = data.split(b"\n", 1)
    data = sha256(line[17:]).hexdigest()[:16].encode() + line[16:] + b"\n" + rest
    entry, = entries_of(decode(data, "j", "journal"), Box(keys, LINEAGE))
    assert entry.data == {"lineage": LINEAGE, "providers": {"aws": {"account": "1", "region": "eu-west-1"}}}


def golden_keys() -> KeyRing:
    home = _Memory()
    home.create(Ring("k1aaaaaa", {"k1aaaaaa": bytes(range(32))}).text())
    return KeyRing(home)


@pytest.mark.parametrize("version", range(1, format.VERSION + 1))
def test_states_of_all_released_versions_can_be_read(version: int) -> None:
    keys = golden_keys()
    if version == format.VERSION and os.environ.get("SST_ACCEPT"):
        box = Box(keys, LINEAGE)
        entries = [Entry("begin", "aws.Queue::C", pending=sample(keys).pending["aws.Queue::C"]),
                   Entry("made", "aws.Db::B", state=sample(keys).resources["aws.Db::B"])]
        GOLDEN.mkdir(exist_ok=True)
        (GOLDEN / f"v{version}.snapshot").write_bytes(write(sample(keys), keys))
        (GOLDEN / f"v{version}.snapshot.gz").write_bytes(write(sample(keys), keys, packed=True))
        (GOLDEN / f"v{version}.journal").write_bytes(
            encode("journal", {"lineage": LINEAGE, "position": 8, "epoch": 2}, [entry_record(e, box) for e in entries]))
    for suffix in ("", ".gz"):
        assert read((GOLDEN / f"v{version}.snapshot{suffix}").read_bytes(), keys) == sample(keys)
    entries = list(entries_of(decode((GOLDEN / f"v{version}.journal").read_bytes(), "j", "journal"),
                              Box(keys, LINEAGE)))
    assert [e.kind for e in entries] == ["begin", "made"]
    assert entries[1].state == sample(keys).resources["aws.Db::B"]


def test_what_contains_a_secret_is_encrypted_too() -> None:
    keys = MemoryKeys()
    url = "http://127.0.0.1/0/multi-s3cret"
    queue = State("u::Z", "t", url, {"name": "multi-s3cret", "size": 1}, {"url": url, "arn": ["a:multi-s3cret"]},
                  secret=("name",), base="multi-s3cret")
    user = State("u::A", "t", "1", {"address": {"of": url}, "mark": {"$covered": "x"}, "other": "plain"})
    pending = Operation("u::B", Op.UPDATE, "t", inputs={"to": url}, old_id=url)
    snapshot = Snapshot({"u::A": user, "u::Z": queue}, pending={"u::B": pending},
                        outputs={"url": [url], "mark": {"$covered": "x"}}, links={"L": {"url": url}}, serial=1)
    box = Box(keys, LINEAGE)
    box.learn(secrets_of(snapshot))
    journal = json.dumps([entry_record(Entry("made", "u::A", user), box),
                          entry_record(Entry("begin", "u::B", pending=pending), box)])
    data = write(snapshot, keys)
    assert b"s3cret" not in data and "s3cret" not in journal and b"plain" in data
    assert read(data, keys) == snapshot
