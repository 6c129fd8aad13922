"""What the executor runs, and what comes of it. Data only."""
from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeAlias

from ..machine.mounts import Mounts

__all__ = ["GONE", "FunctionVersion", "Invocation", "LogLines", "OnFiles", "OnLog", "Refused", "Stamp", "stamp"]


@dataclass(frozen=True, slots=True)
class FunctionVersion:
    """All that a sandbox needs. Equal ones share warm sandboxes."""

    arn: str
    name: str
    version: str
    """``$LATEST`` or a number."""
    runtime: str
    """``python3.12``, ``nodejs22.x``, ``provided.al2023``."""
    handler: str
    code: Path
    """The unpacked bundle, or the sources."""
    layers: tuple[Path, ...] = ()
    """Unpacked, in the order they are merged into ``/opt``."""
    environment: tuple[tuple[str, str], ...] = ()
    """The function's own variables, its region, credentials and endpoints; of this machine nothing is added but a
    path."""
    timeout: float = 3
    """Seconds."""
    memory: int = 128
    """MB."""
    log_group: str = ""
    log_format: str = "Text"
    """``Text`` or ``JSON``."""
    packages: Path | None = None
    """A folder of what the runtime brings along: boto3 for Python."""
    path: tuple[Path, ...] = ()
    """Where Python looks for modules besides ``code``: functions that run from source have their dependencies
    elsewhere."""
    watch: tuple[Path, ...] = ()
    """Folders whose files count as the function's own: ``on_files`` is called with those it reads. Python only."""
    debug: tuple[str, int] | None = None
    """A folder with debugpy, and the port on which it listens. Python only."""
    mounts: Mounts | None = None
    """Folders that stand for its file systems."""
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash(tuple(getattr(self, f.name) for f in fields(self) if f.init)))

    def __hash__(self) -> int:
        """Found once: it is a key at each call."""
        return self._hash


@dataclass(frozen=True, slots=True)
class LogLines:
    """Lines of one sandbox, in order: (milliseconds since 1970, text). A text may have several lines: a stack trace
    is one event."""

    function: FunctionVersion
    sandbox: str
    lines: tuple[tuple[int, str], ...]
    request_id: str = ""
    """The invocation they belong to; "" for what is printed outside of one."""


OnLog: TypeAlias = Callable[[LogLines], None]

Stamp: TypeAlias = tuple[int, int, int]
"""Of a file: its time of modification, and of change by the system's clock (nanoseconds; an edit may keep the first),
and its size."""
GONE: Stamp = (0, 0, 0)


def stamp(path: str | Path) -> Stamp:
    """Of a file as it is now; `GONE` if there is none."""
    try:
        s = os.stat(path)  # noqa: PTH116  # asked for many files at each call
    except OSError:
        return GONE
    return s.st_mtime_ns, s.st_ctime_ns, s.st_size


OnFiles: TypeAlias = Callable[[FunctionVersion, Mapping[str, Stamp]], None]
"""Gets the files that a function has read, as they were just before."""


@dataclass(slots=True)
class Invocation:
    """How a call ended. ``error`` is "" or ``Unhandled``; then ``payload`` is Lambda's error document."""

    payload: bytes
    error: str = ""
    request_id: str = ""
    logs: bytes = b""
    """The last 4 KB of its log, START and REPORT included."""
    duration_ms: float = 0
    init_ms: float = 0
    """Of a cold start; else 0."""
    max_memory_mb: int = 0
    cold: bool = False
    causes: str = ""
    """Of a failed Python function whose error has causes, or members: the whole traceback. Lambda has none."""
    _document: Any = field(default=..., repr=False, compare=False)

    def document(self) -> Any:
        """The payload as JSON, read once: the log of calls wants it and the caller. Raises `ValueError` for what is
        none."""
        if self._document is ...:
            self._document = json.loads(self.payload or b"null")
        return self._document

    @property
    def billed_ms(self) -> int:
        return math.ceil(self.duration_ms + self.init_ms)


class Refused(Exception):
    """The call was not made: too large, or the executor is closing."""
