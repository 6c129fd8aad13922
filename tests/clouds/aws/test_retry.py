from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest

from sst.clouds.aws.client import Aws
from sst.clouds.aws.retry import Policy, RateLimiter, RetryState, pace
from sst.errors import ProviderError, Throttled

from .stand_in import Answer, refusal, stand_in


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def drive(limit: float, seconds: float, *, stray: float = 0) -> tuple[float, float]:
    """One caller as fast as the bucket lets it, a cloud that lets ``limit`` calls a second through: (passed, refused) a
    second."""
    clock, dice = Clock(), random.Random(7)
    bucket = RateLimiter(clock)
    tokens, passed, refused, last = limit, 0, 0, clock.now
    while clock.now < 100 + seconds:
        clock.now += max(bucket.wait(), 0.001)
        tokens, last = min(limit, tokens + (clock.now - last) * limit), clock.now
        if tokens >= 1 and dice.random() >= stray:
            tokens -= 1
            passed += 1
            bucket.passed()
        else:
            refused += 1
            bucket.refused()
    return passed / seconds, refused / seconds


def test_a_bucket_has_no_limit_until_the_first_refusal() -> None:
    clock = Clock()
    bucket = RateLimiter(clock)
    assert bucket.rate is None and bucket.wait() == 0
    bucket.refused()
    assert bucket.rate is not None


@pytest.mark.parametrize("limit", [5, 15, 100])
def test_a_real_limit_is_found_and_used_well(limit: float) -> None:
    passed, refused = drive(limit, 60)
    assert passed > 0.75 * limit and refused < 0.5 * limit


def test_stray_refusals_do_not_starve_it() -> None:
    passed, _ = drive(10_000, 60, stray=0.02)
    assert passed > 50


def test_a_storm_of_throttles_ends_with_every_call_made() -> None:
    """32 threads, 300 creates, a service that takes 150 a second and refuses the rest."""
    lock, state = Lock(), [150.0, time.monotonic()]

    def decide(n: int) -> Answer:
        with lock:
            now = time.monotonic()
            state[0], state[1] = min(150.0, state[0] + (now - state[1]) * 150), now
            if state[0] < 1:
                return refusal("ThrottlingException")
            state[0] -= 1
        return Answer(200, {"QueueUrl": "u"})

    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-west-1"}
    with stand_in(decide) as cloud, Aws(endpoint=cloud.url, environment=keys) as aws, ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda i: aws.call("sqs", "create_queue", {"QueueName": f"q{i}"}), range(300)))
        assert len(answers) == 300 and aws.counts["sqs.create_queue"] < 600


def refused() -> Throttled:
    return Throttled("rate exceeded", code="Throttling", status=400)


def test_a_refusal_for_speed_is_one_whatever_a_row_says_of_it() -> None:
    clock = Clock()
    patience = RetryState(Policy(), pace("apigatewayv2"), ("Throttling",), repeatable=False, clock=clock)
    for _ in range(60):
        assert patience.after(refused())
        clock.now += 5


def tries(service: str, share: float, seed: int) -> int | None:
    """How often a call is sent in a storm that refuses that share of all; None if it was given up."""
    dice, patience = random.Random(seed), RetryState(Policy(), pace(service), (), repeatable=False, clock=Clock())
    for n in range(1, 100_000):
        if dice.random() >= share:
            return n
        if patience.after(refused()) is None:
            return None
    raise AssertionError("it never ends")


@pytest.mark.parametrize("service", ["lambda", "s3"])
def test_a_storm_that_refuses_nine_of_ten_is_outlived_and_one_that_refuses_all_ends(service: str) -> None:
    assert None not in [tries(service, 0.9, seed) for seed in range(3000)]
    assert tries(service, 1, 0) is None


def test_a_bucket_never_comes_to_a_halt() -> None:
    clock = Clock()
    bucket = RateLimiter(clock, least=3)
    for _ in range(200):
        clock.now += bucket.wait()
        bucket.refused()
    assert (bucket.rate or 0) >= 3 and bucket.wait() < 1


def test_each_kind_of_error_has_its_own_patience() -> None:
    clock = Clock()
    patience = RetryState(Policy(), pace("lambda"), ("NotYet",), repeatable=True, clock=clock)
    lost, unready = ProviderError("lost", code="NoAnswer"), ProviderError("no role", code="NotYet", status=400)
    for _ in range(40):
        assert patience.after(refused())
    assert all(patience.after(lost) for _ in range(4)) and patience.after(lost) is None
    clock.now += 1000
    assert patience.after(unready), "counted from the first of its kind"
    clock.now += 121
    assert patience.after(unready) is None
    assert patience.after(ProviderError("no", code="Invalid", status=400)) is None
