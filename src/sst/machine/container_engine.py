"""The container engines that may be on a machine: podman and docker, by their command lines."""
from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

__all__ = ["ENGINES", "GATEWAY", "HOSTS", "LABEL", "ContainerEngine", "why_silent"]

HOSTS = {"podman": "host.containers.internal", "docker": "host.docker.internal"}
"""By engine, the name of this machine in its containers."""
ENGINES = tuple(HOSTS)
GATEWAY = "10.0.2.2"
"""Where containers with a network of slirp4netns find 127.0.0.1 of this machine: slirp4netns(1)."""
LABEL = "sst.engine"
"""The label of a container in a task definition that an engine runs; its value is the engine's name."""
ANSWER_SECONDS = 3.0
"""An engine that takes longer to say that it runs counts as none."""


def why_silent(name: str, words: Sequence[str], environ: Mapping[str, str], *, seconds: float) -> str:
    """Why a program does not answer a question, in words that follow its name; empty if it does."""
    import subprocess
    from shutil import which

    program = which(name, path=environ.get("PATH", ""))
    if program is None:
        return "is not installed"
    try:
        subprocess.run([program, *words], env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True,
                       timeout=seconds, check=True)
    except subprocess.TimeoutExpired:
        return f"does not answer within {seconds:g} seconds"
    except (OSError, subprocess.CalledProcessError):
        return "has no engine that runs"
    return ""


@dataclass(frozen=True)
class ContainerEngine:
    """``name`` is ``"podman"`` or ``"docker"``; ``environ`` has ``PATH`` and what tells its command where the engine
    is."""

    name: str
    environ: Mapping[str, str]

    @cached_property
    def missing(self) -> str:
        """Why no container can run by it; empty if it answers. It is asked once, and has 3 seconds."""
        from shutil import which

        if why := why_silent(self.name, ("info",), self.environ, seconds=ANSWER_SECONDS):
            return f"{self.name} {why}"
        if self._has_own_network and not which("slirp4netns", path=self.environ.get("PATH", "")):
            return "slirp4netns, by which containers of podman reach the local cloud, is not installed"
        return ""

    @property
    def address(self) -> str:
        """Where a container finds what listens at 127.0.0.1 of this machine."""
        return GATEWAY if self._has_own_network else HOSTS[self.name]

    @property
    def network(self) -> list[str]:
        """Words of `run` for a network in which that address is there."""
        if self.name == "docker":
            return [f"--add-host={self.address}:host-gateway"]
        return ["--http-proxy=false",
                *(["--network=slirp4netns:allow_host_loopback=true"] if self._has_own_network else [])]

    @property
    def is_cut_off(self) -> bool:
        """Whether that address is there in Docker Desktop alone: Docker Engine leads to a bridge of the machine."""
        return self.name == "docker" and sys.platform == "linux"

    @property
    def _has_own_network(self) -> bool:
        """On Linux; elsewhere podman runs in a virtual machine, which knows this one by name."""
        return self.name == "podman" and sys.platform == "linux"
