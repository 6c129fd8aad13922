"""The real ``sst``, ended by SIGKILL where it was told to: before or after one call of the cloud or one write of the
state.

It is the product's own code. What it stands on is handed in: a client and a store that count their calls.
"""
from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sst.cli.call import Call
from sst.cli.dispatch import run
from sst.clouds.aws.client import Aws
from sst.clouds.aws.cloud import AwsCloud
from sst.clouds.aws.service import Request, Service
from sst.clouds.registry import Clouds
from sst.embedded.cloud import Cloud
from sst.errors import Throttled
from sst.project.backend import Backend, LocalCloud
from sst.project.home import who
from sst.project.project import Project
from sst.state.home import StateHome
from sst.state.lock import Lease
from sst.state.session import Stage
from sst.state.store import Store, Stored

__all__ = ["Doom", "sst"]


@dataclass(frozen=True)
class Doom:
    """One run: its cloud, where it ends (``"sqs.create_queue#2 after"``), and the file that lists the boundaries it
    came by."""

    cloud: Mapping[str, Any]
    log: str
    kill: str = ""
    stop: str = ""
    """As ``kill``, but it only stops (SIGSTOP)."""
    lease: Sequence[float] = ()
    storm: float = 0
    """The share of all calls that is refused because they are too many."""
    seed: int = 0
    speed: float = 1
    """How much quicker time goes by for pauses between calls."""


@dataclass
class Gate:
    doom: Doom
    seen: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.log = os.open(self.doom.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def enter(self, what: str) -> str:
        with self.lock:
            self.seen[what] += 1
            label = f"{what}#{self.seen[what]}"
        self.reach(f"{label} before")
        return label

    def reach(self, boundary: str) -> None:
        os.write(self.log, f"{boundary}\n".encode())
        if boundary == self.doom.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        if boundary == self.doom.stop:
            os.kill(os.getpid(), signal.SIGSTOP)


class DoomedAws(Aws):
    gate: Gate
    dice: random.Random

    def _once(self, model: Service, operation: str, prepared: Request, *rest: Any) -> dict[str, Any]:
        label = self.gate.enter(f"{model.name}.{operation}")
        if self.dice.random() < self.gate.doom.storm:
            self.gate.reach(f"{label} refused")
            raise Throttled("Rate exceeded", code="TooManyRequestsException", operation=operation, status=400)
        self._skew = time.time() - self.clock()     # signatures bear the real time
        try:
            return super()._once(model, operation, prepared, *rest)
        finally:
            self.gate.reach(f"{label} after")


class DoomedStore:
    """A store whose writes are boundaries."""

    def __init__(self, store: Store, gate: Gate) -> None:
        self.store, self.gate, self.packed = store, gate, store.packed

    def _kind(self, key: str) -> str:
        return next(k for k in ("journal", "snapshot", "lock", "deploys", "") if k in key.split("/")[2:])

    def get(self, key: str) -> Stored | None:
        return self.store.get(key)

    def put_new(self, key: str, data: bytes) -> str:
        label = self.gate.enter(f"state {self._kind(key)}")
        tag = self.store.put_new(key, data)
        self.gate.reach(f"{label} after")
        return tag

    def put_if(self, key: str, data: bytes, tag: str) -> str:
        label = self.gate.enter(f"state {self._kind(key)}")
        new = self.store.put_if(key, data, tag)
        self.gate.reach(f"{label} after")
        return new

    def delete(self, *keys: str) -> None:
        label = self.gate.enter("state delete")
        self.store.delete(*keys)
        self.gate.reach(f"{label} after")

    def list(self, prefix: str) -> list[str]:
        return self.store.list(prefix)

    def now(self) -> float:
        return self.store.now()

    def close(self) -> None:
        self.store.close()


class DoomedCloud(AwsCloud):
    doom: Doom
    gate: Gate
    here: Callable[[], LocalCloud]

    def _opened(self, reference: str, given: Mapping[str, Any]) -> Aws:
        c = self.here()
        speed, began = self.doom.speed, time.time()
        aws = DoomedAws(region=given.get("region") or self.context.region, endpoint=c.endpoint,
                        credentials=(c.access_key, c.secret_key), environment={},
                        clock=lambda: began + (time.time() - began) * speed,
                        sleep=lambda seconds: time.sleep(seconds / speed))
        aws.gate, aws.dice = self.gate, random.Random(self.doom.seed)
        return aws


class DoomedBackend(Backend):
    doom: Doom
    gate: Gate

    def _open_clouds(self) -> Clouds:
        clouds = super()._open_clouds()
        clouds._aws = DoomedCloud(clouds.context, clouds.artefacts.file_of)
        # not `self.cloud`: the account is asked for on a thread, while this one holds the backend's lock
        clouds._aws.doom, clouds._aws.gate, clouds._aws.here = self.doom, self.gate, self.start
        return clouds

    def _open_home(self) -> StateHome:
        home = super()._open_home()
        if self.project.config.home == "local":     # in a bucket each write is a call
            home.store = DoomedStore(home.store, self.gate)
        return home

    @property
    def stage(self) -> Stage:
        lease = Lease(*self.doom.lease)
        found: Stage = self._once("stage", lambda: self.home.stage(self.project.stage, who(self.project.environ),
                                                                   lease=lease))
        return found


@dataclass
class DoomedCall(Call):
    doom: Doom | None = None

    def backend(self, project: Project, **_: Any) -> Backend:
        assert self.doom
        given: Mapping[str, Any] = self.doom.cloud
        cloud = Cloud(**{**given, "folder": Path(given["folder"])})

        def begin() -> LocalCloud:
            return cloud

        made = DoomedBackend(project, begin)
        made.doom, made.gate = self.doom, Gate(self.doom)
        return made


def sst(words: Sequence[str], doom: Doom) -> int:
    """``sst WORDS...`` in this process; its exit code, if it comes that far."""
    call = DoomedCall.here(words)
    assert isinstance(call, DoomedCall)
    return run(words, replace(call, doom=doom))
