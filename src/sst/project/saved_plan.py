"""Saved plans: ``sst diff -o plan.json`` today, ``sst deploy plan.json`` tomorrow, and nothing but that plan is carried
out.

A plan is bound to the app, stage, account and region, to the state's lineage and serial, to the program, and to the
artefacts of functions.
"""
from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..core.model import Snapshot, name_of
from ..engine.choice import Choice
from ..engine.plan import Plan
from ..engine.plan_json import check, plan_data, program_digest
from ..errors import UserError
from ..machine.files import write_private
from .backend import Backend

__all__ = ["bound", "plan_document", "read_plan", "save_plan"]

_VERSION = 1
_AGAIN = "look at the new plan and save it again: sst diff -o plan.json"


def save_plan(backend: Backend, file: Path, plan: Plan, snapshot: Snapshot, *, choice: Choice | None = None) -> None:
    """Write a plan, readable by its owner alone. Secret values are in it as fingerprints only.

    Raises ``UserError`` if the program decides more during the deploy: such a plan would not say all.
    """
    if plan.undecided:
        raise UserError("this plan can't be saved: the program declares more resources during the deploy (sst.later)",
                        hint="deploy it without a saved plan")
    if backend.project.root in file.parents and not ("plan" in file.name and file.suffix == ".json"):
        raise UserError(f'a plan that lies in the project can\'t be named "{file.name}": bundles would hold it',
                        hint='give it a name like "plan.json" or "plan-prod.json", or another folder')
    write_private(file, json.dumps(plan_document(backend, plan, snapshot, choice=choice), indent=2) + "\n")


def plan_document(backend: Backend, plan: Plan, snapshot: Snapshot, *, choice: Choice | None = None) -> dict[str, Any]:
    """What ``bound`` compares with."""
    part = choice or Choice()
    return {"sst_plan": _VERSION, **_facts(backend, plan, snapshot), "target": list(part.target),
            "exclude": list(part.exclude), **plan_data(plan, key=_key(backend))}


def read_plan(file: Path) -> dict[str, Any]:
    """A saved plan. Raises ``UserError`` if the file is not one."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as e:
        raise UserError(f"the plan {file.name} can't be read: {getattr(e, 'strerror', None) or 'it is not UTF-8 text'}",
                        hint="sst diff -o plan.json makes one", code="plan-unreadable") from e
    except (ValueError, RecursionError) as e:
        why = "is nested too deeply" if isinstance(e, RecursionError) else f"is not JSON: {e}"
        raise UserError(f"{file.name} {why}", hint="sst diff -o plan.json makes a plan", code="plan-unreadable") from e
    parts: Mapping[str, type] = {"app": str, "stage": str, "account": str, "region": str, "lineage": str, "serial": int,
                                 "program": str,
                                 "artefacts": dict, "key": str, "target": list, "exclude": list, "undecided": bool,
                                 "steps": list}
    if not isinstance(data, dict) or "sst_plan" not in data:
        raise UserError(f"{file.name} is not a saved plan", hint="sst diff -o plan.json makes one",
                        code="plan-unreadable")
    if data["sst_plan"] != _VERSION:
        raise UserError(f"{file.name} was saved by another version of sst",
                        hint="make a new one: sst diff -o plan.json", code="plan-unreadable")
    if any(not isinstance(data.get(k), kind) for k, kind in parts.items()) or not _is_whole(data):
        raise UserError(f"the plan {file.name} was damaged or edited", hint="make a new one: sst diff -o plan.json",
                        code="plan-unreadable")
    return data


def _is_whole(data: Mapping[str, Any]) -> bool:
    """Whether the steps have the form that `save_plan` gives them, and all that may be shown of it is plain text."""
    steps = data["steps"]
    if not all(isinstance(s, dict) and isinstance(s.get("inputs") or {}, dict) for s in steps):
        return False
    shown = [*(data[k] for k in ("app", "stage", "account", "region", "lineage")), *data["target"], *data["exclude"],
             *data["artefacts"], *(s.get(k) for s in steps for k in ("op", "key", "name")),
             *(name for s in steps for name in s.get("inputs") or {})]
    return all(isinstance(x, str) and x.isprintable() for x in shown)


def bound(backend: Backend, saved: Mapping[str, Any]) -> Callable[[Plan, Snapshot], None]:
    """What looks at the plan that a deploy made over the state, before anything is done: it must be the saved one.

    Raises ``UserError`` naming everything that deviates.
    """
    p = backend.project
    for what, here in (("app", p.name), ("stage", p.stage)):
        if saved[what] != here:
            raise UserError(f'this plan is for {what} "{saved[what]}", not for "{here}"',
                            hint=f"pass --stage {saved['stage']}" if what == "stage" else "run it in its project",
                            code="wrong-plan")

    def agree(plan: Plan, snapshot: Snapshot) -> None:
        now = _facts(backend, plan, snapshot)
        if odd := list(_deviations(saved, now)):
            raise UserError("the saved plan is out of date; nothing was changed\n" + "\n".join(odd), hint=_AGAIN,
                            code="plan-stale")
        check(saved, plan, key=_key(backend))
        if saved["program"] != now["program"]:
            raise UserError("the saved plan is out of date; nothing was changed\nthe program has changed",
                            hint=_AGAIN, code="plan-stale")
    return agree


def _deviations(saved: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    words = {"account": "the account", "region": "the region", "lineage": "the state (its lineage)",
             "serial": "the state's serial"}
    odd = [f"{text} is {now[k]}; it was {saved[k]}" for k, text in words.items()
           # a stage gets its lineage with its first command
           if now[k] != saved[k] and not (k == "lineage" and not saved["serial"])]
    if saved["key"] != now["key"]:
        odd.append("the stage's key was rotated")
    then, here = saved["artefacts"], now["artefacts"]
    odd += [f"the code of {name} is another one" for name in sorted(then.keys() & here.keys())
            if then[name] != here[name]]
    return odd


def _facts(backend: Backend, plan: Plan, snapshot: Snapshot) -> dict[str, Any]:
    p = backend.project
    found = {} if p.is_local else backend.identify(snapshot, {s.type for s in plan.steps})
    return {"app": p.name, "stage": p.stage, "account": ", ".join(i["account"] for i in found.values()),
            "region": p.region,
            "lineage": str(snapshot.meta.get("lineage", "")) if snapshot.serial else "", "serial": snapshot.serial,
            "program": program_digest(plan, key=_key(backend)), "key": backend.stage.keys.current()[0],
            "artefacts": {name_of(s.urn).rpartition("/")[0]: str(s.inputs.get("fingerprint")) for s in plan.steps
                          if s.type == "local.Build" and s.goal}}


def _key(backend: Backend) -> bytes:
    return hmac.new(backend.stage.keys.current()[1], b"sst plan", hashlib.sha256).digest()
