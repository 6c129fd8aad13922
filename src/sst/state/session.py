"""The state of one stage: read it, lock it, write to it, save it.

    stage = Stage(store, "my-app", "prod", keys=keys, who=here("ann"))
    stage.load().resources                 # without the lock
    with stage.locked("deploy") as session:
        session.write(Entry("begin", urn, pending=todo))
        ...
        session.write(Entry("made", urn, state=made))
        session.save()

Objects, under ``<app>/<stage>/``: ``lock``; ``journal/<position>``; ``snapshot/<serial>``. A snapshot holds all up to a
position of the journal. The journal since the snapshot *before* the newest is kept, so that one damaged snapshot costs
nothing.
"""
from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ..core.model import Entry, Snapshot, State
from ..errors import InternalError, SstError, StateError
from ..machine.clock import steady
from ..records import dataclass
from .format import Damaged
from .holder import Who
from .journal import Journal, journal_key
from .keys import KeyRing, digest
from .lock import Held, Lease, Lock, break_lock, read_lock
from .records import Box, entry_record
from .redact import secrets_of
from .restore import restored
from .store import Conflict, Store
from .versions import Loaded, Version, Versions

__all__ = ["Session", "Stage", "Version"]

_PARTS = ("outputs", "links", "meta")


class Stage:
    """A stage's state, not locked.

    ``keep`` is how many snapshots are kept (default 50). ``lease`` and ``clock`` are the lock's times and the clock
    they are measured with. ``warnings`` says what was found and mended on the way.
    """

    def __init__(self, store: Store, app: str, stage: str, *, keys: KeyRing, who: Who, lease: Lease = Lease(),
                 keep: int = 50,
                 clock: Callable[[], float] = steady) -> None:
        self.store, self.app, self.name, self.keys, self.who = store, app, stage, keys, who
        self.prefix = f"{app}/{stage}/"
        self.warnings: list[str] = []
        self._lease, self._keep, self._clock = lease, keep, clock
        self._versions = Versions(store, self.prefix, keys, self.warnings)

    @property
    def lock_key(self) -> str:
        return f"{self.prefix}lock"

    def load(self) -> Snapshot:
        """The last good snapshot with the journal since. Operations that never ended stay visible in ``pending``.

        If the newest snapshot is damaged the one before it and a longer part of the journal give the same, and
        ``warnings`` says so. Raises ``StateError`` naming the object and offset if that can't be done. An unused stage
        gives an empty snapshot.
        """
        try:
            loaded = self._versions.load()
        except StateError:
            loaded = self._versions.load()  # a command that saved meanwhile may have pruned what we were about to read
        return replace(loaded.folding.snapshot(), serial=loaded.serial)

    def history(self) -> list[Version]:
        """The snapshots that are kept, newest first; damaged ones are listed with what is wrong."""
        return self._versions.history()

    def version(self, serial: int) -> Snapshot:
        """One former snapshot. Raises ``StateError`` if it is not kept or is damaged."""
        return self._versions.version(serial)

    def restore(self, serial: int, *, command: str = "state restore") -> Snapshot:
        """Make a former snapshot the newest one, under the lock. Works too when what came after it is damaged.

        Only the state changes. What newer versions know besides is kept, and the next deploy reads everything before it
        changes anything, see ``restore.restored``.
        """
        lock = Lock(self.store, self.lock_key, self.who, lease=self._lease, clock=self._clock)
        lock.acquire(command)
        try:
            before, lineage = self._versions.read(serial)
            header = {"lineage": lineage, "epoch": lock.epoch, "restored": serial}
            while True:
                journal = Journal(self.store, self.prefix, header, self._versions.last_position(), taken=_ignore,
                                  check=lock.check)
                newer = self._versions.newer(serial)
                lock.renew()
                if journal.mark({}):
                    break
            snapshot = replace(restored(before, newer), serial=max(self._versions.serials()) + 1)
            self._versions.write(snapshot, lineage, journal.position, command,
                                 [*self._versions.fences(), journal.position])
            return snapshot
        finally:
            lock.release()

    def holder(self) -> Held | None:
        """Who holds the lock now."""
        return read_lock(self.store, self.lock_key)

    def unlock(self) -> Held | None:
        """Break the lock; who held it. The former holder's next write is refused."""
        return break_lock(self.store, self.lock_key)

    @contextlib.contextmanager
    def locked(self, command: str) -> Iterator[Session]:
        """Hold the lock during the block. Raises ``Locked`` at once, naming the holder, if somebody else has it.

        The session is not saved by itself: what was written is durable in the journal, and the next command folds it.
        """
        lock = Lock(self.store, self.lock_key, self.who, lease=self._lease, clock=self._clock)
        unclean = lock.acquire(command)
        session: Session | None = None
        try:
            loaded = self._fenced(lock) if unclean else self._versions.load()
            if loaded.position < lock.position:
                raise Damaged(journal_key(self.prefix, lock.position), 0, "it is missing")
            lock.position = loaded.position
            session = Session(self, self._versions, loaded, lock, command, keep=self._keep)
            yield session
        finally:
            clean = session.close(lock) if session else not unclean
            try:
                lock.release(clean=clean)
            except SstError as e:
                self.warnings.append("the lock could not be released and runs out by itself in "
                                     f"{self._lease.expire:.0f} s: {e}")

    def _fenced(self, lock: Lock) -> Loaded:
        """Occupy the next position of the journal, so that whoever held the lock before can write no more; then
        read."""
        while True:
            # Lineage and position must come from one reading: till the fence stands, the former holder may still write
            # its first.
            loaded = self._versions.load()
            header = {"lineage": loaded.lineage, "epoch": lock.epoch, "fence": True}
            journal = Journal(self.store, self.prefix, header, loaded.position, taken=_ignore, check=lock.check)
            lock.renew()
            if journal.mark({}):
                return self._versions.load()


