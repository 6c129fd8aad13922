"""Podman and docker are asked whether they run."""
from __future__ import annotations

import os
from pathlib import Path

import pytest

from sst.machine.container_engine import ContainerEngine

CASES = {
    "absent": (None, "docker is not installed"),
    "without an engine": ("exit 1", "docker has no engine that runs"),
    "silent": ("exec sleep 60", "docker does not answer within 3 seconds"),
    "running": ("exit 0", ""),
}


@pytest.mark.parametrize("case", CASES)
def test_a_command_without_a_running_engine_counts_as_none(case: str, tmp_path: Path) -> None:
    script, said = CASES[case]
    if script is not None:
        (tmp_path / "docker").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "docker").chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin" if script else str(tmp_path)
    assert ContainerEngine("docker", {**os.environ, "PATH": path}).missing == said


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="elsewhere podman runs in a virtual machine")
def test_podman_needs_the_network_by_which_its_containers_reach_the_local_cloud(tmp_path: Path) -> None:
    (tmp_path / "podman").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "podman").chmod(0o755)
    assert "slirp4netns" in ContainerEngine("podman", {"PATH": str(tmp_path)}).missing
