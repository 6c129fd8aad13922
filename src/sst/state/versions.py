"""Snapshots and journal objects of a stage, as they lie in the store: find the newest good one, fold what came after,
prune."""
from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from typing import TypeVar

from ..core.model import Folding, Snapshot
from ..errors import StateError
from ..records import dataclass
from . import format
from .format import Damaged, Document
from .journal import journal_key, position_of
from .keys import KeyRing
from .records import Box, entries_of, snapshot_of, snapshot_records
from .restore import restored
from .store import Store, Stored

__all__ = ["Loaded", "Version", "Versions"]

K = TypeVar("K")
V = TypeVar("V")

_TOGETHER = 16
"""Objects that are read at once."""
_FENCES = 200
"""Take-overs that are remembered. A holder that was overtaken so long ago is long gone."""


@dataclass(frozen=True, slots=True)
class Version:
    """A snapshot in the history: when (the store's clock), by which command, how much it holds; or what is wrong with
    it."""

    serial: int
    time: float = 0.0
    command: str = ""
    resources: int = 0
    size: int = 0
    damage: str = ""


@dataclass(slots=True)
class Loaded:
    """What was read: the state so far, and where to go on."""

    folding: Folding
    lineage: str
    serial: int = 0
    saved_position: int = 0
    """Up to where the snapshot holds the journal."""
    position: int = 0
    """The last one that is taken."""
    fences: list[int] = field(default_factory=list)
    unsaved: bool = False
    """Whether the journal holds more than the snapshot."""


def _together(read: Callable[[K], V], wanted: Sequence[K]) -> list[V]:
    """``read`` of each, on threads if they are many."""
    if len(wanted) < 4:
        return [read(k) for k in wanted]
    from concurrent.futures import ThreadPoolExecutor  # slow to import; most commands read one snapshot and no journal

    with ThreadPoolExecutor(_TOGETHER) as pool:
        return list(pool.map(read, wanted))


