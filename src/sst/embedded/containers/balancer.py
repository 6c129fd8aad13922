"""Finds out which tasks of a target group can take requests, and gives each request to one that can.

A new task gets requests once its health check has passed, one that fails it no more; where nothing listens, another
one is tried. Checks run every five seconds here, whatever the interval of the target group, and one success counts.
"""
from __future__ import annotations

import asyncio
import http.client
import logging
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from sst.embedded import emulator, tracking
from sst.embedded.containers.engine import Engine

__all__ = ["SOCKET", "Balancer"]

_log = logging.getLogger("sst.balancer")
_FIRST, _LATER = 0.1, 5.0
"""Seconds between checks of a task that is not healthy yet, and of one that is."""
_WAIT = 20.0
"""A request waits so long for a healthy task, while one is starting."""
_DRAIN = 5.0
SOCKET: ContextVar[bool] = ContextVar("socket", default=False)
"""Whether a WebSocket is opened: the answer is then 101 and the port of a target."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass
class _Target:
    healthy: bool = False
    failures: int = 0
    due: float = 0.0
    why: str = ""
    """What the last check that failed found."""
    since: float = field(default_factory=time.monotonic)


class Balancer:
    def __init__(self, engine: Engine) -> None:
        self._engine, self._targets = engine, dict[tuple[str, int], _Target]()
        self._leaving: set[str] = set()
        self._busy: Counter[str] = Counter()
        self._turn = 0
        self.requests: Counter[str] = Counter()
        """By target group: how many it was asked for so far."""
        self._checking: set[asyncio.Task[None]] = set()
        engine.leaving = self.leave

    def healthy(self, address: str) -> bool:
        """Whether a task passes the checks of all target groups that it is in."""
        mine = [t for (id, _), t in list(self._targets.items()) if id == address]
        return bool(mine) and all(t.healthy for t in mine)

    def leave(self, address: str) -> None:
        """No more requests for a task; returns once it has answered those that it has."""
        self._leaving.add(address)
        until = time.monotonic() + _DRAIN
        while self._busy[address] and time.monotonic() < until:
            time.sleep(0.02)

    async def run(self) -> None:
        """Check the tasks for as long as the cloud runs."""
        while True:
            try:
                self._look()
            except RuntimeError as error:  # the records changed while they were read
                _log.debug("targets: %s", error)
            await asyncio.sleep(0.05)

    def _look(self) -> None:
        """Begin the checks that are due; each runs for itself, so that a slow task delays no other."""
        with tracking.reading():
            groups = emulator.target_groups()
        there = {(str(t["Id"]), int(t.get("Port") or group["Port"])): group
                 for group, targets in groups for t in targets
                 if group.get("TargetType") == "ip" and str(t["Id"]) not in self._leaving}
        for gone in self._targets.keys() - there.keys():
            del self._targets[gone]
        now = time.monotonic()
        for key, group in there.items():
            target = self._targets.setdefault(key, _Target())
            if target.due <= now:
                target.due = math.inf
                checking = asyncio.create_task(self._check(key, target, group))
                self._checking.add(checking)
                checking.add_done_callback(self._checking.discard)

    async def _check(self, key: tuple[str, int], target: _Target, group: Mapping[str, Any]) -> None:
        target.why = await asyncio.to_thread(self._fails, key, group)
        passed = not target.why
        target.failures = 0 if passed else target.failures + 1
        if passed:
            target.healthy = True
        elif target.failures >= int(group.get("UnhealthyThresholdCount") or 2):
            target.healthy = False
        target.due = time.monotonic() + (_LATER if target.healthy else _FIRST)

    def why_unhealthy(self, address: str) -> str:
        """What the last check of a task found, if it failed."""
        return next((t.why for (id, _), t in list(self._targets.items()) if id == address and t.why), "")

    def _fails(self, key: tuple[str, int], group: Mapping[str, Any]) -> str:
        """Make one check; why it failed, empty if it passed."""
        port = self._engine.address(*key)
        if not port:
            return f"port {key[1]} is not one of the task"
        seconds = min(float(group.get("HealthCheckTimeoutSeconds") or 5), 5.0)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
        try:
            if group.get("Protocol") not in ("HTTP", "HTTPS"):
                connection.connect()
                return ""
            path = str(group.get("HealthCheckPath") or "/")
            wanted = (group.get("Matcher") or {}).get("HttpCode") or "200"
            connection.request("GET", path, headers={"User-Agent": "ELB-HealthChecker/2.0", "Host": "127.0.0.1"})
            status = connection.getresponse().status
            return "" if _matches(status, wanted) else f"GET {path} answered {status}, {wanted} is wanted"
        except ConnectionRefusedError:
            return f"nothing listens on port {key[1]}"
        except (OSError, http.client.HTTPException) as error:
            return f"port {key[1]}: {error or type(error).__name__}"
        finally:
            connection.close()

    async def forward(self, group: Mapping[str, Any], targets: Sequence[Mapping[str, Any]], method: str,
                      send: Any) -> Any:
        """The answer of one of the targets. ``send(target, group)`` makes the request of the emulator's."""
        until, tried = time.monotonic() + _WAIT, 0
        self.requests[str(group.get("TargetGroupArn"))] += 1
        while True:
            chosen = self._choose(group, targets)
            if chosen is None:
                if time.monotonic() > until or not targets:
                    return 503, {"Content-Type": "text/html"}, b"<h1>503 Service Temporarily Unavailable</h1>"
                await asyncio.sleep(0.05)
                targets = emulator.targets_of(group)
                continue
            address, port = chosen
            if SOCKET.get():
                return 101, {}, str(self._engine.address(address, port)).encode()
            self._busy[address] += 1
            try:
                answer = await send({"Id": "127.0.0.1", "Port": self._engine.address(address, port)}, group)
            finally:
                self._busy[address] -= 1
            refused = answer[0] == 502 and b"connect error" in (answer[2] if isinstance(answer[2], bytes) else b"")
            nothing_sent = refused and b"refused" in answer[2]
            tried += 1
            if not refused or tried > 5 or not (method in _SAFE or nothing_sent):
                return answer
            if (target := self._targets.get(chosen)) is not None:
                target.healthy, target.due = False, 0.0

    def _choose(self, group: Mapping[str, Any], targets: Sequence[Mapping[str, Any]]) -> tuple[str, int] | None:
        """The healthy task with the fewest requests."""
        fit = [key for t in targets if (key := (str(t["Id"]), int(t.get("Port") or group["Port"])))[0]
               not in self._leaving and (known := self._targets.get(key)) and known.healthy
               and self._engine.address(*key)]
        if not fit:
            return None
        self._turn += 1
        least = min(self._busy[k[0]] for k in fit)
        idle = [k for k in fit if self._busy[k[0]] == least]
        return idle[self._turn % len(idle)]


def _matches(status: int, codes: str) -> bool:
    """Whether a status is among ``"200"``, ``"200,301"`` or ``"200-399"``."""
    for part in codes.split(","):
        low, _, high = part.strip().partition("-")
        if low.isdigit() and int(low) <= status <= int(high or low):
            return True
    return False
