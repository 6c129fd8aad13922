"""Documents in which several owners have entries: each changes its own, and leaves those of others as they are."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .documents import normal

__all__ = ["merged_entries", "merged_policy", "own_entries", "own_policy"]


def _statements(policy: Any) -> list[dict[str, Any]]:
    document = json.loads(policy) if isinstance(policy, str) and policy else policy or {}
    found = document.get("Statement", [])
    return [dict(found)] if isinstance(found, Mapping) else [dict(s) for s in found]


def _prefix(owner: str) -> str:
    return f"sst{hashlib.sha256(owner.encode()).hexdigest()[:12]}"


def _named(policy: Any, owner: str) -> list[dict[str, Any]]:
    """The statements, each with a Sid: that of the program, or one made of the owner."""
    return [{"Sid": s.get("Sid") or f"{_prefix(owner)}{i}", **s} for i, s in enumerate(_statements(policy))]


def _same(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    plain = [normal({"Statement": [{k: v for k, v in s.items() if k != "Sid"}]}) for s in (a, b)]
    return bool(plain[0] == plain[1])


def _is_own(statement: Mapping[str, Any], owner: str, own: list[dict[str, Any]]) -> bool:
    sid = str(statement.get("Sid", ""))
    return sid.startswith(_prefix(owner)) or any(s["Sid"] == sid or _same(s, statement) for s in own)


def merged_policy(there: Any, owner: str, was: Any, now: Any) -> dict[str, Any] | None:
    """The policy that is ``there`` with the owner's statements changed from ``was`` to ``now``; None if it is empty."""
    own = _named(was, owner) + _named(now, owner)
    others = [s for s in _statements(there) if not _is_own(s, owner, own)]
    made = [*others, *_named(now, owner)]
    version = now.get("Version") if isinstance(now, Mapping) else None
    return {"Version": version or "2012-10-17", "Statement": made} if made else None


def own_policy(there: Any, owner: str, asked: Any) -> dict[str, Any] | None:
    """The owner's part of the policy that is ``there``, as it was asked for; None if it has none."""
    own = _named(asked, owner)
    given = {s["Sid"] for s in _statements(asked) if "Sid" in s}
    found = [{k: v for k, v in s.items() if k != "Sid" or v in given} for s in _statements(there)
             if _is_own(s, owner, own)]
    version = asked.get("Version") if isinstance(asked, Mapping) else None
    return {**({"Version": version} if version else {}), "Statement": found} if found else None


def merged_entries(there: list[dict[str, Any]], own: set[str], now: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries with an ``Id``: those of others, and what the owner now has."""
    return [e for e in there if e.get("Id") not in own] + now


def own_entries(there: list[dict[str, Any]], own: set[str]) -> list[dict[str, Any]]:
    return [e for e in there if e.get("Id") in own]
