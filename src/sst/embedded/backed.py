"""Records of the emulator that have a local service behind them: what databases, caches and search engines share.

A record says that it is being made until its service answers, and that it failed if none does. The calls of the
emulator that make, change and delete records are corrected by the patches, each with a subclass of `Records`.
"""
from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar

from sst.embedded import emulator
from sst.embedded.backing import Backing
from sst.embedded.services import LocalService
from sst.errors import SstError

__all__ = ["How", "Record", "Records"]

_log = logging.getLogger("sst.services")
Record = dict[str, Any]
How = Callable[[LocalService], int]
"""Starts a service, or starts it again, and gives its port."""


class Records(ABC):
    """The records of one kind."""

    id: ClassVar[str]
    """The property that identifies a record in its account and region."""
    arn: ClassVar[str] = "ARN"
    """The property with its ARN."""
    state: ClassVar[str] = "Status"
    """The property that says whether it is available. It changes last: who sees it sees all the rest."""

    def __init__(self) -> None:
        self._backing: Backing | None = None

    @abstractmethod
    def stored(self) -> Any:
        """The emulator's own mapping of them, which is one for each account and region."""

    @abstractmethod
    def kind(self, record: Record) -> str:
        """The first part of the service's name."""

    @abstractmethod
    def run(self, record: Record, how: How) -> Record:
        """Have the service run; what the record says from then on. Raises `SstError` and `OSError`."""

    @abstractmethod
    def failed(self, record: Record, reason: str) -> Record:
        """What the record says if the service does not run."""

    def has_service(self, record: Record) -> bool:
        """Whether it has a service of its own."""
        return True

    def follow(self, record: Record) -> None:  # noqa: B027 - most have nothing else
        """Update what else shows where the service is."""

    @property
    def backing(self) -> Backing:
        assert self._backing, "attach() comes before the first call"
        return self._backing

    def attach(self, backing: Backing) -> None:
        """Start services with ``backing`` from now on."""
        self._backing = backing

    def names(self) -> frozenset[str]:
        """The services that the records need."""
        return frozenset(self.name(record) for _, record in self._all())

    def resume(self) -> None:
        """Start what records of the last run need; returns when all of it answers or has failed."""
        threads = []
        for (account, region, _), record in self._all():
            with emulator.scope_of(account, region):
                threads.append(self.start(record))
        for thread in threads:
            thread.join()

    def with_arn(self, arn: str) -> Record:
        """The record with this ARN, in whatever account and region; an empty one if there is none."""
        return next((record for _, record in self._all() if record[self.arn] == arn), {})

    def name(self, record: Record) -> str:
        """Of the service; in another region than the app's it has the region in it."""
        region = record[self.arn].split(":")[3]
        return f"{self.kind(record)}/{'' if region == self.backing.region else f'{region}_'}{record[self.id]}"

    def start(self, record: Record) -> threading.Thread:
        return self.backing.later(partial(self._work, record, self.backing.start), self.name(record))

    def restart(self, record: Record) -> threading.Thread:
        """With another password or other parameters, over the same data."""
        return self.backing.later(partial(self._work, record, self.backing.restart), self.name(record))

    def restarted(self, records: Sequence[Record]) -> None:
        """Restart them, and wait until they answer: who changed their parameters waits for nothing else."""
        for record in records:
            record[self.state] = "modifying"
        for thread in [self.restart(record) for record in records]:
            thread.join()

    def remove(self, record: Record) -> None:
        """End the service and delete its data."""
        self.backing.remove(self.name(record))
        self.backing.unveil(self.name(record))

    def _work(self, record: Record, how: How) -> None:
        id, runs = record[self.id], True
        try:
            said = self.run(record, how)
        except (SstError, OSError) as error:
            _log.error("%s: %s", id, error)
            said, runs = self.failed(record, str(getattr(error, "message", error))), False
        if self.stored().get(id) is not record:     # deleted meanwhile
            self.remove(record)
            return
        record.update({k: v for k, v in said.items() if k != self.state})
        if runs:
            self.follow(record)
        record.update(said)
        self.stored()[id] = record      # noted once more, now that it is changed

    def _all(self) -> Iterator[tuple[tuple[str, str, str], Record]]:
        for key, record in list(self.stored()._data.items()):
            if self.has_service(record):
                yield key, record
