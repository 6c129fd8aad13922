"""Versions of providers and constraints on them, as Terraform writes them: ``~> 4.2``, ``>= 1.0, < 2.0``."""
from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ..errors import UserError

__all__ = ["fits", "newest", "order"]

_VERSION = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+.*)?")
_PART = re.compile(r"(>=|<=|!=|~>|>|<|=)?\s*(\S+)")


def order(version: str) -> tuple[Any, ...]:
    """A key to sort versions by; a pre-release comes before its release. Raises ``UserError``."""
    found = _VERSION.fullmatch(version.strip())
    if not found:
        raise UserError(f"{version!r} is not a version", hint="like 4.2.0")
    numbers = tuple(int(n or 0) for n in found.groups()[:3])
    words = [(0, int(w), "") if w.isdigit() else (1, 0, w) for w in (found[4] or "").split(".") if w]
    return (*numbers, not words, words)


def fits(version: str, constraint: str) -> bool:
    """Whether a version satisfies all parts of a constraint. A pre-release only does if it is named."""
    own, named = order(version), False
    for part in filter(None, (p.strip() for p in constraint.split(","))):
        match = _PART.fullmatch(part)
        if not match:
            raise UserError(f"{constraint!r} is not a constraint on versions", hint='like "~> 4.2" or ">= 4.0, < 5.0"')
        operator, wanted = match[1] or "=", order(match[2])
        named |= operator == "=" and own == wanted
        if not _holds(own, operator, wanted, len(match[2].split("-")[0].split("."))):
            return False
    return bool(own[3]) or named


def _holds(own: tuple[Any, ...], operator: str, wanted: tuple[Any, ...], given: int) -> bool:
    match operator:
        case "~>":
            kept = max(1, given - 1)
            return own >= wanted and own[:kept] == wanted[:kept]
        case ">=":
            return own >= wanted
        case "<=":
            return own <= wanted
        case ">":
            return own > wanted
        case "<":
            return own < wanted
        case "!=":
            return own != wanted
    return own == wanted


def newest(versions: Iterable[str], constraint: str) -> str | None:
    return max((v for v in versions if fits(v, constraint)), key=order, default=None)
