"""Sites live their lives where AWS's refusals and delays are: pages in a Router, servers in two regions and in a
cluster."""
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
    "pages": 'aws.Router("Router", waf=True, auth={"username": "team", "password": token.value},\n'
             '                     edge={"viewer_response": {"injection": "r.headers.a = {value: \'b\'};"}})\n'
             '    aws.StaticSite("Docs", path="files", router={"instance": web, "path": "/docs"})\n'
             '    aws.Function("Api", handler="api.handler", url={"router": {"instance": web, "path": "/api"}})\n'
             '    web.redirect("/old", "https://example.com").route_bucket("/files", aws.Bucket("Files",\n'
             '                                                                            access="cloudfront"))',
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
FILES = {"web.py": APP, "api.py": "def handler(event, context): return {}",
         "files/logo.svg": "<svg/>", "requirements.txt": "uvicorn\n"}


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
    assert "no changes" in app.sst("deploy", "--yes")
    assert "no drift" in app.sst("refresh").lower()
    (root / "web.py").write_text(APP.replace("first", "second"))
    (root / "files/logo.svg").write_text("<svg>new</svg>")
    app.sst("deploy", "--yes")
    assert "no drift" in app.sst("refresh").lower()
    app.sst("remove", "--yes")
    assert strict.refusals, "AWS's refusals were met, and retried"
    calls = list(strict.calls)
    assert "no orphans" in app.sst("orphans")
    allowed = {a for p in deploy_policies("shop") for s in p["Statement"] for a in s["Action"]}
    needed = {a for call in calls for a in actions_of(*call.split("."))}
    assert needed <= allowed, needed - allowed


def test_a_domain_without_a_zone_is_told_with_its_line(strict: StrictCloud, tmp_path: Path) -> None:
    root = tmp_path / "shop"
    (root / "files").mkdir(parents=True)
    (root / "files/index.html").write_text("home")
    site = 'aws.StaticSite("Docs", path="files", domain="docs.nowhere.example")'
    (root / "sst_config.py").write_text(program := CONFIG.replace("SITE", site))
    line = program[:program.index(site)].count("\n") + 1
    said = App(root, strict).sst("deploy", "--yes", code=1)
    assert "there is no hosted zone in Route 53 for docs.nowhere.example" in said and f"sst_config.py:{line}" in said
