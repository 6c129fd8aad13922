"""The demo app lives its whole life where AWS's refusals and delays are, without one command given twice."""
from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sst.embedded.cloud import Cloud

from .app import App
from .clock import Clock
from .cloud import StrictCloud, strict_cloud

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.strict]
UPLOADS = Path(__file__).parents[2] / "examples/uploads"


@pytest.fixture
def strict(cloud: Cloud) -> Iterator[StrictCloud]:
    with strict_cloud(cloud.endpoint, clock=Clock(speed=10), keys=(cloud.access_key, cloud.secret_key)) as made:
        yield made


@pytest.fixture
def app(tmp_path: Path, strict: StrictCloud) -> App:
    root = tmp_path / "uploads"
    shutil.copytree(UPLOADS, root, ignore=shutil.ignore_patterns(".sst", ".venv", "__pycache__"))
    subprocess.run([Path(sys.executable).with_name("uv"), "lock", "--quiet"], cwd=root, check=True)
    return App(root, strict)


@pytest.mark.parametrize("home", ["aws", "local"])
def test_the_demo_lives_its_life(app: App, strict: StrictCloud, home: str) -> None:
    config = app.root / "sst_config.py"
    config.write_text(config.read_text().replace('name="uploads"', f'name="uploads-{home}", home="{home}"'))
    app.sst("deploy", "--yes")
    assert {"role_not_assumable", "source_not_readable", "destination_not_allowed"} <= strict.met.keys()
    assert "no changes" in app.sst("deploy", "--yes")
    assert "no drift" in app.sst("refresh").lower()
    source = app.root / "src/tidy.py"
    source.write_text(source.read_text() + "\n# another line\n")
    config.write_text(config.read_text().replace('"SIZE": "256" if stack.stage == "production" else "128"',
                                                 '"SIZE": "64"'))
    app.sst("deploy", "--yes")
    assert "no drift" in app.sst("refresh").lower()
    app.sst("remove", "--yes")
    conflicts = strict.met["one_change_at_a_time"]
    lost = [r for r in strict.refusals if r.operation.startswith("lambda.") and r.rule == "one_change_at_a_time"]
    assert not lost, f"a function is changed by one call at a time; {conflicts} conflicts in all"
