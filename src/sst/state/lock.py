"""One lock a stage: a lease that its holder renews, that anyone may take over when it ran out, with a number that grows
each time.

The object is never deleted. Each change of it is a conditional write, so of any number of racers one wins; a holder
that was overtaken finds another version there and stops. What a paused holder might still write is refused by the
journal, see ``journal``.
"""
from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime

from ..errors import Fenced, Locked, SstError, StateError
from ..machine.clock import steady
from ..records import dataclass
from . import format
from .holder import Who, alive
from .store import Conflict, Store

__all__ = ["Held", "Lease", "Lock", "break_lock", "read_lock"]


@dataclass(frozen=True, slots=True)
class Lease:
    """Times in seconds. A holder stops before another one may start: ``renew`` < ``stop`` < ``expire``."""

    renew: float = 15
    """Between renewals."""
    stop: float = 45
    """Without a renewal for so long, the holder starts nothing more."""
    expire: float = 60
    """So long after the last renewal, by the store's clock, anyone may take over."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the lock says: who, doing what, since when, last renewed when (the store's clock, seconds since 1970)."""

    who: Who
    command: str
    since: float
    renewed: float
    epoch: int
    nonce: str

    def describe(self) -> str:
        run = f", {self.who.ci}" if self.who.ci else ""
        return (f"`sst {self.command}` by {self.who.user} on {self.who.host} (pid {self.who.pid}{run}), "
                f"since {_time(self.since)}, last renewed {_time(self.renewed)}")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


@dataclass(frozen=True, slots=True)
class _Found:
    """The lock as read. ``clean``: the last holder released it himself, so nothing of his can still arrive."""

    tag: str
    epoch: int
    held: Held | None
    clean: bool
    position: int
    """How far the journal goes at least: tells if its end is missing."""


def _find(store: Store, key: str) -> _Found | None:
    stored = store.get(key)
    if stored is None:
        return None
    try:
        head = format.decode(stored.data, key, "lock").header
    except format.Damaged as e:
        e.hint = "`sst unlock` rewrites it; make sure first that no other command works on this stage"
        raise
    held = head["held"]
    return _Found(stored.tag, head["epoch"], Held(**{**held, "who": Who(**held["who"])}) if held else None,
                  head["clean"],
                  head["position"])


def _data(epoch: int, held: Held | None, position: int, *, clean: bool) -> bytes:
    # The nonce makes each write unlike all others: a store tells by the bytes whether a write whose reply was lost is
    # there.
    return format.encode("lock", {"epoch": epoch, "held": asdict(held) if held else None, "clean": clean,
                                  "position": position, "nonce": secrets.token_hex(8)})


def read_lock(store: Store, key: str) -> Held | None:
    """Who holds the lock, if anybody does."""
    found = _find(store, key)
    return found.held if found else None


def break_lock(store: Store, key: str) -> Held | None:
    """Take the lock from whoever holds it, dead or alive; his next write is refused. Returns who it was."""
    while True:
        try:
            found = _find(store, key)
        except StateError:
            _break_damaged(store, key)
            return None
        if found is None or found.held is None:
            return None
        try:
            store.put_if(key, _data(found.epoch, None, found.position, clean=False), found.tag)
            return found.held
        except Conflict:
            continue


def _break_damaged(store: Store, key: str) -> None:
    if stored := store.get(key):
        # The true epoch is lost. The clock gives one that is surely higher.
        store.put_if(key, _data(int(store.now()), None, 0, clean=False), stored.tag)


