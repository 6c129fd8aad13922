"""When a call is tried again, and how fast calls may go. The only retry layer: botocore's own is not used."""
from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from ...errors import ProviderError, Throttled

__all__ = ["SKEWED", "Bucket", "Policy", "is_throttle", "matches", "pause", "worth_another"]

THROTTLED = frozenset({
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException", "TooManyRequestsException",
    "TooManyRequests", "RequestLimitExceeded", "BandwidthLimitExceeded", "PriorRequestNotComplete",
    "SlowDown", "EC2ThrottledException", "TransactionInProgressException", "ProvisionedThroughputExceededException",
})
TRANSIENT = frozenset({"RequestTimeout", "RequestTimeoutException", "InternalError", "InternalFailure", "InternalServerError",
                       "ServiceUnavailable", "ServiceUnavailableException", "ServiceException", "OperationAborted"})
"""The service failed; whether the call was carried out is not known (except ``OperationAborted``: it was not)."""
SKEWED = frozenset({"RequestTimeTooSkewed", "RequestInTheFuture", "RequestExpired", "InvalidSignatureException", "SignatureDoesNotMatch",
                    "AuthFailure"})
"""Possibly this machine's clock is wrong."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How long to go on. Seconds; ``failures`` counts 5xx and lost answers."""

    failures: int = 5
    throttled: float = 300
    cured: float = 120
    """For errors that a moment cures, like a role that Lambda can't assume yet."""


def is_throttle(code: str, status: int) -> bool:
    return status == 429 or code in THROTTLED


def matches(error: ProviderError, rules: tuple[str, ...]) -> bool:
    """A rule is ``Code`` or ``Code: part of the message``."""
    for rule in rules:
        code, _, part = rule.partition(": ")
        if error.code == code and part.lower() in error.message.lower():
            return True
    return False


def pause(attempt: int, *, base: float = 0.25, cap: float = 20) -> float:
    """Seconds to wait before try number ``attempt`` + 1: doubling, with jitter."""
    top: float = min(cap, base * 2 ** min(attempt, 16))
    return top * random.uniform(0.5, 1)


class Bucket:
    """Calls a second for one operation; without a limit until the cloud first says "slow down".

    Then the limit is four fifths of what got through in the last second, cut at most once a second, and grows by a
    quarter each second: some stray refusals don't starve it, a real limit is found within seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, Lock()
        self._rate: float | None = None
        self._next = self._grown = self._cut = clock()
        self._passed: deque[float] = deque(maxlen=1000)

    @property
    def rate(self) -> float | None:
        return self._rate

    def wait(self) -> float:
        """Takes the next free slot and returns the seconds until it comes."""
        if self._rate is None:
            return 0
        with self._lock:
            now = self._clock()
            rate = self._rate * 1.25 ** (now - self._grown)
            self._grown, self._rate = now, rate if rate <= 1000 else None
            slot = max(now, self._next)
            self._next = slot + 1 / rate
            return slot - now

    def passed(self) -> None:
        self._passed.append(self._clock())

    def refused(self) -> None:
        with self._lock:
            now = self._clock()
            if self._rate is not None and now - self._cut < 1:
                return
            lately = sum(1 for t in list(self._passed) if now - t <= 1)
            seen = max(1.0, float(lately))
            self._rate = max(1.0, 0.8 * (seen if self._rate is None else min(self._rate, max(seen, self._rate / 2))))
            self._cut = self._grown = now
            self._next = now


def worth_another(error: ProviderError, *, failures: int, waited: float, policy: Policy, repeatable: bool) -> bool:
    """After ``failures`` failed tries and ``waited`` seconds: may this call be sent once more?"""
    if isinstance(error, Throttled):
        return waited < policy.throttled
    if not error.sent or error.code == "OperationAborted":
        return failures < policy.failures
    unknown = error.status == 0 or error.status >= 500 or error.code in TRANSIENT
    return unknown and repeatable and failures < policy.failures
