"""AWS as it refuses and delays, over an emulator that does not.

with strict_cloud(emulator.endpoint, clock=clock) as cloud:
    aws = Aws(endpoint=cloud.url, clock=clock, sleep=clock.sleep, ...)
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from tests.torture.proxy import Fault, Proxy, Refuse, Reply, Request, expired, proxy, throttled

from . import rules as _rules  # the rules register themselves
from .account import Account
from .pages import Pages
from .request import ApiRequest, parsed
from .rule import AFTER, RULES, SHOWN

__all__ = ["Refusal", "StrictCloud", "strict_cloud"]

assert _rules


@dataclass(frozen=True)
class Refusal:
    rule: str
    operation: str
    code: str
    message: str


@dataclass
class StrictCloud:
    """``refusals`` are those of the rules, ``calls`` what was carried out, by ``lambda.CreateFunction``."""

    url: str
    account: Account
    hold: float
    keys: tuple[str, str]
    """Access key and secret key of an identity that may do everything."""
    refusals: list[Refusal] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    throttle: Callable[[ApiRequest, int], bool] = lambda request, number: False
    """Whether to refuse a call because there were too many."""
    expired: Callable[[ApiRequest, int], bool] = lambda request, number: False
    """Whether the credentials of a call are not valid any more."""
    pages: Pages = field(default_factory=Pages)
    _lock: Lock = field(default_factory=Lock)
    _known: dict[int, ApiRequest] = field(default_factory=dict)
    _changing: dict[int, tuple[str, str]] = field(default_factory=dict)

    @property
    def met(self) -> Counter[str]:
        """How often each rule refused."""
        return Counter(r.rule for r in self.refusals)

    def decide(self, raw: Request) -> Fault | None:
        request = parsed(raw.method, raw.target, raw.headers, raw.body)
        if request is None:
            return None
        with self._lock:
            self.asked[request.name] += 1
            number = self.asked.total()
        if self.throttle(request, number):
            return self._refused("throttles", request, throttled(request.service))
        if self.expired(request, number):
            return self._refused("expired", request, expired(request.service))
        for r in RULES:
            if (request.name in r.on or "*" in r.on) and (refusal := r.refuse(request, self.account)):
                return self._refused(r.name, request, refusal)
        if (one := _rules.changes(request)) is not None:
            kind, name, refusal = one
            if not self.account.enter(kind, name):
                return self._refused("one_change_at_a_time", request, refusal)
            self._changing[raw.number] = kind, name
            time.sleep(self.hold)
        if (page := self.pages.next(request)) is not None:
            return Reply(page)
        self._known[raw.number] = request
        return None

    def _refused(self, rule: str, request: ApiRequest, refusal: Refuse) -> Refuse:
        self.refusals.append(Refusal(rule, request.name, refusal.code, refusal.message))
        return refusal

    def reached(self, raw: Request, when: str) -> None:
        if when == "after" and (change := self._changing.pop(raw.number, None)):
            self.account.leave(*change)

    def answered(self, raw: Request, status: int, body: bytes) -> bytes:
        request = self._known.pop(raw.number, None)
        if request is None or status >= 300:
            return body
        self.calls[request.name] += 1
        for learn in AFTER.get(request.name, ()):
            learn(request, self.account)
        shows = SHOWN.get(request.name, ())
        if shows and body.startswith(b"<"):  # XML stays text
            for show, _ in shows:
                body = show(request, self.account, {"text": body.decode()})["text"].encode()
        if not (shows or self.pages.is_list(request)) or not body.startswith(b"{"):
            return body
        answer = json.loads(body)
        for show, _ in shows:
            answer = show(request, self.account, answer)
        return json.dumps(self.pages.cut(request, answer)).encode()


@contextmanager
def strict_cloud(
    endpoint: str,
    *,
    clock: Callable[[], float],
    hold: float = 0.03,
    keys: tuple[str, str] = ("AKIAIOSFODNN7EXAMPLE", "secret"),
    denied_regions: Sequence[str] = (),
) -> Iterator[StrictCloud]:
    """``hold``: real seconds that a change of a thing takes, in which AWS refuses another one."""
    with proxy(endpoint) as way:
        cloud = StrictCloud(way.url, Account(clock, denied_regions), hold, keys)
        _connect(way, cloud)
        yield cloud


def _connect(way: Proxy, cloud: StrictCloud) -> None:
    way.decide, way.reached, way.answered = cloud.decide, cloud.reached, cloud.answered
