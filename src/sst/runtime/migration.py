"""Runs a migration once: with a lock and a mark in the database itself. The handler of the functions of ``Migration``,
and the program of its tasks.

An event is ``{"action": "run" or "find", "name": ..., "key": ..., "attempt": ...}``. ``run`` does what
``SST_MIGRATION_RUN`` (a command) or ``SST_MIGRATION_HANDLER`` (a function) says, unless the database has the mark of
the key. ``find`` answers ``{"state": ...}``: ``done``, ``running`` (the lock is held), ``failed`` with its ``message``
(that attempt of it), ``died`` (that attempt was begun and is no more), or empty. The driver is the one that the project
brings: psycopg, psycopg2 or pg8000; for MySQL pymysql or mysqlclient.

A task (``python -m sst.runtime.migration``) has name, key and attempt in its variables. It ends with exit code 0 once
the database has the mark, else with that of the command.
"""
from __future__ import annotations

import hashlib
import importlib
import os
import shlex
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Timer
from typing import Any
from urllib.parse import unquote, urlsplit

from .resource import Resource

__all__ = ["handler", "main"]

_LAST = 20
"""Lines of a command's output that a failure shows."""


@dataclass(frozen=True)
class Dialect:
    """The statements of one kind of database. Locks belong to the connection, and take what `locked` makes of a
    name."""

    lock: str
    try_lock: str
    table: Sequence[str]
    """What makes the table of marks, if it is not there; also beside a runner of another name."""
    there: str
    state: str
    mark: str
    locked: Callable[[str], str] = str


POSTGRES = Dialect(
    "select pg_advisory_lock(7566196, hashtext(%s))",      # "sst"
    "select pg_try_advisory_lock(7566196, hashtext(%s))",
    ("select pg_advisory_lock(7566196, 0)",      # two that make it at once fail: "if not exists" is no lock
     "create table if not exists sst_migrations (name text, key text, state text not null, attempt text not null, "
     "message text not null default '', at timestamptz not null default now(), primary key (name, key))",
     "select pg_advisory_unlock(7566196, 0)"),
    "select to_regclass('sst_migrations')",
    "select state, attempt, message from sst_migrations where name = %s and key = %s",
    "insert into sst_migrations (name, key, state, attempt, message) values (%s, %s, %s, %s, %s) "
    "on conflict (name, key) do update set state = excluded.state, attempt = excluded.attempt, "
    "message = excluded.message, at = now()")
MYSQL = Dialect(
    "select get_lock(%s, 100000)",
    "select get_lock(%s, 0)",
    ("create table if not exists sst_migrations (`name` varchar(255), `key` varchar(64), `state` varchar(16) not null, "
     "`attempt` varchar(255) not null, `message` text not null, `at` timestamp not null default current_timestamp "
     "on update current_timestamp, primary key (`name`, `key`))",),
    "select table_name from information_schema.tables where table_schema = database() and "
    "table_name = 'sst_migrations'",
    "select `state`, `attempt`, `message` from sst_migrations where `name` = %s and `key` = %s",
    "replace into sst_migrations (`name`, `key`, `state`, `attempt`, `message`) values (%s, %s, %s, %s, %s)",
    lambda name: f"sst {hashlib.sha256(name.encode()).hexdigest()[:40]}")      # at most 64 characters


def handler(event: Mapping[str, str], context: Any) -> dict[str, Any]:
    address = Resource[os.environ["SST_MIGRATION_DATABASE"]].connectionString
    sql, connection = (MYSQL, _mysql(address)) if address.startswith("mysql:") else (POSTGRES, _postgres(address))
    cursor = connection.cursor()
    try:
        return _run(sql, cursor, event, context) if event["action"] == "run" else _find(sql, cursor, event)
    finally:
        connection.close()             # and with it the lock


def main() -> int:
    """What a task does; gives its exit code. Its output is the log of the task."""
    event = {"action": "run", **{k: os.environ[f"SST_MIGRATION_{k.upper()}"] for k in ("name", "key", "attempt")}}
    made = handler(event, None)
    if made["state"] != "done" and not made.get("code"):
        sys.stdout.write(f"{made.get('message')}\n")
    return 0 if made["state"] == "done" else made.get("code") or 1


