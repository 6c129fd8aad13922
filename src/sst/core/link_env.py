"""How links reach a process: one variable a link, or one encrypted file for all of them.

`environment` is the one way, for functions, commands of ``sst dev``, ``sst shell`` and tests alike. Both forms are read
by ``sst.Resource`` and by the published SDKs (``sst-sdk`` for Python, ``sst`` for Node).
"""
from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from ..errors import UserError
from ..records import dataclass
from .context import Encrypt
from .graph import Graph
from .link import Link
from .model import URN
from .output import Input, Output, Resolve, combine, gather, leaves, resolve

__all__ = ["ENVIRONMENT", "LIMIT", "UNKNOWN_SIZE", "Encrypt", "LinkedEnvironment", "environment", "fits_environment",
           "hkdf", "link_env", "resource_file"]

ENVIRONMENT = "environment"
"""The kind of entry of a link that holds variables for the process that uses it."""

LIMIT = 3 * 1024
"""Bytes of links that go into variables; a Lambda function has 4 KB for its whole environment."""
UNKNOWN_SIZE = 256
"""Bytes that a value known after deploy counts."""
FILE = "resource.enc"
_VARIABLE = re.compile(r"[A-Za-z0-9_]+\Z")


@dataclass(frozen=True)
class LinkedEnvironment:
    """What a process finds of its links, beside the variables of its own."""

    plain: dict[str, Input[str]]
    """Variables that may be shown."""
    secret: dict[str, Input[str]] = field(default_factory=dict)
    """Variables that hold a secret."""
    files: Output[dict[str, str]] | None = None
    """Files beside the process's code, name → content as base64: the encrypted links, where variables can't hold
    them."""

    def resolved(self, look: Resolve) -> dict[str, str]:
        """All variables as plain text, for a process that is started on this machine."""
        return {k: str(v) for k, v in resolve({**self.plain, **self.secret}, look).items()}


def environment(graph: Graph, links: Sequence[Link], own: Mapping[str, Input[str]] | None = None, *,
                sealed_for: URN | None = None) -> LinkedEnvironment:
    """The environment of a process that uses some links: ``SST_RESOURCE_*`` of each and of the app, what the links
    include of kind ``environment``, and its ``own`` variables, which win.

    With ``sealed_for``, the URN of a function, links go into the encrypted file ``resource.enc`` where they are too
    large for variables or hold a secret (`fits_environment`). Otherwise each is a variable, a secret one if it holds a
    secret.
    """
    properties = {link.name: {**link.properties, "type": link.type} for link in links}
    included = {k: v for link in links for data in link.included(ENVIRONMENT) for k, v in data.items()}
    variables: dict[str, Input[str]] = {**link_env({"App": {"name": graph.app, "stage": graph.stage}}), **included,
                                        **(own or {})}
    files = None
    if sealed_for is None or fits_environment(properties):
        variables = {**{f"SST_RESOURCE_{name}": _variable(name, values) for name, values in properties.items()},
                     **variables}
    else:
        sealed = combine(**properties).as_secret().apply(lambda values: _sealed(graph, sealed_for, values))
        variables |= {"SST_KEY_FILE": FILE, "SST_KEY": sealed.apply(lambda s: s["key"])}
        files = sealed.apply(lambda s: {FILE: s["file"]})
    secret = {k: v for k, v in variables.items() if gather([v])[1]}
    return LinkedEnvironment({k: v for k, v in variables.items() if k not in secret}, secret, files)


def _variable(name: str, values: Mapping[str, Input[Any]]) -> Output[str]:
    return combine(**values).apply(lambda known: link_env({name: known})[f"SST_RESOURCE_{name}"])


def _sealed(graph: Graph, urn: URN, values: Mapping[str, Any]) -> dict[str, str]:
    key, file = resource_file(values, graph.context.stage_key, urn, graph.context.encrypt)
    return {"key": key, "file": file}


def link_env(resources: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """``SST_RESOURCE_<Name>`` variables of links by name, their properties as compact JSON with ``type`` last.

    The app itself is the resource ``App``: ``link_env({"App": {"name": "shop", "stage": "prod"}})``.
    """
    return {f"SST_RESOURCE_{name}": _compact(_ordered(resources[name])) for name in sorted(resources)}


def fits_environment(resources: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether links may go into variables; else they go into a file (``resource_file``).

    Decided from the program alone, so that it is the same in each deploy: no secret among them, at most ``LIMIT``
    bytes, an output counting ``UNKNOWN_SIZE``, and names that a variable of a function may have (no ``-``).
    """
    if gather([resources])[1] or not all(map(_VARIABLE.match, resources)):
        return False
    return sum(len(f"SST_RESOURCE_{name}") + _size(values) for name, values in resources.items()) <= LIMIT


def resource_file(resources: Mapping[str, Mapping[str, Any]], stage_key: bytes, urn: str,
                  encrypt: Encrypt) -> tuple[str, str]:
    """``SST_KEY`` and the content of ``resource.enc`` for the links of one function, both as base64.

    The key belongs to this function and this text alone: with a fixed nonce no key may ever seal two texts.
    """
    text = _compact({name: _ordered(resources[name]) for name in sorted(resources)}).encode()
    key = hkdf(stage_key, salt=hashlib.sha256(text).digest(), info=b"sst resource.enc " + urn.encode())
    return b64encode(key).decode(), b64encode(encrypt(key, text)).decode()


def hkdf(secret: bytes, *, salt: bytes, info: bytes, length: int = 32) -> bytes:
    """HKDF-SHA256 (RFC 5869): ``length`` bytes, at most 8160."""
    key = hmac.digest(salt or bytes(32), secret, "sha256")
    made = block = b""
    while len(made) < length:
        block = hmac.digest(key, block + info + bytes((len(made) // 32 + 1,)), "sha256")
        made += block
    return made[:length]


def _ordered(values: Mapping[str, Any]) -> dict[str, Any]:
    last = {"type": values["type"]} if "type" in values else {}
    return {**{k: v for k, v in values.items() if k != "type"}, **last}


def _compact(value: object) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    except (TypeError, ValueError) as e:
        raise UserError(f"a linked property can't be written as JSON: {e}",
                        hint="properties are text, numbers, True, False, None, lists and mappings of these") from e


def _size(values: object) -> int:
    """Bytes of the JSON text; each output in it counts the same."""
    return len(_compact(_emptied(values)).encode()) + UNKNOWN_SIZE * sum(1 for _ in leaves(values))


def _emptied(value: Any) -> Any:
    """The value without its outputs and without the strings that hold one."""
    if isinstance(value, Mapping):
        return {str(_emptied(k)): _emptied(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_emptied(v) for v in value]
    return "" if any(True for _ in leaves(value)) else value
