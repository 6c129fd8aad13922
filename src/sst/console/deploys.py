"""The versions of a stage: what made each, what changed between two, and what is under way."""
from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ..core.model import name_of
from ..project.deploy_record import critical_path, read_record, read_records
from ..project.versions import compare
from ..state.holder import alive
from .server import NotThere
from .source import Source

__all__ = ["Deploys"]

Query = Mapping[str, str]
_SILENT_SECONDS = 90
"""After so long without a renewal of its lock, a command on another machine counts as cut off."""


class Deploys:
    """Each method is a route."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def versions(self, query: Query) -> list[dict[str, Any]]:
        stage = self._source.backend.stage
        records = read_records(stage.store, stage.prefix)
        return [{"serial": v.serial, "time": v.time, "command": v.command, "resources": v.resources,
                 "damage": v.damage, "deploy": records.get(v.serial)} for v in stage.history()]

    def one(self, serial: str, query: Query) -> dict[str, Any]:
        stage, number = self._source.backend.stage, _number(serial)
        found = read_record(stage.store, stage.prefix, number)
        if found is None:  # saved by a command that deploys nothing, or by an older version of sst
            return {"serial": number, "recorded": False}
        return {**found, "recorded": True, "critical": critical_path(found["steps"])}

    def compared(self, serial: str, query: Query) -> list[dict[str, Any]]:
        """What is otherwise in the state as it is now; with ``to``, in that version."""
        to = query.get("to", "")
        shown: list[dict[str, Any]] = self._source.hidden(compare(
            self._source.backend, _number(serial), _number(to) if to else None, hide=self._source.redactor.add))
        return shown

    def under_way(self, query: Query) -> dict[str, Any]:
        """The command that holds the stage's lock, and operations that have begun and not ended. One that was cut off
        holds the lock until the next command takes it; its operations stay until the next deploy has looked at them."""
        held, pending = self._source.backend.stage.holder(), self._source.seen().snapshot.pending
        runs = False
        if held:
            lives = alive(held.who)
            runs = time.time() - held.renewed < _SILENT_SECONDS if lives is None else lives
        return {"runs": runs, "command": held.command if held else "", "since": held.since if held else 0,
                "user": held.who.user if held else "", "host": held.who.host if held else "",
                "pid": held.who.pid if held else 0, "ci": held.who.ci if held else "",
                "steps": [{"name": name_of(p.urn), "type": p.type, "op": str(p.op), "where": p.where}
                          for p in pending.values()]}


def _number(text: str) -> int:
    if not text.isdigit():
        raise NotThere(f"there is no version {text}")
    return int(text)
