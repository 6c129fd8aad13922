"""The demo app lives its whole life where AWS's refusals and delays are, without one command given twice."""
from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sst.clouds.aws.deploy_policy import actions_of, deploy_policies
from sst.embedded.cloud import Cloud

from .app import App
from .clock import Clock
from .cloud import StrictCloud, strict_cloud
from .deployer import deployer

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.strict]
UPLOADS = Path(__file__).parents[2] / "examples/uploads"


@pytest.fixture
def strict(cloud: Cloud) -> Iterator[StrictCloud]:
    with strict_cloud(cloud.endpoint, clock=Clock(speed=10), keys=deployer(cloud, "uploads")) as made:
        yield made


@pytest.fixture
def app(tmp_path: Path, strict: StrictCloud) -> App:
    root = tmp_path / "uploads"
    shutil.copytree(UPLOADS, root, ignore=shutil.ignore_patterns(".sst", ".venv", "__pycache__"))
    project = root / "pyproject.toml"      # the newest has no wheel for the Amazon Linux 2 of older Pythons
    project.write_text(project.read_text().replace("pillow>=11", "pillow>=11,<12"))
    subprocess.run([Path(sys.executable).with_name("uv"), "lock", "--quiet"], cwd=root, check=True)
    return App(root, strict)


@pytest.mark.timeout(900)
def test_the_demo_lives_its_life(app: App, strict: StrictCloud) -> None:
    """Deployed by who may do what docs/deploy_permissions.md allows: each call is asked for, with its resource."""
    config = app.root / "sst_config.py"
    app.sst("deploy", "--yes")
    assert strict.refusals, "AWS's refusals were met, and retried"
    assert "no changes" in app.sst("deploy", "--yes")
    assert "no drift" in app.sst("refresh").lower()
    source = app.root / "src/tidy.py"
    source.write_text(source.read_text() + "\n# another line\n")
    config.write_text(config.read_text().replace('"SIZE": "256" if stack.stage == "production" else "128"',
                                                 '"SIZE": "64"'))
    app.sst("deploy", "--yes")
    assert "no drift" in app.sst("refresh").lower()
    assert "no orphans" in app.sst("orphans")
    app.sst("remove", "--yes")
    conflicts = strict.met["one_change_at_a_time"]
    lost = [r for r in strict.refusals if r.operation.startswith("lambda.") and r.rule == "one_change_at_a_time"]
    allowed = {a for p in deploy_policies("uploads") for s in p["Statement"] for a in s["Action"]}
    needed = {a for name in strict.calls for a in actions_of(*name.split("."))}
    assert len(needed) > 40 and needed <= allowed, needed - allowed
    assert not lost, f"a function is changed by one call at a time; {conflicts} conflicts in all"
