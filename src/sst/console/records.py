"""Reads what the recorder of the local cloud has written, and never writes."""
from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ..embedded.record_file import FORMAT
from ..errors import UserError

__all__ = ["COUNTED", "LIMIT", "Filter", "Records"]

LIMIT = 500
COUNTED = 5_000
_IDLE = 4
"""Connections that are kept open."""
_RECENT = 5_000
"""Of the latest calls that counts and percentiles are about."""
_LIST = ("id, request, function, trace, parent, span, began, ms, took, cold, init_ms, memory, memory_limit, runtime, "
         "trigger, status, error, message, failed, replay_of")
_WORD = re.compile(r'(?:(\w+):)?(?:"([^"]*)"|(\S+))')
_COMPARE = re.compile(r"([<>])(\d+(?:\.\d+)?)(ms|s)?")


class Filter(NamedTuple):
    """A condition in SQL and its values."""

    sql: str
    values: tuple[object, ...]
    text: bool = False
    """It looks for a text, in all calls."""

    @staticmethod
    def parse(text: str, functions: Mapping[str, str]) -> Filter:
        """Words are looked for everywhere; ``failed``, ``cold``, ``>500ms``, ``status:4xx``, ``fn:NAME``,
        ``trigger:WORD``, ``trace:ROOT``, ``has:"text"``. ``functions``: the user's name -> the physical one."""
        parts: list[str] = []
        values: list[object] = []
        text_in = False
        for key, quoted, plain in _WORD.findall(text[:1000]):
            sql, more = _term(key, quoted or plain, functions)
            parts.append(sql)
            values += more
            text_in = text_in or "LIKE" in sql
        return Filter(" AND ".join(parts) or "1", tuple(values), text_in)

    def and_text(self, text: str) -> Filter:
        """With that text in its trigger, error, request, response or lines, quotes and all."""
        sql, more = _anywhere(text)
        return Filter(f"({self.sql}) AND {sql}", (*self.values, *more), True) if text else self


def _term(key: str, word: str, functions: Mapping[str, str]) -> tuple[str, Sequence[object]]:
    if not key and word == "failed":
        return "failed = 1", ()
    if not key and word == "cold":
        return "cold = 1", ()
    if not key and (compared := _COMPARE.fullmatch(word)):
        return f"ms {compared[1]} ?", (float(compared[2]) * (1000 if compared[3] == "s" else 1),)
    match key:
        case "fn":
            exact = [p for name, p in functions.items() if name == word]
            found = exact or [p for name, p in functions.items() if word in name]
            return f"function IN ({', '.join('?' * len(found)) or 'NULL'})", found
        case "status":
            low = word.lower().replace("x", "0")
            high = word.lower().replace("x", "9")
            return ("status BETWEEN ? AND ?", (int(low), int(high))) if low.isdigit() and high.isdigit() else ("0", ())
        case "trigger":
            return "trigger LIKE ? ESCAPE '!'", (_like(word, start=True),)
        case "trace":
            return "trace = ?", (word,)
    return _anywhere(word if key in ("", "has") else f"{key}:{word}")


def _anywhere(text: str) -> tuple[str, Sequence[object]]:
    like = _like(text)
    columns = " OR ".join(f"{name} LIKE ? ESCAPE '!'" for name in ("trigger", "error", "message", "event", "response"))
    return f"({columns} OR request IN (SELECT request FROM line WHERE text LIKE ? ESCAPE '!'))", (like,) * 6


def _like(word: str, *, start: bool = False) -> str:
    escaped = word.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"{'' if start else '%'}{escaped}%"


