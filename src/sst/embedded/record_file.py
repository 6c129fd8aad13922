"""``console.db``: calls of functions, their lines and the AWS calls they make, in one SQLite file of bounded size."""
from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

__all__ = ["FILE", "FORMAT", "RecordFile", "Row"]

FILE = "console.db"
FORMAT = 1
"""``user_version`` of the file."""
KEPT_CALLS, KEPT_BYTES, KEPT_SECONDS = 100_000, 190 * 1024 * 1024, 7 * 86_400.0
"""What is older, or more, is deleted: invocations, bytes of the file, age."""
_LOOK_EVERY = 2_000
_SCHEMA = """
CREATE TABLE invocation(
  id INTEGER PRIMARY KEY AUTOINCREMENT, request TEXT NOT NULL, function TEXT NOT NULL, trace TEXT NOT NULL,
  parent TEXT NOT NULL, span TEXT NOT NULL, causes TEXT NOT NULL DEFAULT '', began REAL NOT NULL, ms REAL,
  took REAL, cold INTEGER NOT NULL DEFAULT 0, init_ms REAL NOT NULL DEFAULT 0, memory INTEGER NOT NULL DEFAULT 0,
  memory_limit INTEGER NOT NULL DEFAULT 0, runtime TEXT NOT NULL DEFAULT '', trigger TEXT NOT NULL DEFAULT '',
  event TEXT NOT NULL DEFAULT '', event_size INTEGER NOT NULL DEFAULT 0, response TEXT NOT NULL DEFAULT '',
  response_size INTEGER NOT NULL DEFAULT 0, status INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '',
  message TEXT NOT NULL DEFAULT '', failed INTEGER NOT NULL DEFAULT 0, replay_of TEXT NOT NULL DEFAULT '');
CREATE UNIQUE INDEX invocation_request ON invocation(request);
CREATE INDEX invocation_trace ON invocation(trace);
CREATE INDEX invocation_function ON invocation(function, id);
CREATE INDEX invocation_failed ON invocation(id) WHERE failed = 1;
CREATE TABLE call(
  id INTEGER PRIMARY KEY AUTOINCREMENT, trace TEXT NOT NULL, parent TEXT NOT NULL, span TEXT NOT NULL,
  began REAL NOT NULL, ms REAL NOT NULL, service TEXT NOT NULL, action TEXT NOT NULL, resource TEXT NOT NULL,
  status INTEGER NOT NULL, error TEXT NOT NULL DEFAULT '', function TEXT NOT NULL DEFAULT '',
  presigned INTEGER NOT NULL DEFAULT 0);
CREATE INDEX call_trace ON call(trace);
CREATE INDEX call_use ON call(function, service, action);
CREATE TABLE line(
  id INTEGER PRIMARY KEY AUTOINCREMENT, request TEXT NOT NULL, function TEXT NOT NULL, at REAL NOT NULL,
  level TEXT NOT NULL DEFAULT '', text TEXT NOT NULL);
CREATE INDEX line_request ON line(request);
"""
Row: TypeAlias = tuple[str, Mapping[str, Any]]
"""A table and the values of a row. ``invocation`` with ``ms`` ends the one with that ``request``."""


class RecordFile:
    """Written by one thread. Raises ``sqlite3.Error``; `set_aside` begins anew."""

    def __init__(self, path: Path, *, calls: int = KEPT_CALLS, size: int = KEPT_BYTES) -> None:
        self.path = path
        self._calls, self._size, self._written = calls, size, 0
        self._db = self._open()

    def write(self, rows: Iterable[Row]) -> None:
        """All of them, in one transaction."""
        done: dict[str, list[Sequence[Any]]] = {}
        for table, values, ends in _joined(rows):
            if ends:
                names = [name for name in values if name != "request"]
                done.setdefault(f"UPDATE invocation SET {', '.join(f'{n} = ?' for n in names)} WHERE request = ?",
                                []).append([*(values[n] for n in names), values["request"]])
            else:
                marks = ", ".join("?" * len(values))
                done.setdefault(f"INSERT OR IGNORE INTO {table}({', '.join(values)}) VALUES ({marks})",
                                []).append(list(values.values()))
            self._written += 1
        with self._db:
            for statement, lists in done.items():
                self._db.executemany(statement, lists)
        if self._written >= _LOOK_EVERY:
            self._written = 0
            self.trim()

    def trim(self) -> None:
        """Delete the oldest calls, and what belongs to them, until what is left fits."""
        first, last = self._db.execute("SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM invocation").fetchone()
        old = self._db.execute("SELECT coalesce(max(id), 0) FROM invocation WHERE began < ? AND id < ?",
                               (time.time() - KEPT_SECONDS, last)).fetchone()[0]
        upto = max(last - self._calls, old)
        if self._used() > self._size:
            upto = max(upto, first + (last - first) // 5)
        if upto < first and self._used() <= self._size:
            return
        with self._db:
            kept = self._db.execute("SELECT min(began) FROM invocation WHERE id > ?", (upto,)).fetchone()[0]
            self._db.execute("DELETE FROM invocation WHERE id <= ?", (upto,))
            for table, column in (("call", "began"), ("line", "at")):
                self._db.execute(f"DELETE FROM {table} WHERE {column} < ?", (kept or time.time(),))
        self._db.execute("PRAGMA incremental_vacuum")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._db.close()

    def set_aside(self) -> Path:
        """Rename the file; where it is now. The next write begins a new one. Raises ``OSError``."""
        self.close()
        there = set_aside(self.path)
        self._db = self._open()
        return there

    def _used(self) -> int:
        pages, free, size = (self._db.execute(f"PRAGMA {name}").fetchone()[0]
                             for name in ("page_count", "freelist_count", "page_size"))
        return int((pages - free) * size)

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.path.exists():
            os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))
        db = sqlite3.connect(self.path, timeout=5.0, check_same_thread=False)
        try:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0 and not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                db.execute("PRAGMA auto_vacuum = INCREMENTAL")
                db.execute("PRAGMA journal_mode = WAL")
                db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")
            elif version != FORMAT:
                raise sqlite3.DatabaseError(f"it has format {version}, and this version of sst writes {FORMAT}")
            db.execute("PRAGMA synchronous = OFF")
            db.execute("SELECT max(id) FROM invocation")
        except sqlite3.Error:
            db.close()
            raise
        return db


def _joined(rows: Iterable[Row]) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Each row, and whether it ends an invocation that was written before. One that begins and ends among ``rows`` is
    one row; what ends comes last."""
    begun: dict[str, dict[str, Any]] = {}
    ended: list[Mapping[str, Any]] = []
    for table, values in rows:
        if table != "invocation":
            yield table, values, False
        elif "ms" not in values:
            begun.setdefault(values["request"], dict(values))
        elif values["request"] in begun:
            begun[values["request"]].update(values)
        else:
            ended.append(values)
    yield from (("invocation", values, False) for values in begun.values())
    yield from (("invocation", values, True) for values in ended)


def set_aside(path: Path) -> Path:
    """Rename a file that can't be used, with its log, so that a new one can take its place."""
    there = path.with_name(f"{path.name}.aside-{time.strftime('%Y%m%d-%H%M%S')}")
    for ending in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).unlink()
    path.rename(there)
    return there
