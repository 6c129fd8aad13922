"""The file of everything the local cloud keeps in memory: one SQLite database, one transaction for each group commit.

A service's state is a mapping of parts; a part that is a store of the emulator has one entry a resource. What grows
inside of a resource (rows of a table, messages of a queue, lines of a log) has rows of its own, so that a change costs
what it changes. Written ahead (WAL): a killed process loses nothing, and the file is never half of something.
"""
from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sst.errors import StateError

__all__ = ["Changes", "Database", "Part"]

FORMAT = "1"
_DAMAGED = "put back a copy of the folder, or delete everything of stage `local` with `sst local reset`"
_SCHEMA = """
create table if not exists meta (name text primary key, value text) without rowid;
create table if not exists entries (service text, part text, key text, kind text, value text,
                                    primary key (service, part, key));
create table if not exists grown (service text, part text, key text, sub text, seq integer, value text,
                                  primary key (service, part, key, sub, seq));
"""


@dataclass
class Changes:
    """What one transaction does, in this order. Values are private copies; they become text in the writer's thread."""

    versions: dict[str, int] = field(default_factory=dict)
    """Service -> the emulator's version of its format."""
    deleted: list[tuple[str, str, str]] = field(default_factory=list)
    """Entries, with all that has grown in them: service, part, key."""
    cleared: list[tuple[str, str, str, str | None]] = field(default_factory=list)
    """What has grown in an entry (None), or in one of its collections: service, part, key, sub."""
    entries: list[tuple[str, str, str, str, Any]] = field(default_factory=list)
    """Service, part, key, kind of the part, value."""
    gone: list[tuple[str, str, str, str, int]] = field(default_factory=list)
    """Rows: service, part, key, sub, number."""
    rows: list[tuple[str, str, str, str, int, Any]] = field(default_factory=list)
    """Service, part, key, sub, number, value."""

    def __bool__(self) -> bool:
        return bool(self.deleted or self.cleared or self.entries or self.gone or self.rows)


@dataclass
class Part:
    """One part of a saved service."""

    kind: str
    entries: dict[str, str] = field(default_factory=dict)
    """Key -> text."""
    grown: dict[str, list[tuple[str, int, str]]] = field(default_factory=dict)
    """Key -> sub, number, text; in the order in which they came."""


class Database:
    """Raises `StateError` for a file that is damaged or of a newer version."""

    def __init__(self, file: Path, encode: Callable[[Any], str]) -> None:
        self._file, self._encode = file, encode
        if not file.exists():
            self._create()
        elif not file.stat().st_size:  # SQLite would take it for a new one
            raise StateError(f"{file} is damaged: it is empty", hint=_DAMAGED)
        with self._damage():
            self._line = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
            broken = self._line.execute("pragma quick_check").fetchone()[0]
            if broken != "ok":
                raise sqlite3.DatabaseError(broken)
            self._line.execute("pragma journal_mode = wal")
            self._line.execute("pragma synchronous = normal")
            self._line.executescript(_SCHEMA)
            self._line.execute("insert or ignore into meta values ('format', ?)", (FORMAT,))
            found = self._line.execute("select value from meta where name = 'format'").fetchone()[0]
        if int(found) > int(FORMAT):
            raise StateError(f"{file} was written by a newer version of sst",
                             hint="use that version, or delete everything of stage `local` with `sst local reset`")

    def _create(self) -> None:
        """It appears in one step, so that only a damaged one is ever empty."""
        new = self._file.with_name(f"{self._file.name}-new")
        for rest in (new, *(self._file.with_name(f"{self._file.name}-{n}") for n in ("wal", "shm"))):
            rest.unlink(missing_ok=True)
        with self._damage():
            line = sqlite3.connect(new)
            line.executescript(_SCHEMA)
            line.close()
        new.replace(self._file)

    def versions(self) -> dict[str, int]:
        """The saved services, and the emulator's format version of each."""
        with self._damage():
            found = self._line.execute("select name, value from meta where name like 'service:%'").fetchall()
        return {name.removeprefix("service:"): int(value) for name, value in found}

    def load(self, service: str) -> dict[str, Part]:
        parts: dict[str, Part] = {}
        with self._damage():
            for part, key, kind, value in self._line.execute(
                    "select part, key, kind, value from entries where service = ? order by rowid", (service,)):
                parts.setdefault(part, Part(kind)).entries[key] = value
            for part, key, sub, seq, value in self._line.execute(
                    "select part, key, sub, seq, value from grown where service = ? order by rowid", (service,)):
                parts[part].grown.setdefault(key, []).append((sub, seq, value))
        return parts

    def write(self, changes: Changes) -> list[str]:
        """One transaction. Raises what went wrong, and then nothing is written. A value without a form in JSON is left
        out: the result says which."""
        left_out: list[str] = []

        def text(value: Any, *place: object) -> str | None:
            try:
                return self._encode(value)
            except (TypeError, ValueError) as error:
                left_out.append(f"{'/'.join(map(str, place))}: {error}")
                return None

        do = self._line.executemany
        self._line.execute("begin immediate")
        try:
            do("replace into meta values (?, ?)", [(f"service:{name}", str(n)) for name, n in changes.versions.items()])
            do("delete from entries where service = ? and part = ? and key = ?", changes.deleted)
            do("delete from grown where service = ? and part = ? and key = ?", changes.deleted)
            do("delete from grown where service = ? and part = ? and key = ?",
               [place[:3] for place in changes.cleared if place[3] is None])
            do("delete from grown where service = ? and part = ? and key = ? and sub = ?",
               [place for place in changes.cleared if place[3] is not None])
            do("insert into entries values (?, ?, ?, ?, ?) on conflict do update set value = excluded.value",
               [(*entry[:4], made) for entry in changes.entries
                if (made := text(entry[4], *entry[:3])) is not None])
            do("delete from grown where service = ? and part = ? and key = ? and sub = ? and seq = ?", changes.gone)
            do("insert into grown values (?, ?, ?, ?, ?, ?) on conflict do update set value = excluded.value",
               [(*row[:5], made) for row in changes.rows if (made := text(row[5], *row[:5])) is not None])
            self._line.execute("commit")
        except BaseException:
            self._line.execute("rollback")
            raise
        return left_out

    def close(self) -> None:
        self._line.close()

    @contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, KeyError) as error:
            raise StateError(f"{self._file} is damaged: {error}", hint=_DAMAGED) from error
