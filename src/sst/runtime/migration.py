"""Runs a migration once: with a lock and a mark in the database itself. The handler of the functions of ``Migration``.

An event is ``{"action": "run" or "find", "name": ..., "key": ..., "attempt": ...}``. ``run`` does what
``SST_MIGRATION_RUN`` (a command) or ``SST_MIGRATION_HANDLER`` (a function) says, unless the database has the mark of
the key. ``find`` answers ``{"state": ...}``: ``done``, ``running`` (the lock is held), ``failed`` with its ``message``
(that attempt of it), ``died`` (that attempt was begun and is no more), or empty. The driver is the one that the project
brings: psycopg, psycopg2 or pg8000.
"""
from __future__ import annotations

import importlib
import os
import shlex
import subprocess
import sys
from collections import deque
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .resource import Resource

__all__ = ["handler"]

_LOCK = 0x737374                       # "sst"
_LAST = 20
"""Lines of a command's output that a failure shows."""
_TABLE = ("create table if not exists sst_migrations (name text, key text, state text not null, attempt text not null, "
          "message text not null default '', at timestamptz not null default now(), primary key (name, key))")


def handler(event: Mapping[str, str], context: Any) -> dict[str, Any]:
    connection = _connected(Resource[os.environ["SST_MIGRATION_DATABASE"]].connectionString)
    connection.autocommit = True
    cursor = connection.cursor()
    try:
        return _run(cursor, event, context) if event["action"] == "run" else _find(cursor, event)
    finally:
        connection.close()             # and with it the lock


def _run(cursor: Any, event: Mapping[str, str], context: Any) -> dict[str, Any]:
    name, key, attempt = event["name"], event["key"], event["attempt"]
    cursor.execute("select pg_advisory_lock(%s, hashtext(%s))", (_LOCK, name))
    cursor.execute(_TABLE)
    if _state(cursor, name, key)[:1] == ("done",):
        return {"state": "done"}
    _mark(cursor, name, key, "running", attempt)
    try:
        _work(event, context)
    except BaseException as error:  # what is exited counts as failed, too
        _mark(cursor, name, key, "failed", attempt, str(error)[-2000:] or type(error).__name__)
        return {"state": "failed"}
    _mark(cursor, name, key, "done", attempt)
    return {"state": "done"}


def _find(cursor: Any, event: Mapping[str, str]) -> dict[str, Any]:
    name = event["name"]
    cursor.execute("select pg_try_advisory_lock(%s, hashtext(%s))", (_LOCK, name))
    if not cursor.fetchone()[0]:
        return {"state": "running"}
    cursor.execute("select to_regclass('sst_migrations')")
    if cursor.fetchone()[0] is None:
        return {"state": ""}
    state, attempt, message = _state(cursor, name, event["key"])
    if state == "done":
        return {"state": "done"}
    if attempt != event["attempt"]:
        return {"state": ""}
    return {"state": "died" if state == "running" else state, "message": message}


def _state(cursor: Any, name: str, key: str) -> tuple[str, str, str]:
    cursor.execute("select state, attempt, message from sst_migrations where name = %s and key = %s", (name, key))
    found = cursor.fetchone()
    return tuple(found) if found else ("", "", "")


def _mark(cursor: Any, name: str, key: str, state: str, attempt: str, message: str = "") -> None:
    cursor.execute("insert into sst_migrations (name, key, state, attempt, message) values (%s, %s, %s, %s, %s) "
                   "on conflict (name, key) do update set state = excluded.state, attempt = excluded.attempt, "
                   "message = excluded.message, at = now()", (name, key, state, attempt, message))


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
        for line in process.stdout:
            last.append(line)
            sys.stdout.write(line)
    if process.returncode:
        raise RuntimeError(f"{words[-1] if len(words) == 1 else command} failed with exit code {process.returncode}: "
                           f"its last lines\n{''.join(last)}")


def _connected(address: str) -> Any:
    if find_spec("psycopg"):
        return importlib.import_module("psycopg").connect(address)
    if find_spec("psycopg2"):
        return importlib.import_module("psycopg2").connect(address)
    if find_spec("pg8000"):
        from urllib.parse import unquote, urlsplit

        at = urlsplit(address)
        return importlib.import_module("pg8000.dbapi").connect(
            user=unquote(at.username or ""), password=unquote(at.password or ""), host=at.hostname, port=at.port,
            database=unquote(at.path.lstrip("/")))
    raise RuntimeError("a migration needs a driver of PostgreSQL among the dependencies of the project: psycopg, "
                       "psycopg2 or pg8000")
