"""A plan as JSON: the same for the same plan, without secret values, and fit to be compared with a plan that is made later."""
from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from ..core.output import UNKNOWN
from ..errors import UserError
from .choice import name_of
from .plan import Plan, Step
from .record import secrets_of

__all__ = ["check", "plan_data", "program_digest"]

MINTED = "${minted}"
"""Stands for a name that is minted when the plan is carried out."""


def plan_data(plan: Plan, *, key: bytes | None = None) -> dict[str, Any]:
    """The plan's changes as plain data for ``json.dumps``: ``steps``, ``counts`` of all steps, names in ``data_loss``, ``undecided``.

    A value that is not known yet is ``{"$unknown": true}``; a secret one is ``{"$hmac": ...}`` under ``key`` (of the stage), so that
    a change shows and the value does not. Without ``key`` it is ``{"$secret": true}``: fit to be looked at, not to be compared.
    """
    return {"version": 1, "undecided": plan.undecided, "counts": {str(op): n for op, n in plan.counts.items()},
            "data_loss": [s.name for s in plan.data_loss], "steps": [_step(s, key) for s in plan.changes]}


def program_digest(plan: Plan, *, key: bytes) -> str:
    """A fingerprint of all that the program asks for over this state, what does not change included. Lines of files don't count."""
    facts = [{**_step(s, key), "where": "", "goal": [sorted(s.goal.deps), s.goal.protect, s.goal.retain, s.goal.adopt] if s.goal else None}
             for s in plan.steps]
    return hmac.new(key, json.dumps(facts, sort_keys=True).encode(), hashlib.sha256).hexdigest()


def check(saved: Mapping[str, Any], plan: Plan, *, key: bytes) -> None:
    """Raise ``UserError`` naming what differs, unless ``plan`` does exactly what was saved."""
    if saved.get("version") != 1:
        raise UserError("this plan was saved by another version of sst", hint="make a new one: sst diff -o plan.json")
    then, now = ({(s["op"], s["key"]): {**s, "where": ""} for s in steps}
                 for steps in (saved["steps"], json.loads(json.dumps(plan_data(plan, key=key)))["steps"]))
    odd = [f"{'no longer' if k in then else 'now'}: {k[0]} {(then.get(k) or now[k])['name']}" for k in sorted(then.keys() ^ now.keys())]
    odd += [f"otherwise: {k[0]} {now[k]['name']}" for k in sorted(then.keys() & now.keys()) if then[k] != now[k]]
    if odd or saved["undecided"] != plan.undecided:
        raise UserError("the saved plan is not what a deploy would do now\n" + "\n".join(odd or ["more is decided during the deploy"]),
                        hint="look at the new one (sst diff) and save it again")


def _step(s: Step, key: bytes | None) -> dict[str, Any]:
    base = s.base if s.old is None or s.base != s.old.base else ""
    secret = {*secrets_of(s.type, s.goal.secret if s.goal else ()), *(s.old.secret if s.old else ())}
    made: dict[str, Any] = {"op": s.op.value, "key": s.key, "urn": s.urn, "name": name_of(s.urn), "type": s.type}
    if s.goal:
        made["inputs"] = _values(s.inputs, secret, base, key)
    if s.old:
        made |= {"id": s.old.id, "old": _values(s.old.inputs, secret, "", key)}
    more = {"changed": sorted(s.changed) if s.old else [], "replace": sorted(s.replace), "delete_first": s.delete_first, "where": s.where,
            "moved_from": s.moved_from, "loses_data": s.loses_data}
    return {**made, **{k: v for k, v in more.items() if v}}


def _values(values: Mapping[str, Any], secret: set[str], base: str, key: bytes | None) -> dict[str, Any]:
    return {k: _sealed(values[k], key) if k in secret else _value(values[k], base) for k in sorted(values)}


def _sealed(value: Any, key: bytes | None) -> Any:
    if key is None:
        return {"$secret": True}
    shown = _value(value, "")
    if shown == {"$unknown": True}:
        return shown
    return {"$hmac": hmac.new(key, json.dumps(shown, sort_keys=True).encode(), hashlib.sha256).hexdigest()}


def _value(value: Any, base: str) -> Any:
    if value is UNKNOWN:
        return {"$unknown": True}
    if isinstance(value, str):
        return value.replace(base, MINTED) if base else value
    if isinstance(value, Mapping):
        return {str(k): _value(v, base) for k, v in sorted(value.items(), key=lambda i: str(i[0]))}
    if isinstance(value, list | tuple):
        return [_value(v, base) for v in value]
    return value if value is None or isinstance(value, bool | int | float) else repr(value)