class Records:
    """One file; it may not be there yet, or be replaced while we read; None on stages where nothing is recorded. May be
    used from many threads."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._idle: list[tuple[int, sqlite3.Connection]] = []

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection | None]:
        """None while nothing was recorded. Raises ``UserError`` for a file that can't be read."""
        path = self.path
        try:
            stamp = path.stat().st_ino if path else 0
        except OSError:
            stamp = 0
        if path is None or not stamp:
            yield None
            return
        db: sqlite3.Connection | None = None
        try:
            db = self._connected(path, stamp)
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, FORMAT):
                raise UserError(f"{path} was written by another version of sst",
                                hint="`sst local stop`, then any command starts this version's cloud")
            yield db if version else None
        except sqlite3.Error as error:
            if db:
                db.close()
            raise UserError(f"the recorded calls can't be read: {error}",
                            hint="the recorder sets a damaged file aside with the next call") from error
        if len(self._idle) < _IDLE:
            self._idle.append((stamp, db))
        else:
            db.close()

    def _connected(self, path: Path, stamp: int) -> sqlite3.Connection:
        while self._idle:
            known, db = self._idle.pop()
            if known == stamp:
                return db
            db.close()
        db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5.0, check_same_thread=False)
        db.row_factory = sqlite3.Row
        return db

    def _rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        return [dict(row) for row in self._found(query, *values)]

    def _found(self, query: str, *values: object) -> Sequence[Mapping[str, Any]]:
        with self._open() as db:
            return db.execute(query, values).fetchall() if db else []

    def latest(self, where: Filter, *, before: int = 0, limit: int = 200) -> list[dict[str, Any]]:
        """The newest first."""
        return self._rows(f"SELECT {_LIST} FROM invocation WHERE ({where.sql}) AND id < ? ORDER BY id DESC LIMIT ?",
                          *where.values, before or 1 << 62, min(limit, LIMIT))

    def count(self, where: Filter) -> int:
        """Of a text, ``COUNTED`` at most: each call is read for it."""
        most = f" LIMIT {COUNTED}" if where.text else ""
        found = self._rows(f"SELECT count(*) AS n FROM (SELECT 1 FROM invocation WHERE {where.sql}{most})",
                           *where.values)
        return int(found[0]["n"]) if found else 0

    def one(self, key: str) -> dict[str, Any] | None:
        """By number, by request id or by the beginning of one (8 characters at least)."""
        if key.isdigit() and len(key) < 12:
            found = self._rows("SELECT * FROM invocation WHERE id = ?", int(key))
        else:
            found = self._rows("SELECT * FROM invocation WHERE request = ? OR (length(?) >= 8 AND request LIKE ? "
                               "ESCAPE '!') LIMIT 1", key, key, _like(key, start=True))
        return found[0] if found else None

    def lines(self, request: str) -> list[dict[str, Any]]:
        return self._rows("SELECT at, level, text FROM line WHERE request = ? ORDER BY id LIMIT 10001", request)

    def trace(self, root: str) -> dict[str, Any]:
        """All invocations and AWS calls of one request."""
        return {"invocations": self._rows(f"SELECT {_LIST}, causes FROM invocation WHERE trace = ? ORDER BY began, id "
                                          "LIMIT 2000", root),
                "calls": self._rows("SELECT * FROM call WHERE trace = ? ORDER BY began, id LIMIT 5000", root)}

    def search(self, text: str, *, function: str = "", level: str = "", before: int = 0,
               limit: int = 500) -> list[dict[str, Any]]:
        """Lines, the newest first."""
        parts, values = ["id < ?"], [before or 1 << 62]
        more: list[object] = []
        for sql, value in (("text LIKE ? ESCAPE '!'", _like(text) if text else ""), ("function = ?", function),
                           ("level = ?", level)):
            if value:
                parts.append(sql)
                more.append(value)
        return self._rows(f"SELECT id, request, function, at, level, text FROM line WHERE {' AND '.join(parts)} "
                          "ORDER BY id DESC LIMIT ?", *values, *more, min(limit, 2000))

    def recent(self) -> Sequence[Mapping[str, Any]]:
        """What counts are made of: the latest calls, the newest first."""
        return self._found("SELECT id, function, began, ms, cold, failed, parent, error FROM invocation "
                          "ORDER BY id DESC LIMIT ?", _RECENT)

    def since(self, since: float, until: float) -> Sequence[Mapping[str, Any]]:
        """The calls of a stretch of time, for counts."""
        return self._found("SELECT function, began, ms, failed, cold FROM invocation WHERE began BETWEEN ? AND ?",
                          since, until)

    def uses(self) -> list[tuple[str, str, str, str, int]]:
        """By function, service, action and the first part of the resource: how often it was called and not refused."""
        found = self._rows("SELECT function, service, action, CASE WHEN instr(resource, '/') THEN substr(resource, 1, "
                           "instr(resource, '/') - 1) ELSE resource END AS name, count(*) AS n FROM call "
                           "WHERE function <> '' AND status < 400 GROUP BY 1, 2, 3, 4")
        return [(r["function"], r["service"], r["action"], r["name"], r["n"]) for r in found]

    def calls(self) -> dict[str, int]:
        """Of each function, all that are kept."""
        return {r["function"]: r["n"] for r in self._rows(
            "SELECT function, count(*) AS n FROM invocation GROUP BY function")}

    def newest(self) -> tuple[int, int, int, int]:
        """The highest numbers of invocations and lines, how many invocations have ended, and the highest number of AWS
        calls: what changes with news."""
        found = self._rows("SELECT coalesce((SELECT max(id) FROM invocation), 0) AS a, "
                           "coalesce((SELECT max(id) FROM line), 0) AS b, "
                           "coalesce((SELECT max(id) FROM call), 0) AS c")
        ended = self._rows("SELECT count(*) AS n FROM (SELECT ms FROM invocation ORDER BY id DESC LIMIT 200) "
                           "WHERE ms IS NOT NULL")
        return (found[0]["a"], found[0]["b"], ended[0]["n"], found[0]["c"]) if found and ended else (0, 0, 0, 0)
