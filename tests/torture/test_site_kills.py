"""SIGKILL before and after each call and each write of the state of a site behind a Router. What it serves is one
version whole, at any moment, and the same command once more is all it takes."""
from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sst.clouds.aws.client import Aws
from tests.e2e.project import call
from tests.embedded.test_front_door import fetch

from .conftest import FULL
from .doomed import Doom
from .forge import Ended, Forge

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(3600)]
CONFIG = '''
import sst
from sst import aws


def config(input):
    return sst.Config(name="pages", home="local", region="us-east-1", removal="remove")


def run():
    web = aws.Router("Web")
    aws.StaticSite("Docs", path="docs", error_page="404.html", router={"instance": web, "path": "/docs"})
    web.redirect("/version", "https://example.com/VERSION", keep_path=False)
    return {"web": web.url}
'''
PAGES = ("", "a", "b", "c", "nowhere")


class Life:
    def __init__(self, forge: Forge, folder: Path, given: dict[str, Any]) -> None:
        self.forge, self.folder, self.given, self.version, self.web = forge, folder, given, 0, ""

    def run(self, step: str, kill: str = "") -> Ended:
        ended = self.forge.run([step, "--yes", "--stage", "local"], self.folder,
                               Doom(self.given, str(self.folder.parent / "log"), kill))
        self.web = next(iter(re.findall(r"web: +(http://\S+)", ended.said)), self.web)
        return ended

    def write(self) -> None:
        """Another version of every page, and of a route."""
        self.version += 1
        (self.folder / "docs").mkdir(parents=True, exist_ok=True)
        (self.folder / "sst_config.py").write_text(CONFIG.replace("VERSION", str(self.version)))
        for name in ("index", "a", "b", "c", "404"):
            (self.folder / f"docs/{name}.html").write_text(f"version {self.version}")

    def served(self) -> set[str]:
        """What all pages are."""
        made = {name: call(f"{self.web}/docs/{name}") for name in PAGES}
        assert [m.status for m in made.values()] == [200, 200, 200, 200, 404], made
        return {m.body for m in made.values()}

    def finish(self, step: str, ended: Ended) -> None:
        assert ended.killed or not ended.code, ended.said
        again = self.run(step)
        assert not again.code, again.said


@pytest.fixture
def life(forge: Forge, folder: Path, given: dict[str, Any]) -> Life:
    return Life(forge, folder, given)


def some(boundaries: tuple[str, ...]) -> tuple[str, ...]:
    return boundaries if FULL else tuple(random.Random(1).sample(boundaries, 3))


def left(aws: Aws) -> list[Any]:
    """What a site is made of, in the account."""
    listed = (aws.call("cloudfront", "list_distributions")["DistributionList"],
              aws.call("cloudfront", "list_functions")["FunctionList"],
              aws.call("cloudfront", "list_key_value_stores")["KeyValueStoreList"])
    buckets = [b["Name"] for b in aws.call("s3", "list_buckets").get("Buckets", ()) if "docs" in b["Name"]]
    return [item for part in listed for item in part.get("Items") or ()] + buckets


def test_a_site_outlives_a_death_at_each_call(life: Life, aws: Aws, figures: Counter[str]) -> None:
    life.write()
    first = life.run("deploy").boundaries
    life.write()
    second = life.run("deploy").boundaries
    for kill in some(second):
        life.write()
        ended = life.run("deploy", kill)
        now = life.served()
        assert now in ({f"version {life.version - 1}"}, {f"version {life.version}"}), (kill, now)
        life.finish("deploy", ended)
        assert life.served() == {f"version {life.version}"}, kill
        moved = fetch(f"{life.web}/version")[1]
        assert ("location", f"https://example.com/{life.version}") in moved, (kill, moved)
        figures["deploys of a site that were killed"] += 1
    last = life.run("remove").boundaries
    assert left(aws) == []
    for created, removed in zip(some(first), some(last), strict=False):
        life.finish("deploy", life.run("deploy", created))
        assert life.served() == {f"version {life.version}"}, created
        life.finish("remove", life.run("remove", removed))
        assert left(aws) == [], (created, removed)
        figures["sites whose first deploy and removal were killed"] += 1
