"""What RDS would refuse minutes into a deploy, found once the program has ended.

Sources: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html,
https://docs.aws.amazon.com/AmazonRDS/latest/PostgreSQLReleaseNotes/postgresql-versions.html
"""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...core.graph import Graph
from ...core.model import Goal

__all__ = ["cluster_fits", "instance_fits", "password_problem"]

_VERSIONS = {"postgres": r"1[1-9](\.\d+)?(-R\d+)?", "mysql": r"(5\.7|8\.0|8\.4)(\.\d+)?",
             "mariadb": r"(10\.(4|5|6|11)|11\.(4|8))(\.\d+)?", "aurora-postgresql": r"1[3-9](\.\d+)?",
             "aurora-mysql": r"8\.\d+(\.mysql_aurora\.\d+\.\d+(\.\d+)?)?"}
_USUAL = {"postgres": "17", "mysql": "8.4", "mariadb": "11.4", "aurora-postgresql": "17", "aurora-mysql": "3.08.0"}
_NAMES = {"postgres": r"[A-Za-z_][A-Za-z0-9_]{0,62}", "mysql": r"[A-Za-z][A-Za-z0-9_]{0,63}",
          "mariadb": r"[A-Za-z][A-Za-z0-9_]{0,63}"}
_LIKE = {"aurora-postgresql": "postgres", "aurora-mysql": "mysql"}
"""Engines with the rules for names of another."""
_USERS = {"postgres": r"[A-Za-z][A-Za-z0-9_]{0,62}", "mysql": r"[A-Za-z][A-Za-z0-9_]{0,15}",
          "mariadb": r"[A-Za-z][A-Za-z0-9_]{0,15}"}
_RESERVED_USERS = frozenset({"admin", "rdsadmin", "rds_superuser", "rds_replication", "public", "user"})
_RESERVED_NAMES = frozenset({"postgres", "template0", "template1", "rdsadmin", "mysql", "sys", "information_schema",
                             "performance_schema"})
_CLASS = r"db\.[a-z0-9-]+\.[a-z0-9]+(\.[a-z0-9.]+)?"
_LENGTH = {"postgres": (8, 128), "mysql": (8, 41), "mariadb": (8, 41)}
_LEAST_GB, _MOST_GB = 20, 65536


def instance_fits(graph: Graph, goal: Goal) -> None:
    """Engine, version, names, password, class and storage of a database. What is known only after a deploy is not
    judged."""
    if getattr(goal, "read", False):
        return
    for problem, hint in _problems(goal.inputs):
        graph.problem(f'the database "{goal.urn.rpartition("::")[2]}" can\'t be made: {problem}', where=goal.where,
                      hint=hint)


def cluster_fits(graph: Graph, goal: Goal) -> None:
    """As `instance_fits`, and the capacity between which a cluster scales."""
    if getattr(goal, "read", False):
        return
    for problem, hint in (*_problems(goal.inputs), *_capacity(goal.inputs.get("scaling"))):
        graph.problem(f'the database "{goal.urn.rpartition("::")[2]}" can\'t be made: {problem}', where=goal.where,
                      hint=hint)


def _capacity(scaling: Any) -> Iterator[tuple[str, str]]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ServerlessV2ScalingConfiguration.html"""
    if not isinstance(scaling, Mapping):
        return
    low, high, pause = (scaling.get(k) for k in ("MinCapacity", "MaxCapacity", "SecondsUntilAutoPause"))
    if not all(isinstance(n, int | float) for n in (low, high)):
        return
    assert isinstance(low, int | float) and isinstance(high, int | float)
    for what, n, least in (("min", low, 0), ("max", high, 1)):
        if not least <= n <= 256 or n * 2 != int(n * 2):
            yield f"its {what} can't be {n:g} ACU", f"{least} to 256 ACU, in steps of 0.5"
    if low > high:
        yield f"its min of {low:g} ACU is above its max of {high:g} ACU", 'scaling={"min": "0 ACU", "max": "4 ACU"}'
    if pause is not None and low:
        yield "it pauses only with a min of 0 ACU", 'scaling={"min": "0 ACU"}, or leave pause_after out'
    elif isinstance(pause, int) and not 300 <= pause <= 86400:
        yield f"it can't pause after {pause} seconds", "between 5 minutes and 24 hours"


def password_problem(engine: str, password: str) -> str:
    """What a password of the master user has to be, if this one is not; the password itself is never quoted."""
    low, high = _LENGTH[_LIKE.get(engine, engine)]
    fits = low <= len(password) <= high and re.fullmatch(r"[!#-&(-.0-?A-~]*", password)
    return "" if fits else f"it takes {low} to {high} characters of ASCII, none of them a space, /, \", ' or @"


def _problems(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    engine = given.get("engine")
    if not isinstance(engine, str) or engine not in _VERSIONS:
        return
    family = _LIKE.get(engine, engine)

    def odd(key: str, fits: Callable[[Any], object]) -> Any:
        value = given.get(key)
        return value if isinstance(value, str | int) and not fits(value) else None

    if version := odd("engine_version", lambda v: re.fullmatch(_VERSIONS[engine], str(v))):
        yield f"AWS has no {engine} {version}", f'version="{_USUAL[engine]}"'
    if user := odd("username", lambda v: re.fullmatch(_USERS[family], v) and v.lower() not in _RESERVED_USERS):
        yield f"{user!r} can't be the name of its user", ("letters, digits and _, a letter first, and no reserved name "
                                                          "such as admin")
    if name := odd("database", lambda v: re.fullmatch(_NAMES[family], v) and v.lower() not in _RESERVED_NAMES
                   - ({"postgres"} if family == "postgres" else set())):
        yield f"{name!r} can't be the name of a database", "letters, digits and _, a letter first"
    if isinstance(password := given.get("password"), str) and (why := password_problem(engine, password)):
        yield "its password does not fit", why
    if kind := odd("instance_class", lambda v: re.fullmatch(_CLASS, v)):
        yield f"there is no class {kind!r}", 'instance="t4g.micro"'
    for key in ("allocated_storage", "max_allocated_storage"):
        if size := odd(key, lambda v: _LEAST_GB <= v <= _MOST_GB):
            yield f"its storage can't be {size} GB", 'between "20 GB" and "64 TB"'
