"""The addresses that links lead to and only a network's inside can reach, and the same links by way of this machine."""
from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["LOOPBACK", "Endpoint", "endpoints_in", "rewritten"]

LOOPBACK = "127.0.0.1"
_PREFIX = "SST_RESOURCE_"


@dataclass(frozen=True, slots=True)
class Endpoint:
    title: str
    """The user's name of what answers there."""
    host: str
    port: int


def endpoints_in(links: Mapping[str, Mapping[str, Any]], inside: Collection[str]) -> list[Endpoint]:
    """The endpoints of the components that are ``inside`` of a network; ``links``: their properties, by name."""
    return [Endpoint(name, host, port) for name, values in links.items() if name in inside
            and isinstance(host := values.get("host"), str) and isinstance(port := values.get("port"), int)]


def rewritten(environment: Mapping[str, str], ports: Mapping[Endpoint, int]) -> dict[str, str]:
    """The environment with ``host`` and ``port`` of links, and each ``host:port`` inside of a value, replaced by the
    port of this machine that leads there."""
    known = {(e.host, e.port): port for e, port in ports.items()}
    patterns = [(re.compile(rf"(?<![\w.-]){re.escape(host)}:{port}(?!\d)"), f"{LOOPBACK}:{local}")
                for (host, port), local in known.items()]

    def text(value: str) -> str:
        for pattern, local in patterns:
            value = pattern.sub(local, value)
        return value

    made = {}
    for name, value in environment.items():
        if name.startswith(_PREFIX):
            made[name] = json.dumps(_moved(json.loads(value), known, text), separators=(",", ":"), ensure_ascii=False)
        else:
            made[name] = text(value)
    return made


def _moved(value: Any, known: Mapping[tuple[str, int], int], text: Any) -> Any:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list):
        return [_moved(v, known, text) for v in value]
    if not isinstance(value, dict):
        return value
    made = {k: _moved(v, known, text) for k, v in value.items()}
    if isinstance(at := value.get("host"), str) and isinstance(port := value.get("port"), int) and (at, port) in known:
        made |= {"host": LOOPBACK, "port": known[at, port]}
    return made
