"""Addresses that lead to this machine alone."""
from __future__ import annotations

import hashlib
import sys

__all__ = ["loopback_address"]


def loopback_address(name: str) -> str:
    """An address for a name, the same each time. Linux has all of 127.0.0.0/8, other systems 127.0.0.1 alone."""
    if sys.platform != "linux":
        return "127.0.0.1"
    a, b, c = hashlib.sha256(name.encode()).digest()[:3]
    return f"127.{68 + a % 60}.{b}.{1 + c % 254}"
