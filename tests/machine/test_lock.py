"""Locks among threads and processes."""
from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sst.machine.lock import FileLock

HOLDER = """
import os, subprocess, sys
from pathlib import Path
from sst.machine.lock import FileLock
with FileLock(Path(sys.argv[1])):
    print("held", flush=True)
    if sys.argv[2]:
        child = subprocess.Popen(["sh", "-c", "echo; exec sleep 600"], stdout=subprocess.PIPE, close_fds=False)
        child.stdout.readline()
        print(child.pid, flush=True)
    sys.stdin.read()
"""


def holder(path: Path, *, child: bool = False) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path), "yes" if child else ""], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout and process.stdout.readline() == "held\n"
    return process


def ended(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_one_at_a_time(tmp_path: Path) -> None:
    one, two = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert one.acquire()
    assert not two.acquire(wait=False)
    one.release()
    one.release()
    assert two.acquire(wait=False)
    two.release()
    assert not two.is_held()
    assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600


def test_another_process_is_named_and_its_death_releases(tmp_path: Path) -> None:
    process = holder(tmp_path / "lock")
    try:
        lock = FileLock(tmp_path / "lock")
        assert lock.is_held()
        assert lock.holder() == process.pid
        assert not lock.acquire(wait=False)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not lock.is_held()
        assert lock.holder() == 0
        with lock:
            assert lock.holder() == os.getpid()
    finally:
        ended(process)


def test_who_waits_gets_it_after_the_release(tmp_path: Path) -> None:
    process = holder(tmp_path / "lock")
    got = threading.Event()

    def wait() -> None:
        with FileLock(tmp_path / "lock"):
            got.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    try:
        assert process.poll() is None and not got.is_set()
        process.communicate("")
        waiting.join(10)
        assert got.is_set()
    finally:
        ended(process)


def test_a_program_that_the_holder_started_does_not_keep_it(tmp_path: Path) -> None:
    process = holder(tmp_path / "lock", child=True)
    assert process.stdout
    child = int(process.stdout.readline())
    try:
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.kill(child, 0)
        assert not FileLock(tmp_path / "lock").is_held()
    finally:
        os.kill(child, signal.SIGKILL)
        ended(process)


def test_to_ask_makes_no_file(tmp_path: Path) -> None:
    assert not FileLock(tmp_path / "lock").is_held()
    assert FileLock(tmp_path / "lock").holder() == 0
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileLock(tmp_path / "none" / "lock").acquire()
