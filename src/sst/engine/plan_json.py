"""A plan as JSON: the same for the same plan, without secret values, and fit to be compared with a plan that is made
later."""
from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from ..core.model import name_of
from ..core.output import UNKNOWN
from ..errors import UserError
from ..records import dataclass
from .steps import Plan, Step

__all__ = ["check", "plan_data", "program_digest"]

MINTED = "${minted}"
"""Stands for a name that is minted when the plan is carried out; ``${minted Api/Log}`` for that of another thing."""
_WORD = re.compile(r"[A-Za-z0-9_-]+")


def plan_data(plan: Plan, *, key: bytes | None = None) -> dict[str, Any]:
    """The plan's changes as plain data for ``json.dumps``: ``steps``, ``counts`` of all steps, names in ``data_loss``,
    ``undecided``.

    A value that is not known yet is ``{"$unknown": true}``; a secret one is ``{"$hmac": ...}`` under ``key`` (of the
    stage), so that a change shows and the value does not. Without ``key`` it is ``{"$secret": true}``: fit to be looked
    at, not to be compared.
    """
    minted = _minted(plan)
    return {"version": 1, "undecided": plan.undecided, "counts": {str(op): n for op, n in plan.counts.items()},
            "data_loss": [s.name for s in plan.data_loss],
            "starting_empty": [s.name for s in plan.starting_empty],
            "steps": [_step(s, key, minted) for s in plan.changes]}


def program_digest(plan: Plan, *, key: bytes) -> str:
    """A fingerprint of all that the program asks for over this state, what does not change included. Lines of files
    don't count."""
    minted = _minted(plan)
    facts = [{**_step(s, key, minted), "where": "",
              "goal": [sorted(s.goal.deps), s.goal.protect, s.goal.retain, s.goal.adopt] if s.goal else None}
              for s in plan.steps]
    return hmac.new(key, json.dumps(facts, sort_keys=True).encode(), hashlib.sha256).hexdigest()


def check(saved: Mapping[str, Any], plan: Plan, *, key: bytes) -> None:
    """Raise ``UserError`` naming what differs, unless ``plan`` does exactly what was saved."""
    if saved.get("version") != 1:
        raise UserError("this plan was saved by another version of sst", hint="make a new one: sst diff -o plan.json",
                        code="plan-unreadable")
    then, now = ({(s["op"], s["key"]): {**s, "where": ""} for s in steps}
                 for steps in (saved["steps"], json.loads(json.dumps(plan_data(plan, key=key)))["steps"]))
    odd = [f"{'no longer' if k in then else 'now'}: {k[0]} {(then.get(k) or now[k])['name']}"
           for k in sorted(then.keys() ^ now.keys())]
    odd += [f"different: {k[0]} {now[k]['name']}{_where(then[k], now[k])}" for k in sorted(then.keys() & now.keys())
            if then[k] != now[k]]
    if odd or saved["undecided"] != plan.undecided:
        raise UserError("the saved plan differs from the current plan\n"
                        + "\n".join(odd or ["the program declares more during the deploy"]),
                        hint="review the new plan (sst diff) and save it again", code="plan-stale")


def _where(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    a, b = then.get("inputs") or {}, now.get("inputs") or {}
    names = sorted(k for k in {*a, *b} if a.get(k) != b.get(k))
    return f" ({', '.join(names)})" if names else ""


@dataclass(frozen=True, slots=True)
class _Minted:
    """The names that this plan minted: the next plan mints others."""

    base: Mapping[str, str]
    """By urn."""
    urn: Mapping[str, str]
    """By name."""


def _minted(plan: Plan) -> _Minted:
    base = {s.urn: s.base for s in plan.steps if s.goal and s.base and (s.old is None or s.base != s.old.base)}
    return _Minted(base, {b: u for u, b in base.items()})


def _step(s: Step, key: bytes | None, minted: _Minted) -> dict[str, Any]:
    names = {minted.base[u]: MINTED if u == s.urn else f"${{minted {name_of(u)}}}"
             for u in (s.urn, *(sorted(s.goal.deps) if s.goal else ())) if u in minted.base}

    def given(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        for base, text in names.items():
            value = value.replace(base, text)
        return _WORD.sub(lambda m: f"${{minted {name_of(minted.urn[m[0]])}}}" if m[0] in minted.urn else m[0], value)

    secret = {*s.secret, *(s.old.secret if s.old else ())}
    made: dict[str, Any] = {"op": s.op.value, "key": s.key, "urn": s.urn, "name": name_of(s.urn), "type": s.type}
    if s.goal:
        made["inputs"] = _values(s.inputs, secret, given, key)
    if s.old:
        made |= {"id": s.old.id, "old": _values(s.old.inputs, secret, _as_it_is, key)}
    more = {"changed": sorted(s.changed) if s.old else [], "replace": sorted(s.replace), "delete_first": s.delete_first,
            "where": s.where,
            "moved_from": s.moved_from, "loses_data": s.loses_data, "reason": s.reason}
    return {**made, **{k: v for k, v in more.items() if v}}


def _as_it_is(value: Any) -> Any:
    return value


def _values(values: Mapping[str, Any], secret: set[str], given: Callable[[Any], Any],
            key: bytes | None) -> dict[str, Any]:
    return {k: _sealed(values[k], given, key) if k in secret else _value(values[k], given) for k in sorted(values)}


def _sealed(value: Any, given: Callable[[Any], Any], key: bytes | None) -> Any:
    if key is None:
        return {"$secret": True}
    shown = _value(value, given)
    if shown == {"$unknown": True}:
        return shown
    return {"$hmac": hmac.new(key, json.dumps(shown, sort_keys=True).encode(), hashlib.sha256).hexdigest()}


def _value(value: Any, given: Callable[[Any], Any]) -> Any:
    if value is UNKNOWN:
        return {"$unknown": True}
    if isinstance(value, str):
        return given(value)
    if isinstance(value, Mapping):
        return {str(k): _value(v, given) for k, v in sorted(value.items(), key=lambda i: str(i[0]))}
    if isinstance(value, list | tuple):
        return [_value(v, given) for v in value]
    return value if value is None or isinstance(value, bool | int | float) else repr(value)
