"""Two apps add their routes to the Router of a third at the same time, as processes of their own."""
from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sst.clouds.aws.client import Aws
from sst.clouds.aws.cloudfront_keys import Keys
from sst.embedded.cloud import Cloud

from .app import App
from .clock import Clock
from .cloud import StrictCloud, strict_cloud

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.strict]
ROUNDS = int(os.environ.get("SST_ROUNDS", "5"))
"""`SST_ROUNDS=25 SST_STRICT=1 pytest tests/strict/test_shared_router.py` makes fifty deploys."""
OWNER = """
import sst
from sst import aws
def config(input): return sst.Config(name="owner", home="local")
def run():
    web = aws.Router("Web")
    return {"id": web.distribution_id, "store": web.store.arn}
"""
GUEST = """
import sst
from sst import aws
def config(input): return sst.Config(name="NAME", home="local", removal="remove")
def run():
    web = aws.Router.get("Web", "ID")
    for n in range(COUNT):
        web.route(f"/NAME-STAGE/{n}", f"https://{n}.example.com")
"""


@pytest.fixture
def strict(cloud: Cloud) -> Iterator[StrictCloud]:
    with strict_cloud(cloud.endpoint, clock=Clock(speed=100), keys=(cloud.access_key, cloud.secret_key)) as made:
        yield made


def app(strict: StrictCloud, folder: Path, stage: str, program: str) -> App:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sst_config.py").write_text(program)
    return App(folder, strict, stage)


@pytest.mark.timeout(1200)
def test_two_stages_of_two_apps_that_add_routes_at_once_lose_none(strict: StrictCloud, tmp_path: Path) -> None:
    owner = app(strict, tmp_path / "owner", "strict", OWNER)
    owner.sst("deploy", "--yes")
    made = owner.outputs()

    def deployed(name: str, stage: str, count: int) -> App:
        program = GUEST.replace("NAME-STAGE", f"{name}-{stage}").replace("NAME", name).replace("ID", made["id"])
        guest = app(strict, tmp_path / name / stage, stage, program.replace("COUNT", str(count)))
        guest.sst("deploy", "--yes")
        return guest

    have: dict[str, int] = {}
    with ThreadPoolExecutor(2) as pool, Aws(region="us-east-1", endpoint=strict.url, credentials=strict.keys,
                                            environment={}) as client:
        keys = Keys(client, made["store"], None)
        for count in range(1, ROUNDS + 1):
            stage = ("strict", "other")[count % 2]
            guests = list(pool.map(deployed, ("one", "two"), (stage, stage), (count, count)))
            have[stage] = count
            assert paths(keys) == {f"/{name}-{at}/{n}" for at, many in have.items() for name in ("one", "two")
                                   for n in range(many)}
        guests[0].sst("remove", "--yes")
        left = paths(keys)
        assert left and not any(path.startswith(f"/one-{stage}/") for path in left)


def paths(keys: Keys) -> set[str]:
    return {row[0] for row in json.loads(keys.read("h:*") or "[]")}
