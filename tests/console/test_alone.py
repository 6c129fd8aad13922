"""On a machine without any network but loopback: the address comes, and each page is drawn from it alone."""
from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import Any

import pytest

from sst.project.project import Project
from tests.browser import CHROMIUM, needs_browser

from .conftest import deployed, fill
from .test_browser import PAGES


def namespaces() -> bool:
    """Whether this user may have a network of his own."""
    unshare = shutil.which("unshare") or ""
    return bool(unshare) and subprocess.run([unshare, "-rn", "true"], capture_output=True, check=False).returncode == 0


pytestmark = [pytest.mark.long, needs_browser, pytest.mark.skipif(not namespaces(), reason="needs network namespaces")]

ALONE = '''
import fcntl, json, socket, struct, subprocess, sys, time
from pathlib import Path

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:      # `ip link set lo up`
    fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", 1))
try:
    socket.create_connection(("192.0.2.1", 80), 1)
    raise SystemExit("there is a network")
except OSError:
    pass
from playwright.sync_api import sync_playwright

chromium, pages, drawn = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
sst = str(Path(sys.executable).with_name("sst"))
with subprocess.Popen([sst, "console", "--stage", "local", "--no-open"], stdout=subprocess.PIPE, text=True) as console:
    lines = [console.stdout.readline().strip()]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context()
        page, errors, asked = context.new_page(), [], []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(lines[0])
        page.wait_for_selector("h1")
        for name in pages:
            page.evaluate(f"location.hash = {json.dumps('#/' + name)}")
            page.wait_for_selector(drawn)
        entries = page.evaluate("performance.getEntriesByType('resource').map((e) => new URL(e.name).origin)")
        made = {"url": lines[0], "errors": errors, "origins": sorted({*entries}), "asked": asked,
                "cookies": context.cookies(), "first": page.evaluate("performance.getEntriesByName('drawn').length")}
        browser.close()
    console.terminate()
    made["more"] = console.stdout.read()
print(json.dumps(made))
'''


def test_everything_works_without_a_network(project: Project) -> None:
    from .conftest import DRAWN

    deployed(project)
    fill(project.root / ".sst/local")
    (project.root / "sst_config.py").write_text("import sst\n\ndef config(input):\n    return sst.Config(name='shop')\n"
                                                "\ndef run():\n    pass\n")
    ran = subprocess.run(["unshare", "-rn", sys.executable, "-c", ALONE, CHROMIUM, json.dumps(PAGES), DRAWN],
                         cwd=project.root, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    made: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    base = made["url"].partition("/#token=")[0]
    assert base.startswith("http://127.0.0.1:") and made["origins"] == [base] and made["first"] == 1
    assert made["errors"] == [] and made["cookies"] == [] and "http" not in made["more"], "one URL is printed"
    assert not [url for url in made["asked"] if not url.startswith(base)]
