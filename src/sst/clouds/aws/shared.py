"""Documents in which several owners have entries: each changes its own, and leaves those of others as they are."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .columns import Call
from .documents import normal

__all__ = ["Statements", "merged_entries", "merged_policy", "own_entries", "own_policy"]


def _document(policy: Any) -> dict[str, Any]:
    return dict(json.loads(policy) if isinstance(policy, str) and policy else policy or {})


def _statements(policy: Any) -> list[dict[str, Any]]:
    found = _document(policy).get("Statement", [])
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
    rest = {k: v for k, v in _document(there).items() if k not in ("Version", "Statement")}
    return {**rest, "Version": version or "2012-10-17", "Statement": made} if made else None


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


class Statements:
    """The statements of a row in the policy of what it belongs to, told apart by their owner.

    ``read`` and ``sent`` are where the policy is in the answer of ``whole`` and in a call that changes it. ``rest``
    writes what others have there when the row is deleted; the delete call does if it is None. The row's property with
    its statements is ``policy``.
    """

    def __init__(self, whole: Call, *, read: str = "Policy", sent: str = "Policy", rest: Call | None = None) -> None:
        self.whole, self.rest, self._read, self._sent = whole, rest, read.split("."), sent.split(".")

    def merged(self, there: Mapping[str, Any], params: dict[str, Any], variables: Mapping[str, Any], *,
               delete: bool) -> dict[str, Any] | None:
        now = None if delete else variables["policy"]
        was = variables.get("policy_was") or (variables.get("policy") if delete else None)
        policy = merged_policy(_at(there, self._read), _owner(variables), was, now)
        return _with(params, self._sent, json.dumps(policy)) if policy else None

    def own(self, answer: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
        if not known.get("policy"):
            return answer
        policy = own_policy(_at(answer, self._read), _owner(known), known["policy"])
        return _with(answer, self._read, json.dumps(policy)) if policy else {}


def _at(value: Any, path: list[str]) -> Any:
    for part in path:
        value = (value or {}).get(part)
    return value


def _with(value: Mapping[str, Any], path: list[str], leaf: Any) -> dict[str, Any]:
    """The mapping with another value at a path."""
    first, *rest = path
    return {**value, first: _with(value.get(first) or {}, rest, leaf) if rest else leaf}


def _owner(variables: Mapping[str, Any]) -> str:
    return f"{variables['lineage']} {variables['urn']}"
