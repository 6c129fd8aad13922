"""State in one SQLite file on this machine."""
from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from ...errors import StateError
from ..store import Conflict, Stored

__all__ = ["LocalStore"]

_TABLE = "CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, data BLOB NOT NULL, tag TEXT NOT NULL) WITHOUT ROWID"
Rows: TypeAlias = Sequence[tuple[Any, ...]]

_BUSY = 10.0
"""Seconds to wait for another process's write, which takes milliseconds."""


class LocalStore:
    """A store in one file, 0600 in a 0700 folder, that many threads and processes may use at once.

        store = LocalStore(project / ".sst/local/state.db")

    Each write is one SQLite transaction in WAL mode with ``synchronous=FULL``: what returned survives kill -9 and a power cut.
    Raises ``StateError`` if the disk is full, the file can't be written or is no database.
    """

    packed = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        with self._said():
            self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        if not self.path.exists():
            self._create()
        elif not self.path.stat().st_size:
            raise StateError(f"the state in {self.path} is an empty file",
                             hint="it was cut off: put back a copy of it, or remove it to begin anew")
        db = sqlite3.connect(self.path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA synchronous=FULL")
            if db.execute("SELECT key FROM objects WHERE key = ''").fetchall() != [("",)]:
                raise sqlite3.DatabaseError("its first row is missing: malformed")
        except BaseException:
            db.close()
            raise
        return db

    def _create(self) -> None:
        """Make the file whole under another name, so that one that is half made is never taken for the state."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(6)}")
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        try:
            with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as db:
                db.execute("PRAGMA journal_mode=WAL")
                db.execute(_TABLE)
                db.execute("INSERT INTO objects VALUES ('', x'', '')")
            with contextlib.suppress(FileExistsError):
                os.link(draft, self.path)
        finally:
            draft.unlink()

    def get(self, key: str) -> Stored | None:
        rows = self._run("SELECT data, tag FROM objects WHERE key = ?", [key])
        return Stored(rows[0][0], rows[0][1]) if rows else None

    def put_new(self, key: str, data: bytes) -> str:
        tag = secrets.token_hex(8)
        if not self._change("INSERT INTO objects VALUES (?, ?, ?) ON CONFLICT DO NOTHING", [key, data, tag]):
            raise Conflict(f"{key} exists already")
        return tag

    def put_if(self, key: str, data: bytes, tag: str) -> str:
        new = secrets.token_hex(8)
        if not self._change("UPDATE objects SET data = ?, tag = ? WHERE key = ? AND tag = ?", [data, new, key, tag]):
            raise Conflict(f"{key} was changed by someone else")
        return new

    def delete(self, *keys: str) -> None:
        for at in range(0, len(keys), 500):
            some = keys[at:at + 500]
            self._change(f"DELETE FROM objects WHERE key IN ({', '.join('?' * len(some))})", some)

    def list(self, prefix: str) -> list[str]:
        rows = self._run("SELECT key FROM objects WHERE key > ? AND substr(key, 1, ?) = ? ORDER BY key", [prefix, len(prefix), prefix])
        return [key for key, in rows]

    def now(self) -> float:
        return time.time()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _run(self, sql: str, values: Iterable[object]) -> Rows:
        with self._lock, self._said():
            return self._db.execute(sql, tuple(values)).fetchall()

    def _change(self, sql: str, values: Iterable[object]) -> int:
        """How many rows changed. One statement is one transaction: when it has returned, it is on disk."""
        with self._lock, self._said():
            return self._db.execute(sql, tuple(values)).rowcount

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        """Say what the system's refusal means and what to do next."""
        try:
            yield
        except (OSError, sqlite3.Error) as e:
            raise StateError(f"the state in {self.path} can't be used: {e}", hint=_hint(e)) from e


def _hint(error: Exception) -> str:
    text = str(error).lower()
    for words, hint in _HINTS:
        if any(w in text for w in words):
            return hint
    return "see that the disk is healthy; `sst state history` shows what can be restored"


_HINTS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("full", "no space", "file too large", "disk quota"),
     "free some space and run the command again; nothing that was saved is lost"),
    (("readonly", "read-only", "permission", "unable to open", "not a directory", "not permitted"),
     "make the folder and the files in it writable for you, then run the command again"),
    (("locked", "busy"), "another process has been writing for too long: end it, then run the command again"),
    (("not a database", "malformed"), "the file is damaged: put back a copy of it; it was not changed"),
    (("i/o error",), "the disk refused to read or write, or is full; nothing that was saved is lost"),
)