class Failed(RuntimeError):
    """A command has failed; ``code`` is its exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def _run(sql: Dialect, cursor: Any, event: Mapping[str, str], context: Any) -> dict[str, Any]:
    name, key, attempt = event["name"], event["key"], event["attempt"]
    cursor.execute(sql.lock, (sql.locked(name),))
    cursor.fetchall()
    for statement in sql.table:
        cursor.execute(statement)
    if _state(sql, cursor, name, key)[:1] == ("done",):
        return {"state": "done"}
    cursor.execute(sql.mark, (name, key, "running", attempt, ""))
    try:
        _work(event, context)
    except BaseException as error:  # what is exited counts as failed, too
        message = str(error)[-2000:] or type(error).__name__
        cursor.execute(sql.mark, (name, key, "failed", attempt, message))
        return {"state": "failed", "message": message, "code": error.code if isinstance(error, Failed) else 0}
    cursor.execute(sql.mark, (name, key, "done", attempt, ""))
    return {"state": "done"}


def _find(sql: Dialect, cursor: Any, event: Mapping[str, str]) -> dict[str, Any]:
    name = event["name"]
    cursor.execute(sql.try_lock, (sql.locked(name),))
    if not cursor.fetchone()[0]:
        return {"state": "running"}
    cursor.execute(sql.there)
    found = cursor.fetchone()
    if found is None or found[0] is None:
        return {"state": ""}
    state, attempt, message = _state(sql, cursor, name, event["key"])
    if state == "done":
        return {"state": "done"}
    if attempt != event["attempt"]:
        return {"state": ""}
    return {"state": "died" if state == "running" else state, "message": message}


def _state(sql: Dialect, cursor: Any, name: str, key: str) -> tuple[str, str, str]:
    cursor.execute(sql.state, (name, key))
    found = cursor.fetchone()
    return tuple(found) if found else ("", "", "")


def _work(event: Mapping[str, str], context: Any) -> None:
    if command := os.environ.get("SST_MIGRATION_RUN"):
        _command(command)
        return
    place, _, attribute = os.environ["SST_MIGRATION_HANDLER"].rpartition(".")
    getattr(importlib.import_module(place.replace("/", ".")), attribute)(dict(event), context)


def _command(command: str) -> None:
    """A program of the project's packages, ``alembic upgrade head``, runs as a module of this Python."""
    words = shlex.split(command)
    if words[0] in ("python", "python3"):
        words[0] = sys.executable
    elif find_spec(words[0]):
        words[:1] = [sys.executable, "-m", words[0]]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    last: deque[str] = deque(maxlen=_LAST)
    with subprocess.Popen(words, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as process:
        assert process.stdout
        limit = Timer(float(os.environ.get("SST_MIGRATION_TIMEOUT") or 0), process.kill)
        if limit.interval:
            limit.start()
        for line in process.stdout:
            last.append(line)
            sys.stdout.write(line)
            sys.stdout.flush()
        late = limit.finished.is_set()
        limit.cancel()
    if late:
        raise RuntimeError(f"{command} took longer than {limit.interval:g} seconds")
    if code := process.returncode:
        raise Failed(f"{words[-1] if len(words) == 1 else command} failed with exit code {code}: its last lines\n"
                     f"{''.join(last)}", code if code > 0 else 128 - code)


def _postgres(address: str) -> Any:
    if find_spec("psycopg"):
        connection = importlib.import_module("psycopg").connect(address)
    elif find_spec("psycopg2"):
        connection = importlib.import_module("psycopg2").connect(address)
    elif find_spec("pg8000"):
        connection = importlib.import_module("pg8000.dbapi").connect(**_parts(address))
    else:
        raise RuntimeError("a migration needs a driver of PostgreSQL among the dependencies of the project: psycopg, "
                           "psycopg2 or pg8000")
    connection.autocommit = True
    return connection


def _mysql(address: str) -> Any:
    for driver in ("pymysql", "MySQLdb"):
        if find_spec(driver):
            return importlib.import_module(driver).connect(**_parts(address), autocommit=True)
    raise RuntimeError("a migration needs a driver of MySQL among the dependencies of the project: pymysql or "
                       "mysqlclient")


def _parts(address: str) -> dict[str, Any]:
    at = urlsplit(address)
    return {"user": unquote(at.username or ""), "password": unquote(at.password or ""), "host": at.hostname,
            "port": at.port, "database": unquote(at.path.lstrip("/"))}


if __name__ == "__main__":
    sys.exit(main())
