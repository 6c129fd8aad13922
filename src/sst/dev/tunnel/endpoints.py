"""The addresses that links lead to and only a network's inside can reach, and the same links by way of this machine."""
from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["LOOPBACK", "Endpoint", "endpoints_in", "moved", "rewritten"]

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
    return {name: _moved_link(value, ports) if name.startswith(_PREFIX) else moved(value, ports)
            for name, value in environment.items()}


def _moved_link(text: str, ports: Mapping[Endpoint, int]) -> str:
    try:
        values = json.loads(text)
    except ValueError:      # a variable of the user's that only begins alike
        return text
    return json.dumps(moved(values, ports), separators=(",", ":"), ensure_ascii=False)


def moved(value: Any, ports: Mapping[Endpoint, int]) -> Any:
    """The same of one value: text, or what JSON has."""
    if isinstance(value, str):
        for endpoint, port in ports.items():
            if endpoint.host in value:
                value = re.sub(rf"(?<![\w.-]){re.escape(endpoint.host)}:{endpoint.port}(?!\d)", f"{LOOPBACK}:{port}",
                               value)
        return value
    if isinstance(value, list):
        return [moved(v, ports) for v in value]
    if not isinstance(value, dict):
        return value
    made = {k: moved(v, ports) for k, v in value.items()}
    for endpoint, port in ports.items():
        if (value.get("host"), value.get("port")) == (endpoint.host, endpoint.port):
            made |= {"host": LOOPBACK, "port": port}
    return made
