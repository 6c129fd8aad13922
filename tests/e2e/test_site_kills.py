"""Deploys of a site are killed at any moment while a client loads its pages."""
from __future__ import annotations

import hashlib
import os
import random
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.e2e.project import SST, Project, call, project

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.long]
KILLS = int(os.environ.get("SST_KILLS", "8"))
"""`SST_KILLS=100 pytest -m long tests/e2e/test_site_kills.py` takes minutes."""
CONFIG = """
import sst
from sst import aws
def config(input): return sst.Config(name="site", home="local")
def run():
    return {"url": aws.StaticSite("Web", path="site").url}
"""


def script(n: int) -> str:
    """Its path, with a hash in its name as generators write it."""
    return f"assets/app-{hashlib.md5(str(n).encode()).hexdigest()[:8]}.js"


def files(n: int) -> dict[str, str]:
    """Each page names the script of its own deploy."""
    page = f"<html>{n}<script src='/{script(n)}'></script></html>"
    return {**{f"site/{name}.html": page for name in ("index", "p0", "p1", "p2", "p3", "p4")},
            f"site/{script(n)}": f"run({n})"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path, {"sst_config.py": CONFIG, **files(0)}) as made:
        made.sst("deploy")
        yield made


@pytest.mark.timeout(300 + 30 * KILLS)
def test_a_visitor_never_sees_a_mixed_page_or_an_error(site: Project) -> None:
    url = site.outputs()["url"].rstrip("/")
    ended, odd, seen = Event(), list[object](), set[str]()

    def visit() -> None:
        while not ended.is_set():
            for path in ("/", "/p0", "/p1", "/p2", "/p3", "/p4.html"):
                page = call(url + path)
                found = re.search(r"<html>(\d+)<script src='(/assets/app-\w+\.js)'", page.body)
                loaded = call(url + found[2]) if found else None
                if not found or loaded is None or (page.status, loaded.status) != (200, 200) \
                        or loaded.body != f"run({found[1]})":
                    odd.append((path, page, loaded))
                else:
                    seen.add(found[1])

    chance = random.Random(7)
    visitor = Thread(target=visit)
    visitor.start()
    try:
        for n in range(1, KILLS + 1):
            (site.root / "site" / script(n - 1)).unlink()
            site.write(files(n))
            killed = subprocess.Popen([SST, "deploy"], cwd=site.root, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL, env={**os.environ, "SST_STAGE": "local"})
            try:
                killed.wait(timeout=chance.uniform(0.1, 1.5))
            except subprocess.TimeoutExpired:
                killed.send_signal(signal.SIGKILL)
                killed.wait()
            site.sst("deploy")
            assert f"<html>{n}<" in call(url + "/").body
    finally:
        ended.set()
        visitor.join()
    assert not odd, (len(odd), odd[:3])
    assert len(seen) > KILLS / 2
