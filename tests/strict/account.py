"""What the strict cloud knows of an account: when things were made, and who may do what."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from threading import Lock
from typing import Any

__all__ = ["Account", "allows", "principals", "statements"]


class Account:
    def __init__(self, clock: Callable[[], float], denied_regions: Sequence[str] = ()) -> None:
        self.clock, self.denied_regions = clock, tuple(denied_regions)
        self.facts: dict[tuple[str, str], dict[str, Any]] = {}
        self._times: dict[tuple[str, str], float] = {}
        self._changing: set[tuple[str, str]] = set()
        self._lock = Lock()

    def mark(self, event: str, name: str) -> None:
        """It happened now."""
        self._times[event, name] = self.clock()

    def age(self, event: str, name: str) -> float:
        """Seconds since it happened; endless if it never did."""
        return self.clock() - self._times.get((event, name), -math.inf)

    def times(self) -> list[tuple[str, str]]:
        """What has happened, and to what."""
        return list(self._times)

    def fact(self, kind: str, name: str) -> dict[str, Any]:
        return self.facts.setdefault((kind, name), {})

    def forget(self, kind: str, name: str) -> None:
        self.facts.pop((kind, name), None)

    def enter(self, kind: str, name: str) -> bool:
        """Begin to change a thing; False if it is being changed."""
        with self._lock:
            if (kind, name) in self._changing:
                return False
            self._changing.add((kind, name))
            return True

    def leave(self, kind: str, name: str) -> None:
        with self._lock:
            self._changing.discard((kind, name))

    def role_allows(self, role: str, action: str, resource: str, *, older_than: float) -> bool:
        """Whether a role may do it by policies that have been there for so many seconds."""
        policies = [
            p
            for name, p in self.fact("role-policies", role).items()
            if self.age("role-policy", f"{role}/{name}") >= older_than
        ]
        return allows([s for p in policies for s in statements(p)], action, resource)


def statements(policy: Any) -> list[dict[str, Any]]:
    document = json.loads(policy) if isinstance(policy, str) and policy else policy or {}
    found = document.get("Statement", [])
    return [found] if isinstance(found, Mapping) else list(found)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(v) for v in value or ()]


def allows(
    some: Sequence[Mapping[str, Any]], action: str, resource: str = "*", *, service: str = "", source: str = ""
) -> bool:
    """Whether statements allow it; a condition counts only where it is about the ``source``."""
    verdict = False
    for s in some:
        fits = any(fnmatchcase(action.lower(), a.lower()) for a in _listed(s.get("Action")))
        fits = fits and any(fnmatchcase(resource, r) for r in _listed(s.get("Resource", "*")))
        if service:
            fits = fits and any(p in (service, "*") for p in principals(s))
        about = [
            v
            for op, tests in (s.get("Condition") or {}).items()
            if op.startswith("Arn")
            for k, v in tests.items()
            if k.lower() == "aws:sourcearn"
        ]
        if source and about:
            fits = fits and any(fnmatchcase(source, v) for given in about for v in _listed(given))
        if fits and s.get("Effect") == "Deny" and not s.get("Condition"):
            return False
        verdict = verdict or (fits and s.get("Effect") == "Allow")
    return verdict


def principals(statement: Mapping[str, Any]) -> Iterator[str]:
    given = statement.get("Principal")
    if isinstance(given, str):
        yield given
    for some in (given or {}).values() if isinstance(given, Mapping) else ():
        yield from _listed(some)
