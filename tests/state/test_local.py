from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sst.core.model import Snapshot
from sst.errors import StateError
from sst.state.keys import MemoryKeys
from sst.state.store import Store
from sst.state.stores.local import LocalStore

from .store_suite import StoreSuite
from .worlds import begin, made, stage_of, state

ROOT = Path(__file__).parents[2]
STEP = int(os.environ.get("SST_TORTURE_STEP", "0"))
"""1: try every byte of a file."""


def run(code: str, *args: str, **given: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *args], stdout=subprocess.PIPE, text=True, cwd=ROOT, **given)  # type: ignore[call-overload, no-any-return]


class TestLocal(StoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = LocalStore(tmp_path / "home" / "state.db")
        yield store
        store.close()


def test_only_the_owner_can_read(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "home" / "state.db")
    store.put_new("a/b/c", b"x")
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700
    files = list((tmp_path / "home").iterdir())
    assert files and all(stat.S_IMODE(f.stat().st_mode) == 0o600 for f in files)
    store.close()


def test_processes_that_open_a_new_store_at_once_all_can(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from sst.state.store import Conflict
from sst.state.stores.local import LocalStore
store = LocalStore(Path(sys.argv[1]))
won = 0
for n in range(100):
    try:
        store.put_new(f"a/b/{n:03}", sys.argv[2].encode())
        won += 1
    except Conflict:
        pass
print(won)
"""
    processes = [run(code, str(tmp_path / "home" / "state.db"), str(i)) for i in range(4)]
    assert sum(int(p.communicate()[0]) for p in processes) == 100


APPEND = """
import sys
from pathlib import Path
from sst.state.stores.local import LocalStore
from sst.state.holder import here
from sst.state.keys import FileKeys
from sst.state.session import Stage
from tests.state.worlds import begin, made, state
folder = Path(sys.argv[1])
stage = Stage(LocalStore(folder / "state.db"), "app", "prod", keys=FileKeys(folder / "key"), who=here("ann"))
with stage.locked("deploy") as session:
    for n in range(100_000):
        session.write(begin(state(n, secret="s3cret-s3cret")))
        session.write(made(state(n, secret="s3cret-s3cret")))
        print(n, flush=True)
        if n % 7 == 6:
            session.save()
"""


@pytest.mark.parametrize("wait", [0, 3, 20, 45])
def test_what_was_acknowledged_survives_kill_9(tmp_path: Path, wait: int) -> None:
    from sst.state.holder import here
    from sst.state.keys import FileKeys
    from sst.state.session import Stage

    writer = run(APPEND, str(tmp_path))
    assert writer.stdout
    seen = -1
    while seen < wait:
        seen = int(writer.stdout.readline())
    time.sleep(0.0007 * wait)  # any moment is as good as another: it is the kill that must not matter
    writer.send_signal(signal.SIGKILL)
    rest = writer.stdout.read().split("\n")[:-1]
    writer.wait()
    writer.stdout.close()
    seen = int(rest[-1]) if rest else seen
    store = LocalStore(tmp_path / "state.db")
    stage = Stage(store, "app", "prod", keys=FileKeys(tmp_path / "key"), who=here("bob"))
    begun = time.monotonic()
    with stage.locked("deploy") as session:  # the holder is dead: no waiting for its lease
        assert time.monotonic() - begun < 5
        snapshot = session.snapshot
        assert {state(n).urn for n in range(seen + 1)} <= set(snapshot.resources)
        assert len(snapshot.resources) + len(snapshot.pending) in (seen + 1, seen + 2)
        snapshot.verify()
        session.write(made(state(200_000)))
        session.save()
    assert not any(b"s3cret" in f.read_bytes() for f in tmp_path.iterdir())
    store.close()


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    code = """
import resource, signal, sys
from pathlib import Path
from sst.errors import StateError
from sst.state.stores.local import LocalStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = LocalStore(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
n = 0
try:
    while n < 1000:
        store.put_new(f"a/b/{n:06}", b"x" * 3000)
        n += 1
except StateError as e:
    print(n)
    print(e)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.put_new("a/c/after", b"x")
"""
    path = tmp_path / "state.db"
    out, _ = run(code, str(path)).communicate()
    count, said = out.split("\n", 1)
    assert 10 < int(count) < 200
    assert f"the state in {path} can't be used" in said and "nothing that was saved is lost" in said
    store = LocalStore(path)
    assert store.list("a/") == [f"a/b/{n:06}" for n in range(int(count))] + ["a/c/after"]
    store.close()


def test_no_space_on_a_small_file_system(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    if os.getuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(mount)],
                                     capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    try:
        store = LocalStore(mount / "state.db")
        n = 0
        with pytest.raises(StateError, match="free some space"):
            while n < 1000:
                store.put_new(f"a/b/{n:06}", b"x" * 3000)
                n += 1
        assert len(store.list("a/")) == n > 10
        store.close()
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def test_a_read_only_home_is_said(tmp_path: Path) -> None:
    mount = tmp_path / "home"
    LocalStore(mount / "state.db").close()
    if os.getuid():
        mount.chmod(0o500)
        (mount / "state.db").chmod(0o400)
    elif subprocess.run(["mount", "--bind", "-o", "ro", str(mount), str(mount)], capture_output=True).returncode or \
            subprocess.run(["mount", "-o", "remount,bind,ro", str(mount)], capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    try:
        with pytest.raises(StateError, match="make the folder and the files in it writable"):
            LocalStore(mount / "state.db").put_new("a/b/c", b"x")
    finally:
        if os.getuid():
            mount.chmod(0o700)
        else:
            subprocess.run(["umount", str(mount)], check=True)


def test_a_home_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no folder")
    with pytest.raises(StateError, match="can't be used"):
        LocalStore(tmp_path / "home" / "state.db")


@pytest.mark.slow
def test_any_byte_of_the_file_flipped_or_cut_is_seen_or_harmless(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    path = tmp_path / "state.db"
    store = LocalStore(path)
    stage = stage_of(store)
    for n in range(3):
        with stage.locked("deploy") as session:
            session.write(begin(state(n)))
            session.write(made(state(n)))
            session.save()
    expected = stage.load()
    store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    good = path.read_bytes()
    step = STEP or max(1, len(good) // 200)
    damaged = [good[:at] + bytes([good[at] ^ 0x41]) + good[at + 1:] for at in range(0, len(good), step)]
    damaged += [good[:at] for at in range(1, len(good), len(good) // 40)]
    refused = 0
    for data in damaged:
        for f in tmp_path.iterdir():
            f.unlink()
        path.write_bytes(data)
        try:
            broken = LocalStore(path)
        except StateError as e:
            assert str(path) in str(e)
            refused += 1
            continue
        try:
            with stage_of(broken, keys=stage.keys).locked("deploy") as session:  # type: ignore[arg-type]
                assert session.snapshot.resources == expected.resources
        except StateError as e:
            assert "state object app/prod/" in str(e) or str(path) in str(e)
            refused += 1
        finally:
            broken.close()
    assert refused > 10
    record_property("damaged copies of a state file", len(damaged))


def killed(folder: Path) -> tuple[Snapshot, MemoryKeys, dict[str, bytes]]:
    """A state, and the files of it that a process leaves that is killed: what it wrote is in the log still."""
    folder.mkdir()
    store = LocalStore(folder / "state.db")
    stage = stage_of(store)
    for n in range(3):
        with stage.locked("deploy") as session:
            session.write(begin(state(n)))
            session.write(made(state(n)))
            session.save()
    files = {f.name: f.read_bytes() for f in folder.iterdir() if not f.name.endswith("-shm")}
    expected = stage.load()
    store.close()
    assert len(files["state.db-wal"]) > 10_000 and set(files) == {"state.db", "state.db-wal", "state.db-writes"}
    return expected, stage.keys, files  # type: ignore[return-value]


def reopened(folder: Path, files: dict[str, bytes], keys: MemoryKeys) -> Snapshot | str:
    """The state that is read from these files, or why it is refused."""
    folder.mkdir(exist_ok=True)
    for f in folder.iterdir():
        f.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    try:
        store = LocalStore(folder / "state.db")
    except StateError as e:
        return str(e)
    try:
        with stage_of(store, keys=keys).locked("deploy") as session:
            return session.snapshot
    except StateError as e:
        return str(e)
    finally:
        store.close()


def flipped(data: bytes, at: int, bits: int = 0x41) -> bytes:
    return data[:at] + bytes([data[at] ^ bits]) + data[at + 1:]


@pytest.mark.slow
def test_any_byte_of_the_log_flipped_or_cut_is_seen_or_harmless(tmp_path: Path,
                                                                record_property: Callable[[str, object], None]) -> None:
    """SQLite itself takes the log up to there for all of it."""
    expected, keys, files = killed(tmp_path / "a")
    log = files["state.db-wal"]
    step = 4 * STEP or max(1, len(log) // 150)
    damaged = [flipped(log, at) for at in range(0, len(log), step)] + [
        log[:at] for at in range(0, len(log), max(1, len(log) // 60))
    ]
    refused = 0
    for data in damaged:
        found = reopened(tmp_path / "b", {**files, "state.db-wal": data}, keys)
        if isinstance(found, str):
            refused += 1
            truncated = "lacks its last" in found and "state.db-wal is " in found
            assert truncated or "state object app/prod/" in found, found
        else:
            assert found.resources == expected.resources and not found.pending
    assert refused > len(damaged) * 0.9
    record_property("damaged copies of a state's log", len(damaged))


def test_the_place_of_the_damage_is_said_and_nothing_is_lost_by_looking(tmp_path: Path) -> None:
    expected, keys, files = killed(tmp_path / "a")
    log, frame = files["state.db-wal"], 24 + 4096
    at = 32 + 5 * frame
    folder = tmp_path / "b"
    for offset in (at, at + 100, at + frame - 1):
        said = reopened(folder, {**files, "state.db-wal": flipped(log, offset)}, keys)
        assert isinstance(said, str) and f"state.db-wal is damaged at byte {at} (kept as state.db-wal-damaged)" in said
    assert "state.db-writes, then find their effects with `sst refresh`" in said
    for _ in range(2):
        with pytest.raises(StateError, match=f"the log that held them is damaged at byte {at}: state.db-wal-damaged"):
            LocalStore(folder / "state.db")
    assert (folder / "state.db-wal-damaged").read_bytes() == flipped(log, at + frame - 1)
    (folder / "state.db-writes").unlink()
    store = LocalStore(folder / "state.db")     # the user goes on without them
    assert stage_of(store, keys=keys).load() != expected
    store.close()
    said = reopened(folder, {k: v for k, v in files.items() if k != "state.db-wal"}, keys)
    assert isinstance(said, str) and "its log state.db-wal is gone" in said


def test_the_count_of_writes_is_no_state(tmp_path: Path) -> None:
    """Without it, or with a damaged one, the store is as good; one that is made anew counts anew."""
    expected, keys, files = killed(tmp_path / "a")
    count = files["state.db-writes"]
    for other in (None, b"", count[:-5], *(flipped(count, at) for at in range(len(count)))):
        given = {k: v for k, v in files.items() if k != "state.db-writes"} | (
            {} if other is None else {"state.db-writes": other}
        )
        found = reopened(tmp_path / "b", given, keys)
        assert isinstance(found, Snapshot) and found.resources == expected.resources
    for f in (tmp_path / "b").iterdir():
        if f.name != "state.db-writes":
            f.unlink()
    LocalStore(tmp_path / "b/state.db").close()


def test_the_file_limit_is_back() -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
