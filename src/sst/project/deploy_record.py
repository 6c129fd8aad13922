"""What a deploy did, kept beside the state: who, from which commit, how long, and each step with its times.

One object a deploy, ``<app>/<stage>/deploys/<serial>``, in the home of the state. Written after the snapshot; where
that fails, the deploy has worked all the same and says so.
"""
from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

from ..core.model import Snapshot
from ..errors import SstError, StateError
from ..events import Event, Finished, Sink, StepDone, StepFailed, StepNote, StepSkipped, StepStarted, error_to_json
from ..state.holder import Who
from ..state.store import Store

__all__ = ["Recording", "critical_path", "read_record", "read_records"]

KEPT = 50
"""As many as versions of the state."""
_NOTES = 20
_FORMAT = 1


class Recording:
    """A sink that passes everything on, and remembers when it happened."""

    def __init__(self, sink: Sink, *, clock: Callable[[], float] = time.time) -> None:
        self._sink, self._clock, self._lock = sink, clock, Lock()
        self._began, self._finished = clock(), Finished({}, 0, 0, 0.0, {})
        self._steps: dict[str, dict[str, Any]] = {}

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._see(event, round(self._clock() - self._began, 4))
        self._sink(event)

    def _see(self, event: Event, at: float) -> None:
        match event:
            case StepStarted():
                self._steps[event.key] = {"key": event.key, "urn": event.urn, "name": event.name, "type": event.type,
                                          "op": str(event.op), "where": event.where, "start": at}
            case StepNote() if event.key in self._steps:
                notes = self._steps[event.key].setdefault("notes", [])
                if len(notes) < _NOTES and (not notes or notes[-1] != event.text):
                    notes.append(event.text)
            case StepDone() if event.key in self._steps:
                self._steps[event.key] |= {"end": at, "op": str(event.op)}
            case StepFailed() if event.key in self._steps:
                self._steps[event.key] |= {"end": at, "error": error_to_json(event.error)}
            case StepSkipped():
                self._steps[event.key] = {"key": event.key, "urn": event.urn, "name": event.name, "op": "skipped",
                                          "because": event.because}
            case Finished():
                self._finished = replace(event, outputs={})

    def save(self, store: Store, prefix: str, serial: int, *, command: str, who: Who, after: Snapshot, root: Path,
             environ: Mapping[str, str], redact: Callable[[str], str]) -> None:
        """Write the record, and delete old ones. Raises ``SstError``."""
        deps = {s.urn: s.deps for s in after.resources.values()}
        steps = [{**step, "deps": [d for d in deps.get(step["urn"], ()) if d in self._steps]}
                 for step in self._steps.values()]
        done = self._finished
        facts = {"format": _FORMAT, "serial": serial, "command": command, "began": self._began,
                 "seconds": round(self._clock() - self._began, 3), "user": who.user, "host": who.host, "ci": who.ci,
                 **_commit(root, environ), "counts": {str(op): n for op, n in done.done.items()},
                 "failed": done.failed, "skipped": done.skipped, "calls": done.calls, "steps": steps}
        text = redact(json.dumps(facts, separators=(",", ":")))
        with suppress(StateError):  # a former attempt wrote it
            store.put_new(f"{prefix}deploys/{serial:010}", gzip.compress(text.encode(), mtime=0))
        if len(old := store.list(f"{prefix}deploys/")) > KEPT:
            store.delete(*old[:-KEPT])


def read_record(store: Store, prefix: str, serial: int) -> dict[str, Any] | None:
    """None if that version was saved by a command that deploys nothing, or by an older version of sst."""
    stored = store.get(f"{prefix}deploys/{serial:010}")
    if stored is None:
        return None
    try:
        found = json.loads(gzip.decompress(stored.data))
    except (OSError, ValueError, EOFError) as error:
        raise StateError(f"the record of deploy {serial} is damaged: {error}",
                         hint="the state itself is not affected") from error
    return found if isinstance(found, dict) and found.get("format") == _FORMAT else None


def read_records(store: Store, prefix: str) -> dict[int, dict[str, Any]]:
    """Those that can be read, by serial, without their steps."""
    found: dict[int, dict[str, Any]] = {}
    for key in store.list(f"{prefix}deploys/"):
        serial = int(key.rpartition("/")[2])
        with suppress(SstError):
            if record := read_record(store, prefix, serial):
                found[serial] = {k: v for k, v in record.items() if k != "steps"}
    return found


def critical_path(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys of the steps that the deploy's length depends on, the first first: from the last that ended back to what
    each waited for longest."""
    timed = {str(s["urn"]): s for s in steps if "end" in s}
    if not timed:
        return []
    at: Mapping[str, Any] | None = max(timed.values(), key=lambda s: s["end"])
    path: list[str] = []
    while at is not None and at["key"] not in path:
        path.append(str(at["key"]))
        before = [timed[d] for d in at.get("deps", ()) if d in timed]
        at = max(before, key=lambda s: s["end"], default=None)
    return path[::-1]


def _commit(root: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """The commit, by git; in a CI run without a checkout, by its variables. Nothing if there is none."""
    import subprocess

    sha = environ.get("GITHUB_SHA") or environ.get("CI_COMMIT_SHA") or ""
    branch = environ.get("GITHUB_REF_NAME") or environ.get("CI_COMMIT_REF_NAME") or ""
    try:
        said = subprocess.run(["git", "status", "--porcelain=v2", "--branch", "--untracked-files=no"], cwd=root,
                              capture_output=True, text=True, timeout=5, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        said = []
    facts = dict(line[2:].split(" ", 1) for line in said if line.startswith("# "))
    sha = facts.get("branch.oid", sha)
    if not sha or sha == "(initial)":
        return {}
    return {"commit": sha, "branch": facts.get("branch.head", branch),
            "dirty": any(not line.startswith("#") for line in said)}
