"""AWS Signature Version 4, and 4A for services that answer in many regions.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"""
from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

__all__ = ["EMPTY", "UNSIGNED", "Credentials", "signed", "signed_url"]

EMPTY = hashlib.sha256(b"").hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key: str
    secret_key: str
    token: str | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.access_key!r})"


def signed(method: str, host: str, target: str, headers: Mapping[str, str], payload_hash: str, *,
           credentials: Credentials,
           region: str, service: str, stamp: str, double: bool = True, regions: str = "") -> dict[str, str]:
    """The headers with their signature. ``stamp`` is ``20260102T030405Z``; ``double`` is False for S3, whose path is
    quoted once. With ``regions`` (``*`` for all) the signature is of Version 4A."""
    out = {**headers, "X-Amz-Date": stamp, **({"X-Amz-Region-Set": regions} if regions else {})}
    if credentials.token:
        out["X-Amz-Security-Token"] = credentials.token
    if not double:
        out["X-Amz-Content-SHA256"] = payload_hash
    lower = {k.lower(): " ".join(v.split()) for k, v in out.items()}
    lower["host"] = host
    names = sorted(k for k in lower if k.startswith("x-amz-") or k in ("host", "content-type", "content-md5"))
    listed = ";".join(names)
    canonical = "\n".join((method, *_target(target, double), *(f"{k}:{lower[k]}" for k in names), "", listed,
                           payload_hash))
    scope = f"{stamp[:8]}/{service if regions else f'{region}/{service}'}/aws4_request"
    sign = _signature_4a if regions else _signature
    out["Authorization"] = (f"{'AWS4-ECDSA-P256-SHA256' if regions else 'AWS4-HMAC-SHA256'} Credential="
                            f"{credentials.access_key}/{scope}, SignedHeaders={listed}, "
                            f"Signature={sign(canonical, scope, stamp, credentials, region, service)}")
    return out


def signed_url(method: str, url: str, *, credentials: Credentials, region: str, service: str, stamp: str,
               expires: int = 900) -> str:
    """The URL with its signature in the query: for someone else to call. ``expires`` in seconds, at most 7 days."""
    at = urlsplit(url)
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    extra = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{credentials.access_key}/{scope}",
             "X-Amz-Date": stamp,
             "X-Amz-Expires": str(expires), "X-Amz-SignedHeaders": "host"}
    if credentials.token:
        extra["X-Amz-Security-Token"] = credentials.token
    query = "&".join(x for x in (at.query, *(f"{k}={quote(v, safe='-_.~')}" for k, v in extra.items())) if x)
    target = f"{at.path or '/'}?{query}"
    double = service != "s3"
    canonical = "\n".join((method, *_target(target, double), f"host:{at.netloc}", "", "host",
                           EMPTY if double else UNSIGNED))
    signature = _signature(canonical, scope, stamp, credentials, region, service)
    return f"{at.scheme}://{at.netloc}{target}&X-Amz-Signature={signature}"


def _target(target: str, double: bool) -> tuple[str, str]:
    path, _, query = target.partition("?")
    pairs = sorted(p.partition("=")[::2] for p in query.split("&") if p)
    return (quote(_plain(path), safe="/~-_.") if double else path or "/"), "&".join(f"{k}={v}" for k, v in pairs)


def _plain(path: str) -> str:
    """The path without ``//``, ``.`` and ``..``; S3 alone signs it as it is."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts) + ("/" if parts and path.endswith("/") else "")


def _signature(canonical: str, scope: str, stamp: str, credentials: Credentials, region: str, service: str) -> str:
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    return hmac.new(_key(credentials.secret_key, stamp[:8], region, service), text.encode(), hashlib.sha256).hexdigest()


@lru_cache(maxsize=256)
def _key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve P-256."""


def _signature_4a(canonical: str, scope: str, stamp: str, credentials: Credentials, region: str, service: str) -> str:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    text = "\n".join(("AWS4-ECDSA-P256-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    return bytes(_key_4a(credentials.access_key, credentials.secret_key).sign(text.encode(), ECDSA(SHA256()))).hex()


@lru_cache(maxsize=16)
def _key_4a(access_key: str, secret_key: str) -> Any:
    """The private key that is derived from credentials."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

    for counter in range(1, 255):
        context = access_key.encode() + bytes([counter])
        fixed = b"\x00\x00\x00\x01AWS4-ECDSA-P256-SHA256\x00" + context + b"\x00\x00\x01\x00"
        number = int.from_bytes(hmac.new(f"AWS4A{secret_key}".encode(), fixed, hashlib.sha256).digest(), "big")
        if number <= _ORDER - 2:
            return derive_private_key(number + 1, SECP256R1())
    raise ValueError("no key can be derived from these credentials")
