"""How links reach a process: one variable a link, or one encrypted file for all of them.

Both forms are read by ``sst.Resource`` and by the published SDKs (``sst-sdk`` for Python, ``sst`` for Node).
"""
from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ..errors import UserError
from .output import gather, leaves

__all__ = ["LIMIT", "UNKNOWN_SIZE", "Encrypt", "fits_environment", "hkdf", "link_env", "resource_file"]

Encrypt: TypeAlias = Callable[[bytes, bytes], bytes]
"""``encrypt(key, text)``: AES-256-GCM with a nonce of 12 zero bytes, the 16-byte tag appended."""

LIMIT = 3 * 1024
"""Bytes of links that go into variables; a Lambda function has 4 KB for its whole environment."""
UNKNOWN_SIZE = 256
"""Bytes that a value counts that only a deploy can tell."""
_VARIABLE = re.compile(r"[A-Za-z0-9_]+\Z")


def link_env(resources: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """``SST_RESOURCE_<Name>`` variables of linked things by name, their properties as compact JSON with ``type`` last.

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
