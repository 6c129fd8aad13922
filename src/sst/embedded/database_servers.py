"""The database server behind a record of RDS: which program, and how it is started."""
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sst.embedded.backing import Backing
from sst.embedded.services import LocalService
from sst.embedded.services.mariadb import MariaDb
from sst.embedded.services.postgres import Postgres
from sst.embedded.statements import Server

__all__ = ["ADDRESS", "program", "reached", "server"]

ADDRESS = "127.0.0.1"
_PLAIN = re.compile(r"[a-z][a-z0-9_.]*")


def program(engine: str) -> str:
    """For `Backing.program`."""
    return "postgres" if "postgres" in engine else "mariadb"


def server(backing: Backing, name: str, engine: str, user: str, password: str, database: str | None, generation: int,
           groups: Iterable[Mapping[str, Any] | None]) -> LocalService:
    """``groups`` are the parameter groups, as the emulator keeps them. Raises `UserError` if there is no program."""
    found = backing.program(program(engine))
    settings = _settings(groups)
    if program(engine) == "postgres":
        return Postgres(name, found, user, password, database or "postgres", generation, settings)
    return MariaDb(name, found, user, password, database or "mysql", generation, settings)


def reached(record: Mapping[str, Any], endpoint: Mapping[str, Any] | None, database: str | None) -> Server | None:
    """Where the server of a record is, and its master user; None if it does not run here."""
    if not endpoint or not endpoint.get("Port"):
        return None
    kind = program(record["Engine"])
    return Server(kind, ADDRESS, int(endpoint["Port"]), record["MasterUsername"], record["_MasterUserPassword"],
                  database or ("postgres" if kind == "postgres" else "mysql"))


def _settings(groups: Iterable[Mapping[str, Any] | None]) -> dict[str, str]:
    """What parameter groups set, but RDS's own parameters and formulas of memory and disk."""
    found: dict[str, str] = {}
    for group in groups:
        for name, given in sorted((group or {}).get("Parameters", {}).items()):
            value = str(given.get("ParameterValue"))
            if name == "rds.logical_replication" and value == "1":
                found["wal_level"] = "logical"
            elif _PLAIN.fullmatch(name) and not name.startswith("rds.") and "{" not in value:
                found[name] = value
    return found
