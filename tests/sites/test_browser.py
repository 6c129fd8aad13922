"""Sites of each framework on stage ``local``, as ``sst init`` wrote them, in a real browser; by ``make sites``."""
from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.browser import needs_browser
from tests.e2e.project import call, project
from tests.sites import apps
from tests.sites.visitor import UPLOAD, first_part_comes_first, go_through

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.skipif(
    not os.environ.get("SST_SITES"), reason="make sites opens all frameworks in Chromium"), needs_browser]

KINDS = {"react_router": "React", "react_router_8": "React", "svelte_kit": "SvelteKit", "svelte_kit_2": "SvelteKit",
         "astro": "Astro", "astro_5": "Astro", "nuxt": "Nuxt", "remix": "Remix", "tan_stack_start": "TanStackStart",
         "solid_start": "SolidStart", "solid_start_2": "SolidStart", "analog": "Analog", "angular": "Angular"}
SERVERS = {"express": 'entry="dist/main.js"', "hono": 'entry="dist/main.js"'}
ROUTES = ("nuxt", "tan_stack_start", "solid_start", "solid_start_2", "analog", "angular")
"""Whose form is a route without a page."""


@pytest.mark.parametrize("name", [*filter(apps.chosen, KINDS)])
def test_a_browser_goes_through_the_site(tmp_path: Path, name: str) -> None:
    apps.app(name, tmp_path / "web")
    with project(tmp_path, {}) as made:
        made.sst("init", "--yes")
        written = (tmp_path / "sst_config.py").read_text()
        assert f'aws.{KINDS[name]}("Web", path="web")' in written
        made.write({"sst_config.py": written.replace('path="web"', 'path="web", link=[aws.Bucket("Uploads")]')})
        made.sst("deploy")
        url = made.outputs()["url"]
        go_through(url, form="route" if name in ROUTES else "page", loads=name in ("astro", "astro_5"),
                   prerenders=name != "remix")
        first_part_comes_first(url)


@pytest.mark.parametrize("name", [*filter(apps.chosen, SERVERS)])
def test_a_server_is_deployed_as_it_was_found(tmp_path: Path, name: str) -> None:
    apps.app(name, tmp_path / "web")
    with project(tmp_path, {}) as made:
        made.sst("init", "--yes")
        assert f'aws.NodeServer("Web", path="web", {SERVERS[name]})' in (tmp_path / "sst_config.py").read_text()
        made.sst("deploy")
        url = made.outputs()["url"]
        assert "<h1>Home</h1>" in call(url).body and call(f"{url}/nowhere").status == 404
        assert call(f"{url}/upload", method="POST", body=bytes(range(256)) * (UPLOAD // 256),
                    headers={"content-type": "application/octet-stream"}).json == {"size": UPLOAD}
        assert call(f"{url}/seen", headers={"cookie": "a=1; b=2"}).json["cookie"] == "a=1; b=2"
        first_part_comes_first(url)
