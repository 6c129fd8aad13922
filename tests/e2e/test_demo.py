"""``make demo``: the demo app, from nothing to its thumbnail."""
from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.project import Project

UPLOADS = Path(__file__).parents[2] / "examples/uploads"

pytestmark = [pytest.mark.emulator, pytest.mark.slow]


@pytest.mark.long
def test_the_demo_shows_a_thumbnail_and_its_row(tmp_path: Path) -> None:
    root = tmp_path / "uploads"
    shutil.copytree(UPLOADS, root, ignore=shutil.ignore_patterns(".sst", ".venv", "__pycache__"))
    app = Project(root)
    try:
        shown = subprocess.run([sys.executable, root / "demo.py"], capture_output=True, text=True, timeout=250,
                               stdin=subprocess.DEVNULL)
        assert shown.returncode == 0, shown.stdout + shown.stderr
        assert '"announced": true' in shown.stdout and '"width": 960, "height": 640' in shown.stdout
        assert "sst remove --stage local" in shown.stdout
        assert "no changes" in app.sst("deploy")
        assert app.invoke("Tidy/Handler") == {"photos": 1}
        assert "mountain: 960x640 -> 128x85" in app.sst("logs", "Pictures/Subscriber")
        app.sst("remove", "--yes")
        assert app.leftovers() == {}
    finally:
        app.run("local", "reset", "--yes")
