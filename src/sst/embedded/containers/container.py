"""One container: a process with the code of its image, and what it says."""
from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sst.machine.lifeline import Lifeline
from sst.machine.memory import cpu_seconds, over, used_mb

__all__ = ["Container", "Launch"]

KEPT = 200
"""Of its last lines so many are kept for error messages."""
OUT_OF_MEMORY = 137
_CHECK_SECONDS = 1.0
Say = Callable[[Sequence[tuple[int, str]]], None]


@dataclass(frozen=True)
class Launch:
    """What is run: the command with its interpreter, the whole environment, where, and with how many MB at most."""

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    memory: int = 0


class Container:
    """As the emulator's ECS sees one of Docker: ``id``, ``status``, ``attrs``, ``wait``, ``stop``, ``remove``."""

    def __init__(self, labels: Mapping[str, str], address: str, launch: Launch,
                 *, leaving: Callable[[str], None]) -> None:
        self.id, self.name, self.labels, self.address = uuid.uuid4().hex, "", dict(labels), address
        self._launch, self._leaving = launch, leaving
        self._process: subprocess.Popen[bytes] | None = None
        self._say: Say | None = None
        self._waiting: list[tuple[int, str]] = []
        self._lock, self._forwarded = threading.Lock(), threading.Event()
        self._killed = ""
        self.title = ""
        """In `sst dev`: what its lines are shown under."""
        self.last: deque[str] = deque(maxlen=KEPT)
        self.began = time.monotonic()

    def start(self) -> None:
        """Raises `OSError` if the program is not there."""
        lifeline = Lifeline()
        try:
            process = subprocess.Popen(
                list(self._launch.command), env={**self._launch.environment, **lifeline.environment},
                cwd=self._launch.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                pass_fds=(lifeline.give,), start_new_session=True)
        except OSError:
            lifeline.cut()
            raise
        lifeline.hold(process.pid)
        self._process = process
        self._following = threading.Thread(target=self._follow, args=(process, lifeline), daemon=True,
                                           name="sst-container")
        self._following.start()
        if self._launch.memory:
            threading.Thread(target=self._hold_memory, args=(process,), daemon=True, name="sst-memory").start()

    # What the emulator asks

    @property
    def status(self) -> str:
        return "running" if self._process and self._process.poll() is None else "exited"

    @property
    def attrs(self) -> dict[str, Any]:
        return {"Id": self.id, "State": {"Status": self.status, "OOMKilled": bool(self._killed)},
                "NetworkSettings": {"Networks": {"sst": {"IPAddress": self.address}}},
                "Config": {"Labels": self.labels}}

    def reload(self) -> None:
        """Its status is always the present one."""

    def wait(self) -> dict[str, int]:
        code = self._process.wait() if self._process else 1
        return {"StatusCode": OUT_OF_MEMORY if self._killed else 128 - code if code < 0 else code}

    def stop(self, timeout: float = 10) -> None:
        """No new requests, then SIGTERM, and SIGKILL after ``timeout`` seconds."""
        if self.status != "running" or not self._process:
            return
        self._leaving(self.address)
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def remove(self, v: bool = False, force: bool = False) -> None:
        self._signal(signal.SIGKILL)

    def logs(self, tail: int = KEPT, **_: Any) -> bytes:
        return "\n".join(list(self.last)[-tail:]).encode()

    # What it uses

    def cpu_seconds(self) -> float:
        return cpu_seconds(self._process.pid) if self._process else 0.0

    def memory_mb(self) -> int:
        return used_mb(self._process.pid) if self._process else 0

    # What it says

    def note(self, text: str) -> None:
        """A line of ours in its log."""
        self.last.append(text)
        self._tell([(int(time.time() * 1000), text)])

    def forward(self, say: Say) -> None:
        """Hand on what it has said so far, and from now on."""
        with self._lock:
            self._say, waiting, self._waiting = say, self._waiting, []
            if waiting:
                say(waiting)
        self._forwarded.set()

    def wait_for_lines(self, seconds: float = 2) -> None:
        """Until all that it said was handed on."""
        self._following.join(seconds)
        self._forwarded.wait(seconds)

    def _follow(self, process: subprocess.Popen[bytes], lifeline: Lifeline) -> None:
        assert process.stdout
        with process.stdout as out:
            while piece := out.read1(1 << 16) if hasattr(out, "read1") else out.readline():
                while not piece.endswith(b"\n") and (more := out.readline()):
                    piece += more
                now = int(time.time() * 1000)
                lines = [(now, text) for text in piece.decode("utf-8", "replace").splitlines() if text]
                self.last.extend(text for _, text in lines)
                self._tell(lines)
        process.wait()
        lifeline.cut()

    def _tell(self, lines: list[tuple[int, str]]) -> None:
        with self._lock:
            if self._say is None:
                self._waiting += lines
            elif lines:
                self._say(lines)

    def _hold_memory(self, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None:
            if over(process.pid, self._launch.memory):
                self._killed = f"more than {self._launch.memory} MB of memory"
                self._tell([(int(time.time() * 1000), f"OutOfMemoryError: the container used {self._killed}")])
                self._signal(signal.SIGKILL)
                return
            time.sleep(_CHECK_SECONDS)

    def _signal(self, word: signal.Signals) -> None:
        if self._process and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, word)


@dataclass
class Images:
    """Images are code that lies here already: nothing is pulled."""

    known: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        return self

    def pull(self, name: str, **_: Any) -> Any:
        return self

    def tag(self, repository: str, tag: str = "") -> bool:
        return True
