"""What ElastiCache would refuse minutes into a deploy, found once the program has ended.

Sources: https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html,
https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/supported-engine-versions.html
"""
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...core.graph import Graph
from ...core.model import Goal

__all__ = ["group_fits", "parameters_fit", "token_problem"]

_VERSIONS = {"redis": r"(4\.0|5\.0|6\.[02x]|7\.[01])(\.\d+)?", "valkey": r"(7\.2|8\.\d|9\.\d)(\.\d+)?"}
_SHARDS, _PARAMETERS = 500, 20


def group_fits(graph: Graph, goal: Goal) -> None:
    """Engine, version, class, shards and password of a cache. What is known only after a deploy is not judged."""
    if getattr(goal, "read", False):
        return
    for problem, hint in _problems(goal.inputs):
        graph.problem(f'the cache "{goal.urn.rpartition("::")[2]}" can\'t be made: {problem}', where=goal.where,
                      hint=hint)


def parameters_fit(graph: Graph, goal: Goal) -> None:
    """A call of ModifyCacheParameterGroup sets at most 20 parameters."""
    given = goal.inputs.get("parameters")
    if isinstance(given, Mapping) and len(given) > _PARAMETERS:
        graph.problem(f'the parameter group "{goal.urn.rpartition("::")[2]}" has {len(given)} parameters',
                      where=goal.where, hint=f"at most {_PARAMETERS}")


def token_problem(token: str) -> str:
    """What a password of a cache has to be, if this one is not; the password itself is never quoted."""
    fits = re.fullmatch(r"[!#-.0-?A-~]{16,128}", token)
    return "" if fits else 'it takes 16 to 128 characters of ASCII, none of them a space, /, " or @'


def _problems(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    engine, version = given.get("engine"), given.get("engine_version")
    if isinstance(engine, str) and engine not in _VERSIONS:
        yield f"there is no engine {engine!r}", 'engine="redis" or engine="valkey"'
    elif isinstance(engine, str) and isinstance(version, str) and not re.fullmatch(_VERSIONS[engine], version):
        yield f"AWS has no {engine} {version}", 'version="7.1"' if engine == "redis" else 'version="8.1"'
    kind = given.get("node_type")
    if isinstance(kind, str) and not re.fullmatch(r"cache\.[a-z0-9]+\.[a-z0-9]+", kind):
        yield f"there is no class {kind!r}", 'instance="t4g.micro"'
    shards = given.get("node_groups")
    if isinstance(shards, int) and not 1 <= shards <= _SHARDS:
        yield f"it can't have {shards} nodes", f"between 1 and {_SHARDS}"
    token = given.get("auth_token")
    if isinstance(token, str) and (why := token_problem(token)):
        yield "its password does not fit", why
    if token is not None and given.get("tls") is False:
        yield "a password needs TLS", "tls=True"
