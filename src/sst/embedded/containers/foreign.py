"""Containers of images that podman or docker runs on this machine: what its command is called with."""
from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sst.embedded import left_over
from sst.embedded.containers.container import Container, Launch
from sst.machine.container_engine import ContainerEngine
from sst.machine.files import write_private
from sst.machine.lifeline import Lifeline
from sst.machine.memory import cpu_seconds, used_mb

__all__ = ["Client", "EngineContainer", "Wanted"]

_SECONDS = 20.0
"""In which an engine answers a question or removes a container."""
_LONGEST_LINE = 32_000
"""Of a file of variables; a longer variable is inherited."""


@dataclass(frozen=True)
class Wanted:
    """What a task definition says of a container. ``ports`` of the container are published at those of 127.0.0.1;
    ``mounts`` are pairs of a folder and its path inside; ``memory`` in MB, ``cpu`` in 1/1024 of a core, 0 is no limit;
    ``family`` is the name of the task definition."""

    image: str
    entry_point: Sequence[str]
    command: Sequence[str]
    environment: Mapping[str, str]
    ports: Mapping[int, int]
    mounts: Sequence[tuple[str, str]]
    memory: int
    cpu: int
    family: str


@dataclass(frozen=True)
class Client:
    """The command of an engine, ``on`` which it runs; ``folder`` is that of the cloud."""

    on: ContainerEngine
    folder: Path

    @property
    def engine(self) -> str:
        return self.on.name

    @property
    def host(self) -> Mapping[str, str]:
        return self.on.environ

    def pull(self, image: str) -> None:
        """Raises `RuntimeError` with the engine's last words if it neither has nor gets the image."""
        if self._answer("image", "inspect", image) is not None:
            return
        lifeline = Lifeline()
        try:
            process = subprocess.Popen([self.engine, "pull", image], env={**self.host, **lifeline.environment},
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       pass_fds=(lifeline.give,), start_new_session=True)
        except OSError as error:
            lifeline.cut()
            raise RuntimeError(f"{self.engine} can't be started: {error.strerror}") from error
        lifeline.hold(process.pid)
        assert process.stdout
        with process.stdout as out:
            last = deque((text for line in out if (text := line.decode("utf-8", "replace").strip())), maxlen=1)
        code = process.wait()
        lifeline.cut()
        if code:
            raise RuntimeError(f"{self.engine} can't pull {image}: {''.join(last) or f'exit code {code}'}")

    def launch(self, name: str, wanted: Wanted, temp: Path) -> Launch:
        """The command that runs a container to its end; ``temp`` is a private folder of the task."""
        left_over.remember(self.folder, self.engine)
        mounts = [(folder, path, "") for folder, path in wanted.mounts]
        trust = self._trust(temp)
        mounts += [(str(file), path, ":ro") for file, path in trust.values()]
        ours = [f"--label={left_over.label(self.folder)}", f"--label=sst.task={wanted.family}"]
        for folder, _ in wanted.mounts:
            Path(folder).mkdir(parents=True, exist_ok=True)
        variables = self._reaching({**{key: path for key, (_, path) in trust.items()}, **wanted.environment},
                                   wanted.ports)
        inherited = {k: v for k, v in variables.items() if "\n" in v or "\r" in v or len(v) > _LONGEST_LINE}
        file = temp / f"{name}.env"
        write_private(file, "".join(f"{k}={v}\n" for k, v in variables.items() if k not in inherited))
        words = [
            self.engine, "run", "--rm", f"--name={name}", *ours, f"--env-file={file}",
            *(f"--env={k}" for k in inherited), *self.on.network,
            *(f"--publish=127.0.0.1:{here}:{port}" for port, here in wanted.ports.items()),
            *(f"--volume={folder}:{path}{mode}" for folder, path, mode in mounts),
            *([f"--memory={wanted.memory}m"] if wanted.memory else []),
            *([f"--cpus={min(wanted.cpu / 1024, os.cpu_count() or 1):g}"] if wanted.cpu else []),
            *([f"--entrypoint={wanted.entry_point[0]}"] if wanted.entry_point else []), wanted.image,
            *wanted.entry_point[1:], *wanted.command]
        return Launch(words, {**self.host, **inherited}, temp)

    def remove(self, name: str) -> None:
        """End a container at once; nothing happens if there is none."""
        self._answer("rm", "--force", *(["--time=0"] if self.engine == "podman" else []), name)

    def process(self, name: str) -> int:
        """The id of its first process on this machine; 0 if there is none."""
        said = self._answer("inspect", "--format={{.State.Pid}}", name) or ""
        return int(said) if said.strip().isdigit() else 0

    def _answer(self, *words: str) -> str | None:
        try:
            return subprocess.run([self.engine, *words], env=dict(self.host), stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=_SECONDS, check=True).stdout
        except (OSError, subprocess.SubprocessError):
            return None

    def _reaching(self, variables: Mapping[str, str], ports: Mapping[int, int]) -> dict[str, str]:
        """The variables with this machine's address as the container sees it: in those of sst and AWS, and where one
        names a port that is not the container's own."""
        def there(found: re.Match[str]) -> str:
            return found[0] if int(found[1]) in ports else f"{self.on.address}:{found[1]}"

        return {k: v.replace("127.0.0.1", self.on.address) if k.startswith(("SST_", "AWS_"))
                else re.sub(r"\b127\.0\.0\.1:(\d+)", there, v) for k, v in variables.items()}

    def _trust(self, temp: Path) -> dict[str, tuple[Path, str]]:
        """By variable, copies of the authorities that a container trusts, which its user can read, and where they are
        inside."""
        made = {}
        for variable, file in (("SSL_CERT_FILE", "bundle.pem"), ("NODE_EXTRA_CA_CERTS", "ca.pem")):
            with contextlib.suppress(FileNotFoundError):
                copy = temp / file
                copy.write_bytes((self.folder / "tls" / file).read_bytes())
                copy.chmod(0o644)
                made[variable] = (copy, f"/run/sst/{file}")
        return made


class EngineContainer(Container):
    """A container of an engine; the process is that of its command, which hands signals and output on."""

    def __init__(self, labels: Mapping[str, str], address: str, client: Client, wanted: Wanted, temp: Path,
                 *, leaving: Callable[[str], None]) -> None:
        name = f"sst-{wanted.family}-{uuid.uuid4().hex[:12]}"
        super().__init__(labels, address, client.launch(name, wanted, temp), leaving=leaving)
        self.name, self._client, self._found = name, client, 0
        if client.on.is_cut_off:
            self.note("sst: unless this is Docker Desktop, the container does not reach the local cloud: docker keeps "
                      "containers from 127.0.0.1 of the machine")

    def stop(self, timeout: float = 10) -> None:
        """No new requests, then SIGTERM; after ``timeout`` seconds the engine ends it."""
        if self.status == "running":
            super().stop(timeout)
            self._client.remove(self.name)      # it may have been on its way

    def cpu_seconds(self) -> float:
        return cpu_seconds(self._process_inside())

    def memory_mb(self) -> int:
        return used_mb(self._process_inside())

    def _process_inside(self) -> int:
        if not self._found and self.status == "running":
            self._found = self._client.process(self.name)
        return self._found

    def _signal(self, word: signal.Signals) -> None:
        if word == signal.SIGKILL and self.status == "running":
            self._client.remove(self.name)
        super()._signal(word)
