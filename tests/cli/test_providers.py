"""``sst add``, ``sst install`` and ``sst providers``, with real ``sst`` processes and a registry on this machine."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from venv import create

import pytest

from sst.plugins.lock import Lock
from tests.plugins.registry_server import RegistryServer, Signer, environ_of, package, serving

SST = Path(sys.executable).with_name("sst")
PLUGIN = (f"#!/bin/sh\nPYTHONPATH={Path(__file__).parents[2]} exec {sys.executable} "
          "-m tests.clouds.terraform.fake_plugin\n")
CONFIG = """
import sst
from sst.providers import fake

def config(input: sst.AppInput) -> sst.Config:
    return sst.Config(name="demo", home="local")

def run():
    fake.Thing("One", name="one", size=1)
"""

pytestmark = pytest.mark.slow


class Shell:
    def __init__(self, root: Path, server: RegistryServer) -> None:
        self.root, self.cloud = root, root / "cloud"
        self.cloud.mkdir()
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SST_", "CI"))}
        self.environ = {**kept, **environ_of(server, root), "FAKE_FOLDER": str(self.cloud), "SST_STAGE": "test",
                        "XDG_DATA_HOME": str(root / "data"), "XDG_STATE_HOME": str(root / "state"),
                        "AWS_REGION": "us-east-1"}

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([SST, *words], cwd=self.root, env={**self.environ, **more}, capture_output=True,
                              text=True, timeout=120, stdin=subprocess.DEVNULL)

    def ok(self, *words: str, **more: str) -> str:
        done = self.run(*words, **more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.mark.long
def test_from_the_first_add_to_the_last_trace(tmp_path: Path) -> None:
    (tmp_path / "sst_config.py").write_text(CONFIG)
    with serving(RegistryServer({"1.0.0": package(PLUGIN)}, Signer()), tmp_path) as server:
        shell = Shell(tmp_path, server)
        refused = shell.run("add", server.source, CI="true")
        assert "sst.lock is not changed where CI is set" in refused.stderr and refused.returncode == 1
        made = shell.ok("add", f"{server.source}@1.0")
        assert f"fake: {server.source} 1.0.0, signed by {server.signer.id if server.signer else ''}" in made
        lock = (tmp_path / "sst.lock").read_text()
        assert 'constraint = "~> 1.0"' in lock and "protocol = 6" in lock
        lines = {x["name"]: x for x in json.loads(shell.ok("providers", "schema", "fake.Thing", "--json"))}
        assert lines["name"]["notes"] == "required" and lines["alias_"]["type"] == "text"
        assert lines["rule.port"]["type"] == "number" and lines["token"]["notes"] == "secret, output"

        shutil.rmtree(tmp_path / "cache")
        assert "installed acme/fake 1.0.0" in shell.ok("install", CI="true")
        shutil.rmtree(tmp_path / "cache")
        away = shell.run("diff", HTTPS_PROXY="http://127.0.0.1:9", NO_PROXY="")
        assert "the provider acme/fake 1.0.0 is not installed, and " in away.stderr
        assert "can't be reached" in away.stderr
        deployed = shell.run("deploy", "--yes", CI="true")
        assert deployed.returncode == 0 and "downloading acme/fake 1.0.0" in deployed.stderr
        assert (tmp_path / "sst.lock").read_text() == lock
        why = json.loads(shell.ok("providers", "why", "fake", "--json"))
        assert why["constraint"] == "~> 1.0"
        assert why["uses"] == [{"name": "One", "type": "fake:Thing", "where": "sst_config.py:9", "instance": ""}]
        assert [json.loads(f.read_text())["name"] for f in shell.cloud.glob("*.json")] == ["one"]
        assert "no changes" in shell.ok("deploy", "--yes")

        server.versions["1.1.0"] = package(PLUGIN, name="terraform-provider-fake_v1.1.0")
        assert "1.0.0 (newer: 1.1.0)" in shell.ok("providers", "list", "--newer")
        assert "fake: 1.0.0 → 1.1.0" in shell.run("providers", "upgrade", "--yes").stderr
        assert Lock.read(tmp_path).named("fake").version == "1.1.0" and "no changes" in shell.ok("diff")
        assert "fake manages One in this stage" in shell.run("providers", "remove", "fake").stderr
        shell.ok("providers", "mirror", "mirror")
        shutil.rmtree(tmp_path / "cache")
        shell.ok("remove", "--yes", SST_PROVIDER_DIR=str(tmp_path / "mirror"))
        assert not list(shell.cloud.glob("*.json"))
        shell.ok("providers", "remove", "fake")
        assert not (tmp_path / "sst.lock").exists()


@pytest.mark.long
def test_a_plugin_resource_is_adopted_from_terraform_planned_saved_and_rolled_back(tmp_path: Path) -> None:
    config = tmp_path / "sst_config.py"
    config.write_text(CONFIG)
    with serving(RegistryServer({"1.0.0": package(PLUGIN)}, Signer()), tmp_path) as server:
        shell = Shell(tmp_path, server)
        shell.ok("add", server.source)
        shell.ok("deploy", "--yes", SST_STAGE="former")    # it stands for what Terraform made
        thing = json.loads(next(shell.cloud.glob("*.json")).read_text())
        instance = {"schema_version": 2, "attributes": thing, "private": "bm90ZXM="}
        (tmp_path / "terraform.tfstate").write_text(json.dumps({
            "version": 4, "terraform_version": "1.15.5", "resources": [
                {"mode": "managed", "type": type, "name": "one", "provider": f'provider["{server.source}"]',
                 "instances": [instance]} for type in ("fake_thing", "fake_other")]}))
        asked = shell.run("adopt", "--from", "terraform.tfstate")
        assert asked.returncode == 1 and "--yes" in asked.stderr
        made = shell.run("adopt", "--from", "terraform.tfstate", "--yes")
        told = made.stdout + made.stderr
        assert made.returncode == 0 and "One" in told and "fake has no such type" in told
        assert "no changes" in shell.ok("diff")
        config.write_text(CONFIG.replace("size=1", "size=2"))
        shell.ok("diff", "-o", "plan.json")
        assert "1 updated" in shell.ok("deploy", "plan.json")
        size = [json.loads(f.read_text())["size"] for f in shell.cloud.glob("*.json")]
        assert size == [2], "the same one, changed in place"
        shell.ok("rollback", "--yes")
        assert [json.loads(f.read_text())["size"] for f in shell.cloud.glob("*.json")] == [1]


@pytest.mark.long
def test_types_are_written_without_a_network_and_a_lock_is_not(tmp_path: Path) -> None:
    (tmp_path / "sst_config.py").write_text(CONFIG)
    with serving(RegistryServer({"1.0.0": package(PLUGIN)}, Signer()), tmp_path) as server:
        shell = Shell(tmp_path, server)
        shell.ok("add", server.source)
    lock, away = (tmp_path / "sst.lock").read_text(), {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""}
    venv = tmp_path / ".venv"
    create(venv, symlinks=True)
    shell.ok("providers", "types", **away)
    assert any("class Thing" in f.read_text() for f in venv.rglob("*.pyi"))
    refused = shell.run("providers", "lock", **away)
    assert refused.returncode == 1 and "can't be reached" in refused.stderr and "Traceback" not in refused.stderr
    assert (tmp_path / "sst.lock").read_text() == lock


@pytest.mark.long
def test_an_upgrade_is_rehearsed_before_the_lock_is_changed(tmp_path: Path) -> None:
    def version(schema: int) -> bytes:
        return package(PLUGIN.replace("PYTHONPATH", f"FAKE_VERSION={schema} PYTHONPATH"))

    config = tmp_path / "sst_config.py"
    config.write_text(CONFIG.replace("name=\"one\"", "title=\"one\""))
    with serving(RegistryServer({"1.0.0": version(1)}, Signer()), tmp_path) as server:
        shell = Shell(tmp_path, server)
        shell.ok("add", server.source)
        shell.ok("deploy", "--yes")
        lock, state = (tmp_path / "sst.lock").read_text(), shell.ok("state", "export")

        server.versions["1.1.0"] = version(2)
        asked = shell.run("providers", "upgrade")
        assert asked.returncode == 1 and "--yes" in asked.stderr
        assert "fake:Thing does not take title any more" in asked.stderr and "fake:Thing needs name" in asked.stderr
        assert "1 resource, 1 of them converted; the program can't be planned with it: " in asked.stderr
        assert "(sst_config.py:9)" in asked.stderr

        server.versions["1.2.0"] = version(1)
        config.write_text(config.read_text().replace("size=1", "size=2"))     # of today, and not of the upgrade
        asked = shell.run("providers", "upgrade")
        assert "1 resource, 0 of them converted; a deploy would change nothing because of it" in asked.stderr
        assert (tmp_path / "sst.lock").read_text() == lock and shell.ok("state", "export") == state

        absent = shell.run("providers", "upgrade", SST_STAGE="")
        assert "not rehearsed: no stage is named" in absent.stderr
        made = json.loads(shell.ok("providers", "upgrade", "fake@1.1.0", "--yes", "--json"))
        assert made[0]["rehearsal"]["converted"] == 1 and made[0]["rehearsal"]["problem"]
        assert Lock.read(tmp_path).named("fake").version == "1.1.0"
