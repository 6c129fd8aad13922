"""A file with every line that the panes of a session show."""
from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import TextIO

from .terminal import Mono, Multiplexer, Pane
from .terminal.pane import plain

__all__ = ["LogFile"]

_MOST = 10 * 1024 * 1024
"""Bytes after which a new file begins; one older file is kept, with ``.1`` after its name."""


class LogFile:
    """Writes ``2030-01-01T12:00:00Z [Functions] line``, without colours. Only its owner can read the file; it begins
    anew with each session."""

    def __init__(self, file: Path, host: Mono | Multiplexer, clock: Callable[[], float] = time.time,
                 most: int = _MOST) -> None:
        self._file, self._clock, self._most = file, clock, most
        self._lock = Lock()
        self._stream: TextIO | None = None
        host.watch_panes(self._watch)

    def _watch(self, pane: Pane) -> None:
        pane.tap(lambda line: self._write(pane.title, line))

    def _write(self, title: str, line: str) -> None:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._clock()))
        with self._lock, contextlib.suppress(OSError):  # a full disk ends no session
            if self._stream is None or self._stream.tell() > self._most:
                self._begin()
            if self._stream:
                self._stream.write(f"{at} [{title}] {plain(line)}\n")
                self._stream.flush()

    def _begin(self) -> None:
        if self._stream:
            self._stream.close()
        self._file.parent.mkdir(parents=True, exist_ok=True)
        if self._file.exists():
            self._file.replace(self._file.with_name(f"{self._file.name}.1"))
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._stream = os.fdopen(descriptor, "w", encoding="utf-8", errors="replace")
