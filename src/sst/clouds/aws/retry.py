"""When a call is tried again, and how fast calls may go. The only retry layer: botocore's own is not used."""
from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock

from ...errors import ProviderError, Throttled
from ...records import dataclass

__all__ = ["SKEWED", "Policy", "RateLimiter", "RateProfile", "RetryState", "is_throttle", "matches", "pace", "pause"]

THROTTLED = frozenset({
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
    "TooManyRequestsException",
    "TooManyRequests", "RequestLimitExceeded", "BandwidthLimitExceeded", "PriorRequestNotComplete",
    "SlowDown", "EC2ThrottledException", "TransactionInProgressException", "ProvisionedThroughputExceededException",
})
TRANSIENT = frozenset({"RequestTimeout", "RequestTimeoutException", "InternalError", "InternalFailure",
                       "InternalServerError",
                       "ServiceUnavailable", "ServiceUnavailableException", "ServiceException", "OperationAborted"})
"""The service failed; whether the call was carried out is not known (except ``OperationAborted``: it was not)."""
SKEWED = frozenset({"RequestTimeTooSkewed", "RequestInTheFuture", "RequestExpired", "InvalidSignatureException",
                    "SignatureDoesNotMatch",
                    "AuthFailure"})
"""Possibly this machine's clock is wrong."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How long a call is retried, in seconds; ``failures`` counts 5xx and lost responses."""

    failures: int = 5
    throttled: float = 600
    """Of pauses: more than 150 tries. Of 100 calls in a storm that refuses nine of ten, one in 100,000 storms would
    fail."""
    transient: float = 120
    """For transient errors, such as a role that Lambda can't assume yet; from the first of them on."""


@dataclass(frozen=True, slots=True)
class RateProfile:
    """How calls of a service that throttles them are paced."""

    least: float = 3
    """Calls per second that are always sent, so that throttling caused by other clients does not stop this one."""
    cap: float = 5
    """The longest pause between two attempts of a call, in seconds."""


_PACES = {"s3": RateProfile(10, 0.5)}
"""S3 takes thousands of calls a second, and refuses some while it grows; our lock is renewed there within its lease."""


def pace(service: str) -> RateProfile:
    return _PACES.get(service, RateProfile())


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
    import random

    top: float = min(cap, base * 2 ** min(attempt, 16))
    return top * random.uniform(0.5, 1)


class RateLimiter:
    """Calls a second for one operation; without a limit until the cloud first says "slow down".

    Then the limit is four fifths of what got through in the last second, cut at most once a second, and grows by a
    quarter each second: some stray refusals don't starve it, a real limit is found within seconds. It is never below
    ``least``.
    """

    def __init__(self, clock: Callable[[], float], *, least: float = 1) -> None:
        self._clock, self._least, self._lock = clock, least, Lock()
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
            self._rate = max(self._least, 0.8 * (seen if self._rate is None
                                                 else min(self._rate, max(seen, self._rate / 2))))
            self._cut = self._grown = now
            self._next = now


class RetryState:
    """The retries that one call has left. ``rules`` name its transient errors; ``repeatable``: it is idempotent."""

    def __init__(self, policy: Policy, pace: RateProfile, rules: tuple[str, ...], *, repeatable: bool,
                 clock: Callable[[], float], transient: float = 0) -> None:
        self._policy, self._pace, self._rules, self._repeatable, self._clock = policy, pace, rules, repeatable, clock
        self._transient = transient or policy.transient
        self._failures = self._throttles = self._transients = 0
        self._paused = 0.0
        self._unready: float | None = None

    def after(self, error: ProviderError) -> float | None:
        """Seconds to wait before the next attempt; None if there is none.

        Each kind of error has its own count: a call that was throttled many times may still fail and be repeated. For
        throttling only the pauses count, not the time in the queue before them, which may be long.
        """
        if isinstance(error, Throttled):
            if self._paused >= self._policy.throttled:
                return None
            self._throttles += 1
            seconds = pause(self._throttles, cap=self._pace.cap)
            self._paused += seconds
            return seconds
        if matches(error, self._rules):
            now = self._clock()
            self._unready = self._unready or now
            self._transients += 1
            cap = max(5, self._transient / 60)      # what takes an hour is asked about once a minute
            return pause(self._transients, cap=cap) if now - self._unready < self._transient else None
        self._failures += 1
        lost = error.status == 0 or error.status >= 500 or error.code in TRANSIENT
        undone = not error.sent or error.code == "OperationAborted"
        repeat = (undone or (lost and self._repeatable)) and self._failures < self._policy.failures
        return pause(self._failures) if repeat else None
