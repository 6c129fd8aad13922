"""Versions of a stage's state: what changed from one to another, and a good one again where one is damaged."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..core.model import Snapshot, State, name_of
from ..state.format import Damaged
from .backend import Backend
from .run import SECRET, hide_secrets

__all__ = ["Repaired", "compare", "repair"]


def compare(backend: Backend, a: int, b: int | None, *,
            hide: Callable[[Any], None] = lambda value: None) -> list[dict[str, Any]]:
    """What is otherwise in version ``b`` (None: now) than in ``a``; secret values are masked.

    Raises ``StateError`` for a version that is not kept or is damaged.
    """
    stage = backend.stage
    old = stage.version(a) if a else Snapshot()
    new = stage.load() if b is None else stage.version(b) if b else Snapshot()
    hide_secrets(old, hide)
    hide_secrets(new, hide)
    found = list(_resources(old.resources, new.resources))
    outputs = _values(old.outputs, new.outputs, frozenset())
    return [*found, *([{"op": "update", "name": "outputs", "type": "", "changes": outputs}] if outputs else [])]


def _resources(old: Mapping[str, State], new: Mapping[str, State]) -> Iterator[dict[str, Any]]:
    for urn in sorted({*old, *new}, key=name_of):
        was, now = old.get(urn), new.get(urn)
        kind = (now or was)
        assert kind
        made: dict[str, Any] = {"name": name_of(urn), "type": kind.type, "urn": urn}
        if was is None or now is None:
            yield {"op": "create" if was is None else "delete", **made, "id": kind.id}
            continue
        changes = _values(_all(was), _all(now), frozenset({*was.secret, *now.secret}))
        if changes:
            yield {"op": "replace" if was.id != now.id else "update", **made, "changes": changes}


def _all(s: State) -> dict[str, Any]:
    flags = {k: v for k in ("protect", "retain", "retained", "unsure") if (v := getattr(s, k))}
    return {"id": s.id, **s.outputs, **s.inputs, **flags}


def _values(old: Mapping[str, Any], new: Mapping[str, Any], secret: frozenset[str]) -> dict[str, dict[str, Any]]:
    def sides(k: str) -> dict[str, Any]:
        return {side: SECRET if k in secret else values[k] for side,
                values in (("old", old), ("new", new)) if k in values}

    return {k: sides(k) for k in sorted({*old, *new}) if old.get(k) != new.get(k) or (k in old) != (k in new)}


@dataclass(frozen=True, slots=True)
class Repaired:
    """``serial`` of the version that was written, 0 if none was needed; ``used``: what it was made from and why;
    ``damaged``: older versions that can't be read."""

    serial: int
    used: tuple[str, ...]
    damaged: tuple[str, ...]


def repair(backend: Backend, *, drop_secrets: bool = False) -> Repaired:
    """Read every object of the stage. If the newest version is damaged, write one that the former and the journal give.

    ``drop_secrets``: if the values of ``sst secret set`` can't be read, start without them. Raises ``StateError``
    naming the object and the offset where something can't be repaired; nothing is written then.
    """
    stage = backend.stage
    if drop_secrets:
        backend.secrets.drop_damaged()
        backend.secrets.drop_damaged(fallback=True)
    try:
        backend.secrets.get_all()
    except Damaged as e:
        e.hint = "put back a copy; or start without those secrets, and set them again: sst state repair --drop-secrets"
        raise
    stage.holder()
    snapshot = stage.load()
    used = tuple(stage.warnings)
    serial = 0
    if used:
        with stage.locked("state repair") as session:
            serial = session.save()
    damaged = tuple(f"version {v.serial} is damaged: {v.damage}" for v in stage.history() if v.damage
                    and v.serial != snapshot.serial)
    return Repaired(serial, used, damaged)
