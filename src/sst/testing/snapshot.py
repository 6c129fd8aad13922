"""A program's first plan as text that people read in a review and that tests compare."""
from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.resource import Resource
from ..engine.plan import Plan
from ..engine.plan_json import plan_data
from .program import LATER, SECRET, Program

__all__ = ["check", "text"]

_LINES = 80
_HOST = ("architecture", "python", "nodejs", "host")
"""What a build on stage ``local`` takes from this machine."""


def text(given: Program | Plan) -> str:
    """The changes as JSON, one resource after the other by name. Hashes of code and what is this machine's own are left
    out: the text is the same for the same program on any machine."""
    data = plan_data(given.plan if isinstance(given, Program) else given)
    steps = sorted((_step(s) for s in data["steps"]), key=lambda s: (s["name"], s["type"]))
    return json.dumps(steps, indent=2, ensure_ascii=False) + "\n"


def check(given: Program | Plan, file: Path, *, accept: bool) -> None:
    """Raise ``AssertionError`` with the difference unless the file holds this text; ``accept`` writes the file
    instead."""
    now = text(given)
    if accept:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(now, encoding="utf-8")
        return
    if not file.is_file():
        raise AssertionError(f"there is no {file.name} yet; write it with: pytest --sst-accept")
    then = file.read_text(encoding="utf-8")
    if then != now:
        lines = list(difflib.unified_diff(then.splitlines(), now.splitlines(), file.name, "now", lineterm="", n=4))
        more = f"\n... and {len(lines) - _LINES} lines more" if len(lines) > _LINES else ""
        raise AssertionError("the plan has changed; if that is right: pytest --sst-accept\n" + "\n".join(lines[:_LINES])
                             + more)


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    inputs = {k: _plain(v) for k, v in step.get("inputs", {}).items()}
    if step["type"] == "local.Build":
        source = inputs["source"]
        own = _HOST if source.get("host") else ()
        inputs = {"source": {k: v for k, v in source.items() if k not in own}}
    else:
        left_out = Resource.kinds[step["type"]].__sst_type__.of_host if step["type"] in Resource.kinds else ()
        inputs = {k: v for k, v in inputs.items() if k not in left_out}
    return {"name": step["name"], "type": step["type"], "op": step["op"], "inputs": inputs}


def _plain(value: Any) -> Any:
    match value:
        case {"$unknown": True}:
            return LATER
        case {"$secret": True}:
            return SECRET
        case Mapping():
            return {k: _plain(v) for k, v in value.items()}
        case list():
            return [_plain(v) for v in value]
    return value
