"""SQL statements on the databases of stage ``local``, for people who look into them: so many rows, so many seconds, and
nothing is changed unless that is asked for.

What may not change anything is one statement in a transaction that is read-only: on PostgreSQL it is opened as a
cursor, so that it can't end the transaction; on MariaDB the protocol takes one statement at a time.
"""
from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["CELL", "Server", "Statements"]

CELL = 2_000
"""Characters of a value that are shown."""
_CONNECT_SECONDS = 5
_MOST_ROWS = 1_000
_READS = re.compile(r"\s*\(*\s*(select|with|show|describe|desc|explain|values|table)\b", re.IGNORECASE)
_WRITES_FILES = re.compile(r"\b(outfile|dumpfile)\b", re.IGNORECASE)
_COMMENTS = re.compile(r"\s*(--[^\n]*\n|#[^\n]*\n|/\*(?!!).*?\*/)", re.DOTALL)


@dataclass(frozen=True)
class Server:
    """Where a database is. ``program``: ``postgres`` or ``mariadb``."""

    program: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str


class Statements:
    """``drivers`` gives the folder of the packages ``psycopg2`` and ``pymysql``, installed on first use."""

    def __init__(self, drivers: Callable[[], Path]) -> None:
        self._drivers = drivers
        self._running: dict[str, list[Callable[[], None]]] = {}
        self._lock = threading.Lock()

    def run(self, key: str, server: Server, statement: str, *, write: bool, limit: int,
            seconds: float) -> dict[str, Any]:
        """``columns``, ``rows`` (texts, numbers, booleans, None), ``more``: there are more than ``limit``; ``changed``:
        how many rows a change was about; ``ms``. ``key`` is for `stop`. Raises ``ValueError`` for what the database
        refuses."""
        folder = str(self._drivers())
        if folder not in sys.path:
            sys.path.append(folder)
        ask = _postgres if server.program == "postgres" else _mariadb
        began = time.perf_counter()
        with ask(server, write=write, seconds=seconds) as (line, execute, cancel), self._known(key, cancel):
            try:
                found = execute(statement, min(max(limit, 1), _MOST_ROWS))
                if write:
                    line.commit()
            except Exception as error:  # each driver has its own
                raise ValueError(_said(error, server)) from None
        return {**found, "ms": round((time.perf_counter() - began) * 1000, 1)}

    def running(self, key: str) -> int:
        return len(self._running.get(key, ()))

    def stop(self, key: str) -> int:
        """Cancel what runs; how many statements that were."""
        with self._lock:
            found = list(self._running.get(key, ()))
        for cancel in found:
            cancel()
        return len(found)

    @contextmanager
    def _known(self, key: str, cancel: Callable[[], None]) -> Iterator[None]:
        with self._lock:
            self._running.setdefault(key, []).append(cancel)
        try:
            yield
        finally:
            with self._lock:
                self._running[key].remove(cancel)


Execute = Callable[[str, int], dict[str, Any]]


@contextmanager
def _postgres(server: Server, *, write: bool, seconds: float) -> Iterator[tuple[Any, Execute, Callable[[], None]]]:
    import psycopg2
    from psycopg2.extensions import QuotedString

    line = _connected(server, lambda: psycopg2.connect(
        host=server.host, port=server.port, user=server.user, password=server.password, dbname=server.database,
        connect_timeout=_CONNECT_SECONDS, application_name="sst console",
        options=f"-c statement_timeout={int(seconds * 1000)}"))

    def execute(statement: str, limit: int) -> dict[str, Any]:
        with line.cursor() as cursor:
            if write:
                cursor.execute(statement)
                return _found(cursor, limit)
            line.set_session(readonly=True)
            text = QuotedString(statement)
            text.prepare(line)
            cursor.execute("DO %s", ("DECLARE c refcursor := 'sst_rows'; BEGIN OPEN c FOR EXECUTE "
                                     f"{text.getquoted().decode(text.encoding)}; END",))
            cursor.execute("FETCH %s FROM sst_rows", (limit + 1,))
            return _found(cursor, limit)

    try:
        yield line, execute, line.cancel
    finally:
        line.close()


@contextmanager
def _mariadb(server: Server, *, write: bool, seconds: float) -> Iterator[tuple[Any, Execute, Callable[[], None]]]:
    import pymysql

    def connect() -> Any:
        return pymysql.connect(host=server.host, port=server.port, user=server.user, password=server.password,
                              database=server.database, connect_timeout=_CONNECT_SECONDS, charset="utf8mb4")

    line = _connected(server, connect)

    def execute(statement: str, limit: int) -> dict[str, Any]:
        with line.cursor() as cursor:
            cursor.execute(f"SET SESSION max_statement_time = {seconds:g}")
            if not write:
                if not _READS.match(_COMMENTS.sub(" ", statement)) or _WRITES_FILES.search(statement):
                    raise ValueError("this may change something, and is not run as a query")
                cursor.execute(f"SET SESSION sql_select_limit = {limit + 1}")
                cursor.execute("START TRANSACTION READ ONLY")
            cursor.execute(statement)
            return _found(cursor, limit)

    def cancel() -> None:
        other = connect()
        try:
            with other.cursor() as cursor:
                cursor.execute(f"KILL QUERY {int(line.thread_id())}")
        finally:
            other.close()

    try:
        yield line, execute, cancel
    finally:
        line.close()


def _connected(server: Server, connect: Callable[[], Any]) -> Any:
    try:
        return connect()
    except Exception as error:  # each driver has its own
        raise ValueError(f"the database does not answer: {_said(error, server)}") from None


def _found(cursor: Any, limit: int) -> dict[str, Any]:
    if cursor.description is None:
        return {"columns": [], "rows": [], "more": False, "changed": max(0, int(cursor.rowcount))}
    rows: Sequence[Sequence[Any]] = cursor.fetchmany(limit + 1)
    return {"columns": [str(column[0]) for column in cursor.description],
            "rows": [[_shown(value) for value in row] for row in rows[:limit]], "more": len(rows) > limit,
            "changed": 0}


def _shown(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return str(value) if isinstance(value, int) and abs(value) > 1 << 53 else value
    if isinstance(value, bytes | bytearray | memoryview):
        return f"\\x{bytes(value[:CELL // 2]).hex()}"
    text = json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value)
    return text if len(text) <= CELL else f"{text[:CELL]}…"


def _said(error: Exception, server: Server) -> str:
    """The database's own words, without its password."""
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    given = error.args[1] if len(error.args) > 1 and isinstance(error.args[0], int) else error
    return str(primary or given).strip().replace(server.password, "[password]") or type(error).__name__
