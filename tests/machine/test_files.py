"""Private files, replaced in one step."""
from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sst.machine.files import create_private, private_draft, replace_file, write_private


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    was = os.umask(0)
    yield
    os.umask(was)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("sync", [False, True])
def test_only_the_owner_reads_it(tmp_path: Path, sync: bool) -> None:
    file = tmp_path / "keys"
    write_private(file, "öne", sync=sync)
    assert (file.read_text("utf-8"), mode(file)) == ("öne", 0o600)
    file.chmod(0o644)
    write_private(file, "two", sync=sync)
    assert (file.read_text("utf-8"), mode(file)) == ("two", 0o600)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("sync", [False, True])
def test_a_file_that_exists_is_not_created(tmp_path: Path, sync: bool) -> None:
    file = tmp_path / "keys"
    assert create_private(file, "one", sync=sync)
    assert not create_private(file, "two", sync=sync)
    assert (file.read_text("utf-8"), mode(file)) == ("one", 0o600)
    assert list(tmp_path.iterdir()) == [file]


def test_one_of_many_creates_it(tmp_path: Path) -> None:
    won: list[int] = []
    start = threading.Barrier(8)

    def create(number: int) -> None:
        start.wait()
        if create_private(tmp_path / "keys", str(number)):
            won.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [int((tmp_path / "keys").read_text())] == won


def test_readers_see_the_old_or_the_new_content(tmp_path: Path) -> None:
    file, texts = tmp_path / "state", ["a" * 100_000, "b" * 100_000]
    write_private(file, texts[0])
    done = threading.Event()

    def write() -> None:
        for number in range(200):
            write_private(file, texts[number % 2])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not done.is_set():
        seen.add(file.read_text())
    writer.join()
    assert seen <= set(texts)


def test_a_draft_that_fails_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "state"
    with pytest.raises(ZeroDivisionError), private_draft(file) as draft:
        assert mode(draft) == 0o600
        draft.write_text("half")
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())
    with pytest.raises(IsADirectoryError):
        tmp_path.joinpath("folder").mkdir()
        write_private(tmp_path / "folder", "text")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_other_files_get_the_usual_permissions_and_their_folder(tmp_path: Path) -> None:
    os.umask(0o022)
    file = tmp_path / "new" / "memo"
    replace_file(file, b"one")
    replace_file(file, b"two")
    assert (file.read_bytes(), mode(file)) == (b"two", 0o644)
    assert list(file.parent.iterdir()) == [file]
