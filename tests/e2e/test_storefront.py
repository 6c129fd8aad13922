"""The tests of examples/storefront, as its developer runs them."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sites import apps

STOREFRONT = Path(__file__).parents[2] / "examples/storefront"

pytestmark = [pytest.mark.emulator, pytest.mark.slow]


def test_the_packages_are_those_that_the_tests_have() -> None:
    for name in ("package.json", "package-lock.json"):
        assert (STOREFRONT / "web" / name).read_bytes() == (apps.HERE / "react_router" / name).read_bytes()


@pytest.mark.long
def test_the_tests_of_the_storefront_pass(tmp_path: Path) -> None:
    root = tmp_path / "storefront"
    shutil.copytree(STOREFRONT, root, ignore=shutil.ignore_patterns(".sst", ".venv", "__pycache__", "node_modules"))
    (apps.app("react_router", tmp_path / "packages") / "node_modules").rename(root / "web/node_modules")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SST_", "PYTEST_"))}
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-W", "error", "--basetemp", str(tmp_path / "base")],
                          cwd=root, env=environment, capture_output=True, text=True, timeout=280,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout
    assert not (root / ".sst/local").exists()
