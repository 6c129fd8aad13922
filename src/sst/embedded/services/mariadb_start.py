"""Becomes a MariaDB server: makes its data folder if there is none, and replaces itself.

``mariadb_start.py MARIADBD DATA UID GID USER DATABASE GENERATION OPTION...``, with the hash of the password in
``SST_PASSWORD``. UID 0 keeps the user. The server sets user, password and database itself, before it takes connections.
Run as a file of its own: standard library only. Whoever starts it holds the lock of the service, so no other server
uses the folder.
"""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_SCRIPTS = ("system_tables", "performance_tables", "system_tables_data")
_ENVIRONMENT = {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "TZ": "UTC"}


def main(arguments: Sequence[str]) -> None:
    server, data, uid, gid = Path(arguments[0]), Path(arguments[1]), int(arguments[2]), int(arguments[3])
    user, database, options = arguments[4], arguments[5], arguments[7:]
    password = os.environ["SST_PASSWORD"]
    os.chdir(data)
    if uid:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.umask(0o077)
    base, at, first = server.resolve().parent.parent, data / "mysql", data / "first.sql"
    if not at.exists():
        new = data / "mysql.new"
        shutil.rmtree(new, ignore_errors=True)      # of a start that was killed
        _make(base, server, new)
        new.rename(at)
    first.write_text("\n".join(_statements(user, database, password)) + "\n")
    os.execve(server, [str(server), "--no-defaults", f"--basedir={base}", f"--datadir={at}", "--skip-name-resolve",
                       f"--init-file={first}", *options], _ENVIRONMENT)


def _make(base: Path, server: Path, at: Path) -> None:
    """The tables of the system, by the server itself, as ``mariadb-install-db`` does it."""
    at.mkdir()
    files = [_script(base, name) for name in _SCRIPTS]
    text = "create database mysql;\nuse mysql;\nset @auth_root_socket=NULL;\nset @skip_auth_anonymous=1;\n"
    text += "\n".join(file.read_text(encoding="utf-8") for file in files)
    ran = subprocess.run([server, "--no-defaults", "--bootstrap", f"--basedir={base}", f"--datadir={at}",
                          "--enforce-storage-engine=", "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M"],
                         input=text, capture_output=True, text=True, env=_ENVIRONMENT, check=False)
    if ran.returncode:
        raise SystemExit(f"{server.name} failed: {ran.stderr.strip()[-500:]}")


def _script(base: Path, name: str) -> Path:
    """Of the server's folder of scripts, whose place and names differ between its versions."""
    for folder in ("mysql", "mariadb"):
        for prefix in ("mysql", "mariadb"):
            if (found := base / "share" / folder / f"{prefix}_{name}.sql").exists():
                return found
    raise SystemExit(f"there is no mysql_{name}.sql below {base / 'share'}")


def _statements(user: str, database: str, password: str) -> Sequence[str]:
    """One a line. All other users are dropped: new data has some without a password."""
    who = f"{_text(user)}@'%'"
    return (f"CREATE DATABASE IF NOT EXISTS {_quoted(database)};",
            f"CREATE OR REPLACE USER {who} IDENTIFIED VIA mysql_native_password USING {_text(password)};",
            f"GRANT ALL PRIVILEGES ON *.* TO {who} WITH GRANT OPTION;",
            *(f"DROP USER IF EXISTS {name}@{_text(host)};" for name in ("root", "''")
              for host in ("localhost", "127.0.0.1", "::1", os.uname().nodename.lower())))


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


if __name__ == "__main__":
    main(sys.argv[1:])
