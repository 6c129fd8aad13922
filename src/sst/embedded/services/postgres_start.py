"""Becomes a PostgreSQL server: makes its data folder if there is none, sets the password, and replaces itself.

``postgres_start.py PROGRAMS DATA UID GID USER DATABASE GENERATION OPTION...``, with the password in ``SST_PASSWORD``:
other users of the machine see arguments. UID 0 keeps the user. Run as a file of its own: standard library
only. Whoever starts it holds the lock of the service, so no other server uses the folder.
"""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_ENVIRONMENT = {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", "TZ": "UTC"}


def main(arguments: Sequence[str]) -> None:
    programs, data, uid, gid = Path(arguments[0]), Path(arguments[1]), int(arguments[2]), int(arguments[3])
    user, database, generation, options = arguments[4], arguments[5], arguments[6], arguments[7:]
    password = os.environ["SST_PASSWORD"]
    os.chdir(data)
    if uid:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.umask(0o077)
    server, at, mark = str(programs / "postgres"), data / "pg", data / "generation"
    if not at.exists():
        new = data / "pg.new"
        shutil.rmtree(new, ignore_errors=True)      # of a start that was killed
        _make(programs, new, user, password)
        if database != "postgres":
            _single(server, new, f"CREATE DATABASE {_quoted(database)}", "-c", "fsync=off")
        mark.write_text(generation)
        new.rename(at)
    (at / "postmaster.pid").unlink(missing_ok=True)      # of a killed server: its number may be another process now
    if mark.read_text() != generation:
        _single(server, at, f"ALTER ROLE {_quoted(user)} PASSWORD {_literal(password)}")
        mark.write_text(generation)
    os.execve(server, [server, "-D", str(at), *options], _ENVIRONMENT)


def _make(programs: Path, at: Path, user: str, password: str) -> None:
    file = at.with_name("password")
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(password)
    try:
        _run([str(programs / "initdb"), "-D", str(at), "-U", user, "--auth=scram-sha-256", "--pwfile", str(file),
              "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"], "")
    finally:
        file.unlink()


def _single(server: str, at: Path, statement: str, *options: str) -> None:
    """Run a statement without a server. It reports errors, and ends well all the same."""
    said = _run([server, "--single", "-D", str(at), "-c", "log_min_error_statement=panic", *options, "postgres"],
                f"{statement};\n")
    for line in said.splitlines():
        if "ERROR:" in line or "FATAL:" in line:
            raise SystemExit(line.partition("ERROR:")[2].strip() or line)


def _run(command: Sequence[str], given: str) -> str:
    ran = subprocess.run(command, input=given, capture_output=True, text=True, env=_ENVIRONMENT, check=False)
    if ran.returncode:
        raise SystemExit(f"{Path(command[0]).name} failed: {ran.stderr.strip() or ran.stdout.strip()}")
    return ran.stderr


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


if __name__ == "__main__":
    main(sys.argv[1:])
