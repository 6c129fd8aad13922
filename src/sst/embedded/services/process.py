"""One process of a local service, which may outlive the launcher that started it, and is never started twice.

It inherits a locked file: as long as it or a child of it lives, the lock is held, also after its launcher was killed
and whatever number its process has. It writes its own number beside the lock before it becomes the program, so there is
no moment at which it lives and is not found. Standard library only: `cloud` ends left-over processes with it.
"""
from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from sst.embedded.settings import read_json
from sst.machine.files import write_private
from sst.machine.lock import FileLock

__all__ = ["Process", "end_left_over"]

_STOP_SECONDS = 10.0
_ROUTINE = (" LOG: ", "[Note]", "[Warning]")
_LONGEST_LOG = 5_000_000
_FIRST = 'echo $$ >"$0" && exec "$@"'


class Process:
    """The process of ``folder``, running or not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = FileLock(folder / "lock")

    @property
    def running(self) -> bool:
        if self._child:
            self._child.poll()  # no zombie
        return self._lock.is_held()

    @property
    def port(self) -> int:
        """Of this or of the last run; 0 if it never ran."""
        return int(str((read_json(self.folder / "process.json") or {}).get("port", 0)))

    def runs(self, command: Sequence[str]) -> bool:
        """Whether the process was started with this command."""
        return (read_json(self.folder / "process.json") or {}).get("command") == _digest(command)

    def start(self, command: Sequence[str], environment: Mapping[str, str], port: int) -> None:
        """Start it; its output goes to ``log``. Raises `OSError` if the program is not there."""
        self._lock.acquire()
        try:
            (self.folder / "pid").unlink(missing_ok=True)
            write_private(self.folder / "process.json", json.dumps({"port": port, "command": _digest(command)}))
            log_file = self.folder / "log"
            if log_file.exists() and log_file.stat().st_size > _LONGEST_LOG:
                log_file.replace(self.folder / "log.1")
            with os.fdopen(os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
                self._child = subprocess.Popen(
                    ["/bin/sh", "-c", _FIRST, str(self.folder / "pid"), *command], env=dict(environment),
                    cwd=self.folder / "data", stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    pass_fds=(self._lock.descriptor,), start_new_session=True)
        finally:
            self._lock.hand_over()

    def end(self, first: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end, wait, and kill it if it does not."""
        for word in (first, signal.SIGKILL):
            deadline = time.monotonic() + _STOP_SECONDS
            asked = False
            while self.running and time.monotonic() < deadline:
                if not asked and (pid := self._pid()):
                    asked = True
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, word) if word is first else os.killpg(pid, word)
                time.sleep(0.01)

    def last_line(self) -> str:
        """Of its log, notes of a server's routine (``LOG:``, ``[Note]``) left out. A full disk comes before what
        follows from it."""
        with contextlib.suppress(OSError):
            lines = (self.folder / "log").read_bytes()[-4000:].decode("utf-8", "replace").splitlines()
            said = [line for line in lines if line.strip() and not any(word in line for word in _ROUTINE)]
            full = [line for line in said if os.strerror(errno.ENOSPC) in line]
            return (full or said or ["it said nothing"])[-1]
        return "it said nothing"

    def _pid(self) -> int:
        """0 for the moment before it has written its number."""
        if self._child:
            return self._child.pid
        try:
            text = (self.folder / "pid").read_text().strip()
        except OSError:
            return 0
        return int(text) if text.isdigit() else 0


def end_left_over(services: Path, keep: frozenset[str] = frozenset()) -> list[str]:
    """End the processes below ``services`` that a killed launcher has left behind, but those named in ``keep``; gives
    the names of the ended."""
    ended = []
    for lock in sorted(services.glob("*/*/lock")):
        name = f"{lock.parent.parent.name}/{lock.parent.name}"
        if name in keep:
            continue
        process = Process(lock.parent)
        if process.running:
            process.end()
            ended.append(name)
    return ended


def _digest(command: Sequence[str]) -> str:
    """A command may hold a password: it is kept as a digest alone."""
    return hashlib.sha256("\0".join(command).encode()).hexdigest()
