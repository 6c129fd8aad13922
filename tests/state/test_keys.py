from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sst.errors import StateError
from sst.state.keys import FileKeys, MemoryKeys, decrypt, digest, encrypt


def test_a_box_opens_with_its_key_and_place_only() -> None:
    keys = MemoryKeys()
    box = encrypt(keys, "s3cret ü\ud800", "here")
    assert decrypt(keys, box, "here") == "s3cret ü\ud800"
    assert box != encrypt(keys, "s3cret ü\ud800", "here")
    for other, aad in ((keys, "there"), (MemoryKeys(), "here")):
        with pytest.raises(StateError):
            decrypt(other, box, aad)
    changed = box[:-6] + ("A" if box[-6] != "A" else "B") + box[-5:]
    for bad in (changed, box[:-4], "k1", "", box + "!"):
        with pytest.raises(StateError):
            decrypt(keys, bad, "here")


def test_the_file_is_for_its_owner_alone_and_made_when_needed(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "app" / "prod.key"
    keys = FileKeys(path)
    assert not path.exists()
    box = encrypt(keys, "x", "a")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert decrypt(FileKeys(path), box, "a") == "x"
    assert [p.name for p in path.parent.iterdir()] == ["prod.key"]


def test_racers_make_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        ids = set(pool.map(lambda _: FileKeys(tmp_path / "k").current(), range(16)))
    assert len(ids) == 1


def test_a_lost_key_is_named_and_not_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "prod.key"
    box = encrypt(FileKeys(path), "x", "a")
    path.unlink()
    with pytest.raises(StateError, match=f"is not in {path}"):
        decrypt(FileKeys(path), box, "a")
    assert not path.exists()
    path.write_text("nonsense")
    for act, text in ((decrypt, box), (encrypt, "x")):
        with pytest.raises(StateError, match="can't be read"):
            act(FileKeys(path), text, "a")
    assert path.read_text() == "nonsense"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(StateError, match="can't be read: the file is damaged") as raised:
        decrypt(FileKeys(path), box, "a")
    assert "put back a copy" in (raised.value.hint or "")


def test_rotation_keeps_what_was_written(tmp_path: Path) -> None:
    keys = FileKeys(tmp_path / "k")
    old = encrypt(keys, "x", "a")
    keys.rotate()
    new = encrypt(keys, "x", "a")
    assert old.partition(".")[0] != new.partition(".")[0]
    assert decrypt(FileKeys(tmp_path / "k"), old, "a") == decrypt(FileKeys(tmp_path / "k"), new, "a") == "x"
    keys.forget()
    with pytest.raises(StateError):
        decrypt(FileKeys(tmp_path / "k"), old, "a")


def test_a_digest_tells_only_whether_it_is_the_same() -> None:
    keys = MemoryKeys()
    assert digest(keys, "x") == digest(keys, "x") != digest(keys, "y")
    assert digest(keys, "x") != digest(MemoryKeys(), "x")
