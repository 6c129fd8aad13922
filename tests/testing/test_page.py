"""The page of docs tells what is there, and its example runs."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

from sst.embedded import cloud
from sst.testing import App, Program, plugin
from tests.docs.examples import ROOT, blocks
from tests.testing.suites import Suite

PAGE = ROOT / "docs/testing.md"


def test_each_fixture_option_and_member_is_explained() -> None:
    rows = {name for row in re.findall(r"^\| (`[^|]+) \|", PAGE.read_text(), re.MULTILINE)
            for name in re.findall(r"`([\w-]+)", row)}
    fixtures = {name for name in plugin.__all__ if name.startswith("sst_")}
    members = {name for kind in (App, Program) for name in vars(kind) if not name.startswith("_")}
    assert fixtures | members | {"--sst-accept", "sst_config"} <= rows


@pytest.mark.emulator
@pytest.mark.slow
@pytest.mark.long
def test_the_example_runs(tmp_path: Path) -> None:
    suite = Suite(tmp_path / "notes")
    suite.write({block.file: block.text for block in blocks(PAGE, "python") if block.file})
    week = next(block.text for block in blocks(PAGE, "python") if "advance(" in block.text)
    suite.write({"tests/test_week.py": week})
    assert "7 passed" in suite.passes("--sst-accept", "-W", "error")
    assert "7 passed" in suite.passes("-W", "error")
    assert (suite.root / "tests/snapshots/test_program.test_the_plan_is_as_it_was_agreed_on.json").is_file()
    assert cloud.status(suite.root) is None and suite.places() == []