class Lock:
    """The lock of one stage, as one command sees it.

        lock = Lock(store, "app/prod/lock", here("ann"))
        unclean = lock.acquire("deploy")     # raises Locked, naming the holder
        lock.check()                         # before each step; raises Fenced
        lock.release()

    If the store can't be reached its error goes through: no lock, no work.
    """

    def __init__(self, store: Store, key: str, who: Who, *, lease: Lease = Lease(),
                 clock: Callable[[], float] = steady) -> None:
        self._store, self._key, self._who, self._lease, self._steady = store, key, who, lease, clock
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._held: Held | None = None
        self._tag = ""
        self._renewed = 0.0
        self._lost = ""
        self._trouble = ""
        self.position = 0
        """How far the journal is known to go; kept in the lock."""

    @property
    def epoch(self) -> int:
        return self._held.epoch if self._held else 0

    def acquire(self, command: str) -> bool:
        """Take the lock; whether the one before us may have left something under way, so that the journal must be
        fenced."""
        for _ in range(100):
            found = _find(self._store, self._key)
            if found and found.held and not self._may_take(found):
                raise self._locked(found.held)
            begun, now = self._steady(), self._store.now()
            held = Held(self._who, command, now, now, found.epoch + 1 if found else 1, secrets.token_hex(8))
            self.position = found.position if found else 0
            data = _data(held.epoch, held, self.position, clean=False)
            try:
                self._tag = (self._store.put_if(self._key, data, found.tag) if found
                             else self._store.put_new(self._key, data))
            except Conflict:
                continue
            self._held, self._renewed = held, begun
            self._thread = threading.Thread(target=self._keep, name="sst-lease", daemon=True)
            self._thread.start()
            return found is not None and not (found.clean and found.held is None)
        raise Locked("other commands keep taking the lock", hint="try again later")

    def _may_take(self, found: _Found) -> bool:
        assert found.held
        living = alive(found.held.who)
        if living is False:
            return True
        if self._store.now() - found.held.renewed <= self._lease.expire:
            return False
        # A process on this machine lives and yet its lease ran out: it is paused, or our clock was set. Only if it
        # renews nothing for longer than it would, is it paused.
        return living is None or not self._renews(found.tag)

    def _renews(self, tag: str) -> bool:
        waited = threading.Event()
        end = self._steady() + 1.2 * self._lease.renew
        while self._steady() < end:
            waited.wait(min(0.5, self._lease.renew / 10))
            stored = self._store.get(self._key)
            if stored is None or stored.tag != tag:
                return True
        return False

    def _locked(self, held: Held) -> Locked:
        left = max(0, int(held.renewed + self._lease.expire - self._store.now()) + 1)
        return Locked(f"another command holds the lock of this stage: {held.describe()}",
                      hint=f"wait for it; if it has died, the lock can be taken over in {left} s, or now with `sst "
                           "unlock`")

    def _keep(self) -> None:
        wait = self._lease.renew
        while not self._ended.wait(wait):
            try:
                self.renew()
                wait = self._lease.renew
            except Fenced:
                return
            except Exception as e:
                self._trouble = str(e)
                wait = self._lease.renew / 5

    def renew(self) -> None:
        """Renew the lease now. Raises ``Fenced`` if the lock is no longer ours."""
        with self._writing:
            self._usable()
            held = self._held
            assert held
            begun = self._steady()
            held = Held(held.who, held.command, held.since, self._store.now(), held.epoch, held.nonce)
            try:
                self._put(_data(held.epoch, held, self.position, clean=False), held.nonce)
            except Conflict:
                self._lose()
            self._held, self._renewed, self._trouble = held, begun, ""

    def _put(self, data: bytes, nonce: str) -> None:
        try:
            self._tag = self._store.put_if(self._key, data, self._tag)
        except Conflict:
            # Perhaps an earlier write of ours arrived although its reply was lost.
            found = _find(self._store, self._key)
            if not (found and found.held and found.held.nonce == nonce):
                raise
            self._tag = self._store.put_if(self._key, data, found.tag)

    def _usable(self) -> None:
        if self._lost:
            raise Fenced(self._lost, hint=_FENCED)
        if self._held is None or self._ended.is_set():
            raise Fenced("the lock is not held", hint=_FENCED)

    def _lose(self) -> None:
        try:
            found = _find(self._store, self._key)
        except SstError:
            found = None
        if found and found.held:
            self._lost = f"the lock was taken over by {found.held.describe()}"
        elif found and found.epoch > self.epoch:
            self._lost = "another command took the lock over, and has finished since"
        else:
            self._lost = "the lock was broken by `sst unlock`"
        raise Fenced(self._lost, hint=_FENCED)

    def check(self) -> None:
        """Raise ``Fenced`` unless the lease was renewed less than ``stop`` seconds ago. Costs nothing while all is
        well."""
        self._usable()
        if self._steady() - self._renewed <= self._lease.stop:
            return
        # We slept or were cut off. If nobody came in between, the conditional write of a renewal proves it, and we go
        # on.
        try:
            self.renew()
        except Fenced:
            raise
        except SstError as e:
            self._trouble = str(e)
        if (age := self._steady() - self._renewed) > self._lease.stop:
            raise Fenced(f"the lock could not be renewed for {age:.0f} s: {self._trouble or 'the store is too slow'}",
                         hint=_FENCED)

    def release(self, *, clean: bool = True) -> bool:
        """Give the lock back if it is still ours; whether it was. ``clean`` is False if a write of ours may still
        arrive."""
        if self._held is None:
            return False
        self._ended.set()
        with self._writing:
            held, self._held = self._held, None
            try:
                if self._lost:
                    return False
                self._put(_data(held.epoch, None, self.position, clean=clean), held.nonce)
                return True
            except Conflict:
                return False
            finally:
                if self._thread and self._thread is not threading.current_thread():
                    self._thread.join(0.1)


_FENCED = "nothing more is written; what was done is in the state. Run the command again: it settles what was under way"

