"""``make smoke-aws`` from its first step to its last, where AWS's refusals are."""
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sst.embedded.cloud import Cloud

from .clock import Clock
from .cloud import StrictCloud, strict_cloud
from .smoke.run import run
from .smoke.session import Session
from .smoke.steps import STEPS

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.strict]


@pytest.fixture
def strict(cloud: Cloud) -> Iterator[StrictCloud]:
    with strict_cloud(cloud.endpoint, clock=Clock(speed=10), keys=(cloud.access_key, cloud.secret_key)) as made:
        yield made


def session(tmp_path: Path, strict: StrictCloud, cloud: Cloud, said: list[str], account: str) -> Session:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SST_", "SMOKE_", "PYTEST_"))}
    keys = {"AWS_ACCESS_KEY_ID": strict.keys[0], "AWS_SECRET_ACCESS_KEY": strict.keys[1], "AWS_REGION": cloud.region,
            "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": strict.url}
    return Session(tmp_path / "app", account, {**kept, **keys}, strict=True, say=said.append,
                   reach=lambda url: cloud.address("function_url", url))


@pytest.mark.timeout(900)
# a connection of one of the steps is left to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_all_steps_pass_and_nothing_is_left(tmp_path: Path, strict: StrictCloud, cloud: Cloud) -> None:
    said: list[str] = []
    s = session(tmp_path, strict, cloud, said, cloud.account)
    assert run(s), "\n".join(said)
    text = "\n".join(said)
    assert not s.left() and "left:" not in text
    assert text.count("ok:") + text.count("not run:") == len(STEPS) == 15
    assert text.count("not run:") == 3 and "refusals of AWS were retried" in text and s.refusals


def test_another_account_is_refused_before_anything_is_made(tmp_path: Path, strict: StrictCloud, cloud: Cloud) -> None:
    said: list[str] = []
    assert not run(session(tmp_path, strict, cloud, said, "999999999999"))
    assert "nothing was done" in said[-1] and set(strict.asked) == {"sts.GetCallerIdentity"}
