"""The tests of examples/shop, as its developer runs them."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SHOP = Path(__file__).parents[2] / "examples/shop"

pytestmark = [pytest.mark.emulator, pytest.mark.slow]


@pytest.mark.long
def test_the_tests_of_the_shop_pass(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    shutil.copytree(SHOP, root, ignore=shutil.ignore_patterns(".sst", ".venv", "__pycache__"))
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SST_", "PYTEST_"))}
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-W", "error", "--basetemp", str(tmp_path / "base")],
                          cwd=root, env=environment, capture_output=True, text=True, timeout=280,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 passed" in done.stdout
    assert not (root / ".sst/local").exists()