def _ignore(entries: Sequence[Entry]) -> None:
    pass


@dataclass(frozen=True, slots=True)
class _Saved:
    """The newest snapshot: its serial and the position of the journal up to which it holds all."""

    serial: int
    position: int


class Session:
    """The state while the lock is held. All methods may be called from any thread."""

    def __init__(self, stage: Stage, versions: Versions, loaded: Loaded, lock: Lock, command: str, *,
                 keep: int) -> None:
        self.warnings = stage.warnings
        self.lineage = loaded.lineage
        """Random id of this state since its first command; never changes."""
        self._keys, self._versions, self._lock, self._keep = stage.keys, versions, lock, keep
        self.command = command
        """Stands in the history beside what this session saves."""
        self._box = Box(stage.keys, loaded.lineage)
        self._box.learn(secrets_of(loaded.folding.snapshot()))
        self._folding = loaded.folding
        self._guard = threading.Lock()
        self._saved = _Saved(loaded.serial, loaded.saved_position)
        self._fences = loaded.fences
        self._unsaved = loaded.unsaved
        self._taken = 0
        self._journal = Journal(stage.store, stage.prefix, {"lineage": loaded.lineage, "epoch": lock.epoch},
                                loaded.position,
                                taken=self._take, check=self._prove)
        self._proved = False

    def _prove(self) -> None:
        """Before the first write, show by a conditional write that nobody took over since the position was read;
        then check."""
        if self._proved:
            self._lock.check()
        else:
            self._lock.renew()
            self._proved = True

    @property
    def snapshot(self) -> Snapshot:
        """All that is known now. Each reading after a change copies it, so don't read it once a resource."""
        with self._guard:
            return replace(self._folding.snapshot(), serial=self._saved.serial)

    def find(self, key: str) -> State | None:
        """The live resource of this urn, or the deposed one of this ``urn#id``; costs no copy."""
        with self._guard:
            return self._folding.resources.get(key) or self._folding.deposed.get(key)

    @property
    def epoch(self) -> int:
        """The lock's number: grows with each holder."""
        return self._lock.epoch

    def check(self) -> None:
        """Raise ``Fenced`` unless the lock is surely still ours. Call it before each change in the cloud."""
        self._lock.check()

    def digest(self, text: str) -> str:
        """A fingerprint of a secret for plans: tells whether it changed, and nothing else."""
        return digest(self._keys, text)

    def write(self, *entries: Entry, wait: bool = True) -> None:
        """Record entries in this order, in one write; on return they are durable and in ``snapshot``.

        With ``wait=False`` they are in ``snapshot`` at once, and durable before any later entry, at ``save`` or at the
        end of the session. Threads that write at the same time share a write to the store. Raises ``Fenced`` if the
        lock was taken over, the store's error if it refuses, ``InternalError`` for a value that JSON can't hold. After
        an error nothing more can be written.
        """
        todo = [e for e in map(self._with_lineage, entries) if not self._known(e)]
        self._journal.append(todo, [entry_record(e, self._box) for e in todo], wait=wait)

    def _with_lineage(self, entry: Entry) -> Entry:
        return replace(entry, data={**(entry.data or {}), "lineage": self.lineage}) if entry.kind == "meta" else entry

    def _known(self, entry: Entry) -> bool:
        """Whether it would write down once more what is there: that would make a new version of the state without a
        change."""
        if entry.kind not in _PARTS:
            return False
        with self._guard:
            return bool((entry.data or {}) == self._folding.part(entry.kind))

    def _take(self, entries: Sequence[Entry]) -> None:
        with self._guard:
            for entry in entries:
                self._folding.add(entry)
            self._unsaved = True
            self._taken += len(entries)

    def save(self, *, force: bool = False) -> int:
        """Fold the journal into a new snapshot if anything was written since the last; its serial.

        The former ones are kept. Raises ``InternalError`` if the state contradicts itself: then nothing is lost, the
        journal has it. ``force`` saves without a change (after the keys were rotated).
        """
        if not (self._unsaved or force):
            return self._saved.serial
        snapshot, position, taken = self._journal.settled(lambda: (self.snapshot, self._journal.position, self._taken))
        try:
            snapshot.verify()
        except ValueError as e:
            raise InternalError(f"the state would be inconsistent: {e}",
                                hint="nothing is lost: all of it is in the journal. Please report this") from e
        self._lock.renew()  # not check(): this proves by a conditional write that nobody took over
        serial = self._put(snapshot, position)
        before, self._saved = self._saved, _Saved(serial, position)
        with self._guard:
            self._unsaved = self._taken != taken
        try:
            self._versions.prune(before.position, self._fences, self._keep)
        except SstError as e:
            self.warnings.append(f"old state objects could not be deleted; the next save tries again: {e}")
        return serial

    def _put(self, snapshot: Snapshot, position: int) -> int:
        serial = self._saved.serial
        while True:
            serial += 1
            try:
                self._versions.write(replace(snapshot, serial=serial), self.lineage, position, self.command,
                                     self._fences)
                return serial
            except Conflict:
                # A holder that we overtook saved what it had written till then: true, but older than ours. Or we were
                # overtaken.
                self._lock.renew()

    def close(self, lock: Lock) -> bool:
        """End writing and tell the lock how far the journal goes; whether all that was begun to be written has
        surely ended."""
        try:
            self._journal.close()
        except SstError as e:
            self.warnings.append(f"the end of this command could not be recorded; the next one settles it: {e}")
        lock.position = self._journal.position
        return not self._journal.broken