class Versions:
    """Reads and writes the snapshots of one stage. Adds to ``warnings`` what it had to work around."""

    def __init__(self, store: Store, prefix: str, keys: KeyRing, warnings: list[str]) -> None:
        self._store, self._prefix, self._keys, self._warnings = store, prefix, keys, warnings

    def load(self) -> Loaded:
        """The newest good snapshot and the journal after it. Raises ``StateError`` naming what is damaged."""
        # Snapshots are listed first: one that is saved while we look only makes the journal longer than needed.
        serials = self.serials()
        positions = self._positions()
        damaged: Damaged | None = None
        for serial in reversed(serials):
            try:
                document = self._document(serial)
                loaded = self._base(document)
                break
            except Damaged as e:
                damaged = damaged or e
        else:
            if damaged and (not positions or positions[0] != 1):
                raise damaged
            loaded = Loaded(Folding(Snapshot()), "")
        try:
            self._replay(loaded, [p for p in positions if p > loaded.saved_position])
        except StateError as e:
            # With a damaged snapshot, that is the cause: name it and not the journal that can't replace it.
            raise (damaged or e) from e
        loaded.position = max(loaded.position, loaded.saved_position, *positions[-1:])
        if not loaded.lineage:
            loaded.lineage = secrets.token_hex(10)
        if damaged:
            loaded.unsaved = True
            loaded.serial = max(serials)
            warning = f"{damaged.message}; the version before it and the journal were used instead, nothing is missing"
            if warning not in self._warnings:
                self._warnings.append(warning)
        snapshot = loaded.folding.snapshot()
        if snapshot.meta.get("lineage") != loaded.lineage:
            loaded.folding.parts["meta"] = {**snapshot.meta, "lineage": loaded.lineage}
            loaded.folding.touch()
        return loaded

    def _base(self, document: Document) -> Loaded:
        head = document.header
        snapshot = snapshot_of(document, Box(self._keys, head["lineage"]))
        return Loaded(Folding(snapshot), head["lineage"], head["serial"], head["position"], head["position"],
                      list(head["fences"]))

    def _replay(self, loaded: Loaded, positions: Sequence[int]) -> None:
        documents = self._journal(loaded.saved_position, positions)
        for document in documents:
            head = document.header
            at = head["position"]
            if document.name != journal_key(self._prefix, at) or loaded.lineage not in ("", head["lineage"]):
                raise Damaged(document.name, 0, "it belongs to another state or another place")
            loaded.lineage = head["lineage"]
            loaded.position = at
            if head.get("fence") or head.get("restored"):
                loaded.fences = [*loaded.fences, at][-_FENCES:]
            if head.get("fence"):
                continue
            if serial := head.get("restored"):
                loaded.folding = Folding(restored(self.read(serial)[0], [loaded.folding.snapshot()]))
            box = Box(self._keys, head["lineage"])
            for entry in entries_of(document, box):
                loaded.folding.add(entry)
            loaded.unsaved = True

    def _journal(self, after: int, positions: Sequence[int]) -> Iterable[Document]:
        """The journal objects at those positions, which must have no gap."""
        keys = [journal_key(self._prefix, p) for p in positions]
        for expected, (position, key) in enumerate(zip(positions, keys, strict=True), after + 1):
            if position != expected:
                raise Damaged(journal_key(self._prefix, expected), 0, f"it is missing, and {key} is there")
        found = _together(self._store.get, keys)
        return [self._decode(key, stored, "journal") for key, stored in zip(keys, found, strict=True)]

    def read(self, serial: int) -> tuple[Snapshot, str]:
        """One version and its lineage."""
        if serial not in self.serials():
            raise StateError(f"there is no version {serial} of this state",
                             hint="`sst state history` lists the versions that are kept", code="unknown-name")
        document = self._document(serial)
        return snapshot_of(document, Box(self._keys, document.header["lineage"])), document.header["lineage"]

    def newer(self, serial: int) -> list[Snapshot]:
        """What is known beside that version: the present state. If it is damaged, the versions since that can be read,
        newest first; a warning says so."""
        try:
            return [self.load().folding.snapshot()]
        except StateError as e:
            self._warnings.append(f"{e.message}; what only the damaged part knew is in no state now: "
                                  "`sst orphans` finds it in the cloud")
        found = []
        for other in reversed(self.serials()):
            if other > serial:
                with contextlib.suppress(StateError):
                    found.append(self.read(other)[0])
        return found

    def version(self, serial: int) -> Snapshot:
        return self.read(serial)[0]

    def history(self) -> list[Version]:
        return _together(self._describe, self.serials()[::-1])

    def _describe(self, serial: int) -> Version:
        try:
            stored = self._store.get(self._key(serial))
            document = self._decode(self._key(serial), stored, "snapshot")
        except StateError as e:
            return Version(serial, damage=e.message)
        head = document.header
        resources = sum(r["part"] == "resources" for r in document.records)
        return Version(serial, head["time"], head["command"], resources, len(stored.data) if stored else 0)

    def write(self, snapshot: Snapshot, lineage: str, position: int, command: str, fences: Sequence[int]) -> None:
        """Create the snapshot of that serial. ``Conflict`` if there is one."""
        head = {"lineage": lineage, "serial": snapshot.serial, "position": position, "command": command,
                "fences": list(fences),
                "time": self._store.now(), "nonce": secrets.token_hex(8)}
        records = snapshot_records(snapshot, Box(self._keys, lineage))
        self._store.put_new(self._key(snapshot.serial),
                            format.encode("snapshot", head, records, packed=self._store.packed))

    def prune(self, upto: int, fences: Sequence[int], keep: int) -> None:
        """Delete journal objects that a snapshot before the newest holds, and all but the newest ``keep`` snapshots.

        Fences stay, so that the position a paused holder would write to is never free again.
        """
        kept = set(fences)
        old = [journal_key(self._prefix, p) for p in self._positions() if p <= upto and p not in kept]
        old += [self._key(s) for s in self.serials()[:-keep]]
        if old:
            self._store.delete(*old)

    def serials(self) -> list[int]:
        return [position_of(k) for k in self._store.list(f"{self._prefix}snapshot/")]

    def fences(self) -> list[int]:
        """The positions that must stay taken, as the newest readable snapshot knows them."""
        for serial in reversed(self.serials()):
            with contextlib.suppress(Damaged):
                return list(self._document(serial).header["fences"])
        return []

    def last_position(self) -> int:
        """The highest position that is taken."""
        positions, serials = self._positions(), self.serials()
        if positions:
            return positions[-1]
        return self._document(serials[-1]).header["position"] if serials else 0

    def _positions(self) -> list[int]:
        return [position_of(k) for k in self._store.list(f"{self._prefix}journal/")]

    def _key(self, serial: int) -> str:
        return f"{self._prefix}snapshot/{serial:010}"

    def _document(self, serial: int) -> Document:
        key = self._key(serial)
        document = self._decode(key, self._store.get(key), "snapshot")
        if document.header["serial"] != serial:
            raise Damaged(key, 0, f"it is version {document.header['serial']} under another name")
        return document

    def _decode(self, key: str, stored: Stored | None, kind: str) -> Document:
        if stored is None:
            raise Damaged(key, 0, "it is missing")
        return format.decode(stored.data, key, kind)
