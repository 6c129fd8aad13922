"""``make smoke-aws`` from its first step to its last, where AWS's refusals are."""
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sst.clouds.aws.client import Aws
from sst.embedded.cloud import Cloud

from .clock import Clock
from .cloud import StrictCloud, strict_cloud
from .deployer import deployer
from .request import ApiRequest
from .smoke.run import run
from .smoke.session import Session
from .smoke.steps import ALSO, STEPS

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.strict]


@pytest.fixture
def strict(cloud: Cloud) -> Iterator[StrictCloud]:
    clock = Clock(speed=40)
    with strict_cloud(cloud.endpoint, clock=clock, keys=deployer(cloud, "smoke-*", ALSO)) as made:

        def a_quarter_of_an_hour(request: ApiRequest, number: int) -> bool:
            if request.name == "acm.DeleteCertificate" and made.met["certificate_in_use"]:
                clock.sleep(15 * 60)
            return False

        made.throttle = a_quarter_of_an_hour
        yield made


def session(tmp_path: Path, strict: StrictCloud, cloud: Cloud, said: list[str], account: str,
            zone: str = "") -> Session:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SST_", "SMOKE_", "PYTEST_"))}
    keys = {"AWS_ACCESS_KEY_ID": strict.keys[0], "AWS_SECRET_ACCESS_KEY": strict.keys[1], "AWS_REGION": cloud.region,
            "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": strict.url}
    return Session(tmp_path / "app", account, {**kept, **keys}, zone=zone, strict=True, say=said.append,
                   reach=lambda url: cloud.address("function_url" if ".lambda-url." in url else "domain", url))


@pytest.fixture
def zone(cloud: Cloud) -> Iterator[str]:
    """A hosted zone, which the user has."""
    with Aws(region=cloud.region, endpoint=cloud.endpoint, credentials=(cloud.access_key, cloud.secret_key),
             environment={}) as aws:
        made = aws.call("route53", "create_hosted_zone", {"Name": "smoke.example", "CallerReference": "smoke"})
        yield "smoke.example"
        aws.call("route53", "delete_hosted_zone", {"Id": made["HostedZone"]["Id"].rpartition("/")[2]})


@pytest.mark.timeout(900)
# a connection of one of the steps is left to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_all_steps_pass_and_nothing_is_left(tmp_path: Path, strict: StrictCloud, cloud: Cloud, zone: str) -> None:
    said: list[str] = []
    s = session(tmp_path, strict, cloud, said, cloud.account, zone)
    assert run(s), "\n".join(said)
    text = "\n".join(said)
    assert not s.left() and "left:" not in text
    assert text.count("ok:") + text.count("not run:") == len(STEPS) == 15
    assert "not run:" not in text and "refusals of AWS were retried" in text and s.refusals
    page = (Path(__file__).parents[2] / "docs/smoke_aws.md").read_text(encoding="utf-8")
    assert all(f"`{action}`" in page for action in ALSO)


def test_another_account_is_refused_before_anything_is_made(tmp_path: Path, strict: StrictCloud, cloud: Cloud) -> None:
    said: list[str] = []
    assert not run(session(tmp_path, strict, cloud, said, "999999999999"))
    assert "nothing was done" in said[-1] and set(strict.asked) == {"sts.GetCallerIdentity"}
