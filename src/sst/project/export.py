"""A stage's state as JSON-able data, for people and other tools."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..core.model import Operation, Snapshot, State

__all__ = ["exported"]

MASK = "(secret)"


def exported(snapshot: Snapshot, *, secrets: bool = False) -> dict[str, Any]:
    """Everything in the snapshot; secret values masked unless ``secrets``."""
    return {
        "serial": snapshot.serial, "meta": dict(snapshot.meta), "outputs": dict(snapshot.outputs),
        "links": dict(snapshot.links),
        "resources": [_record(s, secrets) for s in snapshot.resources.values()],
        "deposed": [_record(s, secrets) for s in snapshot.deposed.values()],
        "pending": [_record(p, secrets) for p in snapshot.pending.values()],
    }


def _record(item: State | Operation, secrets: bool) -> dict[str, Any]:
    made = {k: _plain(v) for k, v in asdict(item).items()}
    if not secrets:
        for part in ("inputs", "outputs"):
            if part in made:
                made[part] = {k: MASK if k in item.secret else v for k, v in made[part].items()}
    return {k: v for k, v in made.items() if v not in (None, "", [], {}, False)}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(v) for v in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
