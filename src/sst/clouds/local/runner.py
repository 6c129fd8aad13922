"""Runs the user's commands: their output line by line, their end, and nothing of them left behind."""
from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from threading import Lock, Thread

from ...core.provider import Note
from ...errors import ProviderError
from ...machine.lifeline import Lifeline

__all__ = ["Runner"]

_LAST = 20
"""Lines of output that a failure shows."""
_WIDTH = 500
"""Characters of a line that are shown."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_GRACE = 5.0
"""Seconds that output may take to end once the command has."""


class Runner:
    """``environ`` is the environment that every command gets."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock, self._stopped = Lock(), False

    def run(self, command: str | Sequence[str], folder: Path, environment: Mapping[str, str], note: Note, *,
            hide: Iterable[str] = (), alone: bool = False) -> None:
        """Run a command to its end; a text is given to the shell. Each line of output goes to ``note``, with the values
        of ``hide`` replaced. With ``alone`` it has no other variables than ``environment``. Raises
        ``ProviderError`` if it can't be started, fails or is stopped.

        When the command has ended, also if this process is killed, what it left running is killed.
        """
        secrets = sorted({v for v in hide if v}, key=len, reverse=True)
        lines: deque[str] = deque(maxlen=_LAST)

        def shown(raw: bytes) -> None:
            text = _COLOURS.sub("", raw.decode("utf-8", "replace")).rstrip()
            for secret in secrets:
                text = text.replace(secret, "***")
            if text:
                lines.append(text[:_WIDTH])
                note(text[:_WIDTH])

        given = {**({} if alone else self._environ), **environment}
        code = self._ended(command, folder, given, shown)
        if code:
            said = "".join(f"\n  {line}" for line in lines)
            end = "was stopped" if self._stopped else f"failed with exit code {code}" if code > 0 else (
                f"was ended by {_signal(-code)}")
            raise ProviderError(f"the command {end}{': its last lines' if said else ''}{said}", operation="command",
                                sent=False)

    def _ended(self, command: str | Sequence[str], folder: Path, environment: Mapping[str, str],
               shown: Callable[[bytes], None]) -> int:
        lifeline = Lifeline()
        try:
            process = subprocess.Popen(
                command if isinstance(command, str) else list(command), shell=isinstance(command, str), cwd=folder,
                env={**environment, **lifeline.environment}, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=(lifeline.give,), start_new_session=True)
        except (OSError, ValueError, TypeError) as e:
            lifeline.cut()
            why = (e.strerror if isinstance(e, OSError) else str(e) if isinstance(e, TypeError)
                   else "it or its environment holds a null character")
            raise ProviderError(f"the command can't be started: {why}", operation="command", sent=False,
                                hint="check command= and folder=") from e
        lifeline.hold(process.pid)
        with self._lock:
            self._running.add(process)
            if self._stopped:
                _kill(process, signal.SIGTERM)
        reader = Thread(target=_read, args=(process, shown), daemon=True, name="sst-command")
        reader.start()
        try:
            return process.wait()
        finally:
            with self._lock:
                self._running.discard(process)
            _kill(process, signal.SIGKILL)      # what it left running
            lifeline.cut()
            reader.join(_GRACE)

    def stop(self) -> None:
        """Ask running commands to end."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                _kill(process, signal.SIGTERM)


def _read(process: subprocess.Popen[bytes], shown: Callable[[bytes], None]) -> None:
    assert process.stdout
    with process.stdout as output:
        for line in output:
            shown(line)


def _kill(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
