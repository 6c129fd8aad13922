"""Sites with servers in two regions and in a cluster live their lives where AWS's refusals and delays are."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sst.clouds.aws.deploy_policy import actions_of, deploy_policies
from sst.embedded.cloud import Cloud
from tests.build.image.test_registry import layout

from .app import App
from .clock import Clock
from .cloud import StrictCloud, strict_cloud

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.strict]
CONFIG = """
import sst
from sst import aws


def config(input):
    return sst.Config(name="shop", home="local", removal="remove")


def run():
    bucket, token = aws.Bucket("Uploads"), sst.Secret("Token", "tok-7f3e9a51")
    web = SITE
    return {"web": web.url}
"""
SITES = {
    "regions": 'aws.FastApi("Web", app="web:app", static={"/assets": "files"}, link=[bucket, token],\n'
               '                      regions=["us-east-1", "eu-west-1"])',
    "cluster": 'aws.FastApi("Web", app="web:app", static={"/assets": "files"}, link=[bucket, token],\n'
               '                      cluster=aws.Cluster("Cluster", vpc=aws.Vpc("Network")),\n'
               '                      container={"base": "base"})',
}
APP = '''
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first"})
'''
FILES = {"web.py": APP, "files/logo.svg": "<svg/>", "requirements.txt": "uvicorn\n"}


@pytest.fixture
def strict(cloud: Cloud) -> Iterator[StrictCloud]:
    with strict_cloud(cloud.endpoint, clock=Clock(speed=100), keys=(cloud.access_key, cloud.secret_key)) as made:
        yield made


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", SITES)
def test_a_site_lives_its_life(strict: StrictCloud, tmp_path: Path, name: str) -> None:
    """Its calls are those that docs/deploy_permissions.md allows."""
    root = tmp_path / "shop"
    for file, text in {**FILES, "sst_config.py": CONFIG.replace("SITE", SITES[name])}.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)
    layout(root / "base")
    app = App(root, strict)
    app.sst("deploy", "--yes")
    assert strict.refusals, "AWS's refusals were met, and retried"
    assert "no changes" in app.sst("deploy", "--yes")
    assert "no drift" in app.sst("refresh").lower()
    (root / "web.py").write_text(APP.replace("first", "second"))
    (root / "files/logo.svg").write_text("<svg>new</svg>")
    app.sst("deploy", "--yes")
    assert "no drift" in app.sst("refresh").lower()
    app.sst("remove", "--yes")
    calls = list(strict.calls)
    assert "no orphans" in app.sst("orphans")
    allowed = {a for p in deploy_policies("shop") for s in p["Statement"] for a in s["Action"]}
    needed = {a for call in calls for a in actions_of(*call.split("."))}
    assert needed <= allowed, needed - allowed
