"""Detached OpenPGP signatures (RFC 9580, version 4) by RSA and Ed25519 keys, as publishers of providers make them."""
from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

__all__ = ["BadSignature", "Key", "keys_in", "signer"]

_HASHES: dict[int, hashes.HashAlgorithm] = {8: hashes.SHA256(), 9: hashes.SHA384(), 10: hashes.SHA512()}
_RSA, _RSA_SIGN, _EDDSA = 1, 3, 22


class BadSignature(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Key:
    id: str
    """The last 16 hexadecimal digits of its fingerprint."""
    public: Any


def keys_in(armored: str) -> list[Key]:
    """The keys, and their subkeys, in an armored block. Keys of other kinds are passed over."""
    found = []
    for tag, body in _packets(_dearmored(armored)):
        if tag in (6, 14) and body[:1] == b"\x04" and (public := _public(body)) is not None:
            digest = hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False).hexdigest()
            found.append(Key(digest[-16:].upper(), public))
    return found


def signer(keys: list[Key], signature: bytes, content: bytes) -> Key:
    """Which of the keys made this signature of ``content``. Raises ``BadSignature`` if none did."""
    for tag, body in _packets(signature):
        if tag != 2 or body[:2] != b"\x04\x00":
            continue
        algorithm, hash = body[2], _HASHES.get(body[3])
        if hash is None:
            raise BadSignature(f"it is made with the hash algorithm {body[3]}, which is not accepted")
        end = 6 + int.from_bytes(body[4:6], "big")
        hashed = body[:end]
        at = end + 2 + int.from_bytes(body[end:end + 2], "big") + 2
        trailer = hashed + b"\x04\xff" + len(hashed).to_bytes(4, "big")
        digest = hashlib.new(hash.name, content + trailer).digest()
        for key in keys:
            if _made_by(key, algorithm, body[at:], digest, hash):
                return key
    raise BadSignature("none of the registry's keys made it")


def _made_by(key: Key, algorithm: int, numbers: bytes, digest: bytes, hash: hashes.HashAlgorithm) -> bool:
    try:
        match key.public:
            case rsa.RSAPublicKey() if algorithm in (_RSA, _RSA_SIGN):
                value, _ = _number(numbers, 0)
                key.public.verify(value.rjust(key.public.key_size // 8, b"\0"), digest, padding.PKCS1v15(),
                                  Prehashed(hash))
                return True
            case ed25519.Ed25519PublicKey() if algorithm == _EDDSA:
                one, at = _number(numbers, 0)
                two, _ = _number(numbers, at)
                key.public.verify(one.rjust(32, b"\0") + two.rjust(32, b"\0"), digest)
                return True
    except InvalidSignature:
        pass
    return False


def _public(body: bytes) -> Any:
    match body[5]:
        case 1 | 3:
            modulus, at = _number(body, 6)
            exponent, _ = _number(body, at)
            return rsa.RSAPublicNumbers(int.from_bytes(exponent, "big"), int.from_bytes(modulus, "big")).public_key()
        case 22:
            point, _ = _number(body, 7 + body[6])
            return ed25519.Ed25519PublicKey.from_public_bytes(point[1:])
    return None


def _dearmored(text: str) -> bytes:
    body = re.split(r"\r?\n\r?\n", text.strip(), maxsplit=1)[-1]
    lines = [line for line in body.splitlines() if line and not line.startswith(("=", "-----"))]
    try:
        return base64.b64decode("".join(lines), validate=True)
    except ValueError as e:
        raise BadSignature("the registry's key is damaged") from e


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        head, at = data[at], at + 1
        if head & 0x40:
            tag, size, at = head & 0x3f, data[at], at + 1
            if 192 <= size < 224:
                size, at = ((size - 192) << 8) + data[at] + 192, at + 1
            elif size == 255:
                size, at = int.from_bytes(data[at:at + 4], "big"), at + 4
            elif size >= 224:
                raise BadSignature("it has packets of partial length")
        else:
            tag, width = (head >> 2) & 15, 1 << (head & 3)
            size, at = int.from_bytes(data[at:at + width], "big"), at + width
        yield tag, data[at:at + size]
        at += size


def _number(data: bytes, at: int) -> tuple[bytes, int]:
    size = (int.from_bytes(data[at:at + 2], "big") + 7) // 8
    return data[at + 2:at + 2 + size], at + 2 + size
