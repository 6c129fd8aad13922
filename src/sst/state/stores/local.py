"""State in one SQLite file on this machine."""
from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from ...errors import StateError
from ...machine.files import private_draft
from ..store import Conflict, Stored
from .wal import broken_at

__all__ = ["LocalStore"]

_TABLE = ("CREATE TABLE IF NOT EXISTS objects "
          "(key TEXT PRIMARY KEY, data BLOB NOT NULL, tag TEXT NOT NULL) WITHOUT ROWID")
Rows: TypeAlias = Sequence[tuple[Any, ...]]

_BUSY = 10.0
"""Seconds to wait for another process's write, which takes milliseconds."""


class LocalStore:
    """A store in one file, 0600 in a 0700 folder, that many threads and processes may use at once.

        store = LocalStore(project / ".sst/local/state.db")

    Each write is one SQLite transaction in WAL mode with ``synchronous=FULL``: what returned survives kill -9 and a
    power cut. Raises ``StateError`` if the disk is full, the file can't be written or is no database.

    The number of writes stands in the database and, after each, in a file beside it. SQLite drops the end of a log in
    which a byte is wrong as if it had never been written; the numbers tell, and the store is not opened.
    """

    packed = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._count: int | None = None
        with self._said():
            self._db = self._open()
        with contextlib.suppress(OSError):      # where nothing can be written, nothing needs to be counted
            self._count = os.open(self._counted, os.O_RDWR | os.O_CREAT, 0o600)

    @property
    def _counted(self) -> Path:
        return self.path.with_name(f"{self.path.name}-writes")

    def _open(self) -> sqlite3.Connection:
        if not self.path.exists():
            self._create()
        elif not self.path.stat().st_size:
            raise StateError(f"the state in {self.path} is an empty file",
                             hint="it was truncated: restore a copy of it, or remove it to start over")
        written = _read_count(self._counted)
        db = sqlite3.connect(self.path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA synchronous=FULL")
            found = db.execute("SELECT CAST(tag AS INTEGER) FROM objects WHERE key = ''").fetchall()
            if not found:
                raise sqlite3.DatabaseError("its first row is missing: malformed")
            if found[0][0] < written:
                raise self._cut(written - found[0][0])
        except BaseException:
            db.close()
            raise
        return db

    def _cut(self, missing: int) -> StateError:
        """The end of the log is not read. It is kept: closing the database would fold what is left and delete it."""
        log, kept = self.path.with_name(f"{self.path.name}-wal"), self.path.with_name(f"{self.path.name}-wal-damaged")
        data = log.read_bytes() if log.exists() else b""
        where = f"its log {log.name} is gone"
        if data:
            kept.write_bytes(data)
            where = f"its log {log.name} is damaged at byte {broken_at(data) or 0} (kept as {kept.name})"
        elif kept.exists():
            where = f"the log that held them is damaged at byte {broken_at(kept.read_bytes()) or 0}: {kept.name}"
        return StateError(f"the state in {self.path} lacks its last {missing} writes: {where}",
                          hint="put back a copy of the file; to go on without these writes (or with an older copy), "
                               "remove "
                               f"{self._counted}, then find their effects with `sst refresh` and `sst orphans`")

    def _create(self) -> None:
        """Make the file whole under another name, so that one that is half made is never taken for the state."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._counted.unlink(missing_ok=True)
        with private_draft(self.path) as draft:
            with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as db:
                db.execute("PRAGMA journal_mode=WAL")
                db.execute(_TABLE)
                db.execute("INSERT INTO objects VALUES ('', x'', '')")
            with contextlib.suppress(FileExistsError):
                os.link(draft, self.path)

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
        rows = self._run("SELECT key FROM objects WHERE key > ? AND substr(key, 1, ?) = ? ORDER BY key",
                         [prefix, len(prefix), prefix])
        return [key for key, in rows]

    def now(self) -> float:
        return time.time()

    def close(self) -> None:
        with self._lock:
            self._db.close()
            if self._count is not None:
                os.close(self._count)
                self._count = None

    def _run(self, sql: str, values: Iterable[object]) -> Rows:
        with self._lock, self._said():
            return self._db.execute(sql, tuple(values)).fetchall()

    def _change(self, sql: str, values: Iterable[object]) -> int:
        """How many rows changed. When it has returned, it is on disk."""
        with self._lock, self._said():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                changed = self._db.execute(sql, tuple(values)).rowcount
                if changed:
                    told = self._db.execute(_COUNT).fetchone()
                    if told is None:
                        raise sqlite3.DatabaseError("its first row is missing: malformed")
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            if changed and self._count is not None:
                # Not synced: after a power cut it may be behind, and then tells less. It is never ahead of the
                # database.
                with contextlib.suppress(OSError):
                    os.pwrite(self._count, _line(int(told[0])), 0)
            return changed

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        """Say what the system's refusal means and what to do next."""
        try:
            yield
        except (OSError, sqlite3.Error) as e:
            raise StateError(f"the state in {self.path} can't be used: {e}", hint=_hint(e)) from e


_COUNT = "UPDATE objects SET tag = CAST(tag AS INTEGER) + 1 WHERE key = '' RETURNING tag"


def _line(count: int) -> bytes:
    number = f"{count:020}"
    return f"{number} {sha256(number.encode()).hexdigest()[:16]}\n".encode()


def _read_count(path: Path) -> int:
    """0 where it was never written, or can't be read: then it tells nothing."""
    try:
        data = path.read_bytes()
    except OSError:
        return 0
    return int(data[:20]) if data[:20].isdigit() and data == _line(int(data[:20])) else 0


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
