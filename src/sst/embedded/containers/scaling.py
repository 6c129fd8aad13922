"""Scales services of ECS by their load: CPU and memory of their processes, and requests that the balancer gave them.

AWS looks at averages of minutes, and waits for three of them before it adds tasks and for fifteen before it takes some
away. Here it is seconds: what matters to a developer is that it happens, and where it ends.
"""
from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sst.embedded import tracking
from sst.embedded.containers.balancer import Balancer
from sst.embedded.containers.engine import TASK, Engine

__all__ = ["Scaled", "Scaler"]

_LOOK = 1.0
_OUT, _IN = 3.0, 10.0
"""Seconds for which a service needs more tasks, or fewer, before it gets them."""
_COOLDOWN = 10.0
"""At most so many seconds of a cooldown are waited."""


@dataclass(frozen=True)
class Scaled:
    """A service with a target and policies. ``cpu`` in vCPU and ``memory`` in MB of a task; cooldowns in seconds."""

    account: str
    region: str
    cluster: str
    name: str
    low: int
    high: int
    desired: int
    running: int
    cpu: float
    memory: float
    targets: Mapping[str, float]
    """By metric."""
    in_cooldown: float
    out_cooldown: float
    tasks: Collection[str]
    groups: Sequence[str]
    """ARNs of its target groups."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.account, self.region, self.cluster, self.name


@dataclass
class _Seen:
    """What is known of a service from one look to the next."""

    cpu: dict[str, float] = field(default_factory=dict)
    requests: int = 0
    at: float = field(default_factory=time.monotonic)
    more_since: float = 0.0
    fewer_since: float = 0.0
    changed: float = -math.inf


class Scaler:
    """``services`` gives those that are scaled; ``set_count`` changes how many tasks of one are wanted."""

    def __init__(self, engine: Engine, balancer: Balancer, services: Callable[[], Sequence[Scaled]],
                 set_count: Callable[[Scaled, int], None]) -> None:
        self._engine, self._balancer, self._services, self._set_count = engine, balancer, services, set_count
        self._seen: dict[tuple[str, str, str, str], _Seen] = {}

    async def run(self) -> None:
        """Look at the services for as long as the cloud runs."""
        while True:
            await asyncio.sleep(_LOOK)
            with tracking.reading():
                scaled = self._services()
            for service in scaled:
                if (count := await asyncio.to_thread(self._wanted, service)) is not None:
                    await asyncio.to_thread(self._set_count, service, count)
            for gone in self._seen.keys() - {s.key for s in scaled}:
                del self._seen[gone]

    def _wanted(self, service: Scaled) -> int | None:
        """The count that a service should have, if it is another one."""
        seen, now = self._seen.setdefault(service.key, _Seen()), time.monotonic()
        passed, seen.at = max(now - seen.at, 0.001), now
        usage = self._usage(service, seen, passed)
        running = max(1, service.running)
        wanted = max((math.ceil(running * usage[metric] / target)
                      for metric, target in service.targets.items() if metric in usage), default=service.low)
        wanted = min(service.high, max(service.low, wanted))
        seen.more_since = (seen.more_since or now) if wanted > service.desired else 0.0
        seen.fewer_since = (seen.fewer_since or now) if wanted < service.desired else 0.0
        waited = now - seen.changed
        if seen.more_since and now - seen.more_since >= _OUT and waited >= min(service.out_cooldown, _COOLDOWN):
            seen.changed = now
            return wanted
        if seen.fewer_since and now - seen.fewer_since >= _IN and waited >= min(service.in_cooldown, _COOLDOWN):
            seen.changed = now
            return wanted
        return None

    def _usage(self, service: Scaled, seen: _Seen, passed: float) -> Mapping[str, float]:
        """By metric of ECS: percent of what the tasks may use, and requests a minute and task."""
        found: dict[str, float] = {}
        containers = [c for c in self._engine.list() if c.labels[TASK] in service.tasks and c.status == "running"]
        if containers:
            cpu = {c.id: c.cpu_seconds() for c in containers}
            used = sum(now - seen.cpu.get(id, now) for id, now in cpu.items())
            seen.cpu = cpu
            tasks = len({c.labels[TASK] for c in containers})
            found["ECSServiceAverageCPUUtilization"] = 100 * used / passed / (service.cpu * tasks)
            memory = sum(c.memory_mb() for c in containers)
            found["ECSServiceAverageMemoryUtilization"] = 100 * memory / (service.memory * tasks)
        requests = sum(self._balancer.requests[arn] for arn in service.groups)
        rate, seen.requests = (requests - seen.requests) * 60 / passed, requests
        found["ALBRequestCountPerTarget"] = rate / max(1, service.running)
        return found


