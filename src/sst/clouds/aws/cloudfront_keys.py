"""Changes of a CloudFront key value store: each is one atomic update for which nobody else's was lost.

A store has one ETag for all of its keys, so two deploys that change it at once collide: who comes second reads again
what it builds on. Changes that wait for the same store at the same time go into one update.
"""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from ...errors import ProviderError
from ...records import dataclass
from .cloudfront_pages import MARK, split_value

if TYPE_CHECKING:
    from .client import Aws

__all__ = ["Build", "Changes", "Keys", "Stores"]

SERVICE = "cloudfront-keyvaluestore"
BATCH = 50
"""Keys of an update. https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html"""
PATIENCE = 120.0
"""Seconds for which a change that collides is tried again."""
TRIES = 20
"""Of reading a long value while others change it."""


class Torn(Exception):
    """What was read are parts of two updates."""


@dataclass
class Changes:
    """What one update puts and deletes. ``read`` gives a value as it will be, a long one put together."""

    there: Callable[[str], str | None]
    puts: dict[str, str] = field(default_factory=dict)
    deletes: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.puts) + len(self.deletes)

    def get(self, key: str) -> str | None:
        """A short value."""
        if key in self.puts:
            return self.puts[key]
        return None if key in self.deletes else self.there(key)

    def read(self, key: str) -> str | None:
        """A value of any length. Raises ``Torn``."""
        first = self.get(key)
        if first is None or first[:1] != "+":
            return first
        parts = [first[3:], *(self.get(f"{key}#{i}") or "" for i in range(1, int(first[1:3], 36)))]
        if len({part[:MARK] for part in parts}) > 1:
            raise Torn
        return "".join(part[MARK:] for part in parts)

    def write(self, key: str, value: str | None) -> None:
        """Put a value of any length; None deletes it."""
        first = self.get(key)
        old = {key, *(f"{key}#{i}" for i in range(1, int(first[1:3], 36)))} if first and first[0] == "+" else {
            key} if first is not None else set()
        new = split_value(key, value) if value is not None else {}
        self.puts = {k: v for k, v in self.puts.items() if k not in old} | new
        self.deletes = (self.deletes | old) - new.keys()


Build: TypeAlias = Callable[[Changes], None]
"""Adds one change to an update; called again where the store was changed meanwhile."""


class Keys:
    """The keys of one store."""

    def __init__(self, aws: Aws, arn: str, guard: Callable[[], None] | None) -> None:
        self.aws, self.arn, self.guard = aws, arn, guard
        self._turn, self._waiting = Lock(), deque[_Waiting]()

    def get(self, key: str) -> str | None:
        try:
            return str(self.aws.call(SERVICE, "get_key", {"KvsARN": self.arn, "Key": key})["Value"])
        except ProviderError as e:
            if e.code != "ResourceNotFoundException":
                raise
            return None

    def read(self, key: str) -> str | None:
        """A value of any length."""
        for _ in range(TRIES):
            try:
                return Changes(self.get).read(key)
            except Torn:
                self.aws.sleep(0.1)
        raise ProviderError(f"the parts of {key} do not fit together", code="Torn", sent=False)

    def change(self, build: Build) -> None:
        """Make a change, together with those that others have asked for meanwhile. Raises ``ProviderError``."""
        mine = _Waiting(build)
        self._waiting.append(mine)
        with self._turn:
            if not mine.done:
                self._together([self._waiting.popleft() for _ in range(len(self._waiting))])
        if mine.error:
            raise mine.error

    def _together(self, batch: Sequence[_Waiting]) -> None:
        import random

        began, turn = self.aws.clock(), 0
        try:
            while not self._tried(batch):
                turn += 1
                if self.aws.clock() - began > PATIENCE:
                    raise ProviderError("others change the key value store all the time", code="ConflictException",
                                        operation=f"{SERVICE} update_keys", status=409)
                self.aws.sleep(random.uniform(0.05, min(0.1 * 2 ** turn, 2)))
        except ProviderError as e:
            for waiting in batch:
                waiting.error = waiting.error or e
        finally:
            for waiting in batch:
                waiting.done = True

    def _tried(self, batch: Sequence[_Waiting]) -> bool:
        """False if somebody else changed the store meanwhile. A change that fits into one update is never spread over
        two."""
        etag: str | None = self.aws.call(SERVICE, "describe_key_value_store", {"KvsARN": self.arn})["ETag"]
        known: dict[str, str | None] = {}

        def there(key: str) -> str | None:
            if key not in known:
                known[key] = self.get(key)
            return known[key]

        changes = Changes(there)
        try:
            for waiting in batch:
                more = waiting.added(changes)
                if len(more) > BATCH and len(changes):
                    if (etag := self._sent(changes, etag)) is None:
                        return False
                    known |= {**changes.puts, **dict.fromkeys(changes.deletes)}
                    more = waiting.added(Changes(there))
                changes = more
        except Torn:
            return False
        return self._sent(changes, etag) is not None

    def _sent(self, changes: Changes, etag: str | None) -> str | None:
        """The store's new ETag, or None if it was not the one that it had."""
        work: list[tuple[str, str | None]] = [*changes.puts.items(), *((k, None) for k in sorted(changes.deletes))]
        for i in range(0, len(work), BATCH):
            if etag is not None:
                etag = self._update(dict(work[i:i + BATCH]), etag)
        return etag

    def _update(self, work: Mapping[str, str | None], etag: str) -> str | None:
        params = {"Puts": [{"Key": k, "Value": v} for k, v in work.items() if v is not None],
                  "Deletes": [{"Key": k} for k, v in work.items() if v is None]}
        try:
            answer = self.aws.call(SERVICE, "update_keys", {"KvsARN": self.arn, "IfMatch": etag, **{
                k: v for k, v in params.items() if v}}, guard=self.guard, idempotent=True)
        except ProviderError as e:
            if e.code == "ConflictException" or "pre-condition" in e.message.lower():
                return None
            raise
        return str(answer["ETag"])


@dataclass
class _Waiting:
    build: Build
    done: bool = False
    error: ProviderError | None = None

    def added(self, changes: Changes) -> Changes:
        """The changes with this one; without it if it is refused."""
        more = Changes(changes.there, dict(changes.puts), set(changes.deletes))
        try:
            self.error = None
            self.build(more)
        except ProviderError as e:
            self.error = e
            return changes
        return more


class Stores:
    """One ``Keys`` for each store, so that changes of one deploy meet. ``open`` gives the client."""

    def __init__(self, open: Callable[[], Aws], guard: Callable[[], None] | None) -> None:
        self._open, self._guard = open, guard
        self._keys: dict[str, Keys] = {}
        self._lock = Lock()

    def keys(self, arn: str) -> Keys:
        with self._lock:
            if arn not in self._keys:
                self._keys[arn] = Keys(self._open(), arn, self._guard)
            return self._keys[arn]
