"""What the emulator's ECS takes for a container engine: it starts processes, and containers of podman or docker."""
from __future__ import annotations

import itertools
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sst.embedded import emulator, left_over
from sst.embedded.certificates import trusting
from sst.embedded.containers import node, python
from sst.embedded.containers.container import Container, Images, Launch
from sst.embedded.containers.foreign import Client, EngineContainer, Wanted
from sst.embedded.functions import unpack
from sst.embedded.ports import free_port
from sst.embedded.settings import Settings
from sst.executor.interpreters import Interpreters
from sst.machine.container_engine import LABEL, ContainerEngine
from sst.machine.mounts import Mounts

__all__ = ["TASK", "Engine"]

TASK = "com.amazonaws.ecs.task-arn"
_QUICK = 10.0
"""A container that ends sooner failed at its start."""
_LONGEST_WAIT = 15.0
_KEPT = 60.0
"""Seconds for which a container that ended is kept: ECS asks for its exit code."""


class Engine:
    """``containers`` and ``images`` are what Docker's client has, as far as ECS uses it.

    The containers of a task share an address, which names it to a load balancer, and the ports of this machine that
    stand for theirs.
    """

    def __init__(self, settings: Settings) -> None:
        left_over.sweep(settings.folder, settings.host)     # a launcher before this one may have been killed
        self._settings, self._interpreters = settings, Interpreters(settings.host)
        self._all: dict[str, Container] = {}
        self._ports: dict[str, dict[int, int]] = {}
        self._addresses: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self._failures: dict[str, tuple[int, float]] = {}
        self._lock, self._unpacking = threading.Lock(), threading.Lock()
        self._closing = threading.Event()
        self.leaving: Callable[[str], None] = lambda address: None
        """Called with the address of a task before it is ended."""
        self.heard: Callable[[str, str, Sequence[tuple[int, str]], int | None], None] = lambda *_: None
        """In `sst dev`: title and id of a task, and what it says; its exit code when it has ended."""
        self.containers, self.images = self, Images()

    # Docker's client

    def run(self, image: str, **given: Any) -> Container:
        """Start a container. Raises `RuntimeError` where its image can't run here, `OSError` where its program is not
        there."""
        labels, environment = given["labels"], {str(k): str(v) for k, v in given["environment"].items()}
        definition, container = emulator.container_definition(labels)
        self._slow_down(definition["family"])
        address, ports = self._place(labels[TASK], definition)
        made = self._container(labels, address, definition, container, environment, ports)
        made.title = (container.get("dockerLabels") or {}).get("sst.title", "")
        made.start()
        with self._lock:
            self._all[made.id] = made
        threading.Thread(target=self._note_end, args=(made, definition["family"]), daemon=True).start()
        return made

    def get(self, id: str) -> Container:
        if id not in self._all:
            raise KeyError(id)
        return self._all[id]

    def list(self, **_: Any) -> Sequence[Container]:
        return list(self._all.values())

    def tell(self, container: Container, lines: Sequence[tuple[int, str]], code: int | None = None) -> None:
        """Hand on what a task says that `sst dev` shows."""
        if container.title:
            self.heard(container.title, container.labels[TASK].rpartition("/")[2], lines, code)

    # Where they are

    def address(self, task_address: str, port: int) -> int:
        """The port of 127.0.0.1 behind a port of a task; 0 if there is none."""
        return self._ports.get(task_address, {}).get(port, 0)

    def container_at(self, task_address: str) -> Container | None:
        return next((c for c in list(self._all.values()) if c.address == task_address), None)

    def close(self) -> None:
        """End all of them, at once."""
        ending = list(self._all.values())
        threads = [threading.Thread(target=c.stop, args=(3,)) for c in ending]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._closing.set()
        for container in ending:
            self._forget(container)

    def _place(self, task: str, definition: Mapping[str, Any]) -> tuple[str, dict[int, int]]:
        with self._lock:
            if task not in self._addresses:
                number = next(self._numbers)
                address = self._addresses[task] = f"127.66.{number >> 8 & 255}.{number & 255}"
                mapped = [m["containerPort"] for c in definition["containerDefinitions"]
                          for m in c.get("portMappings", ())]
                self._ports[address] = {}
                for port in mapped:
                    self._ports[address][port] = free_port(0)
            return self._addresses[task], self._ports[self._addresses[task]]

    def _container(self, labels: Mapping[str, str], address: str, definition: Mapping[str, Any],
                   container: Mapping[str, Any], environment: dict[str, str], ports: Mapping[int, int]) -> Container:
        from sst.embedded.patches import volumes

        task = labels[TASK]
        temp = self._temp(task)
        temp.mkdir(mode=0o700, parents=True, exist_ok=True)
        environment = {**environment, **self._aws(definition, task)}
        for name in ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"):
            environment.pop(name, None)
        try:
            mounts = volumes.of_container(definition, container)
        except KeyError as error:
            raise RuntimeError(f"{container['name']} mounts what is gone: {error.args[0]}") from error
        if engine := (container.get("dockerLabels") or {}).get(LABEL):
            client = Client(ContainerEngine(engine, self._settings.host), self._settings.folder)
            client.pull(container["image"])
            wanted = _wanted(definition, container, environment, ports, mounts.at if mounts else ())
            return EngineContainer(labels, address, client, wanted, temp, leaving=self.leaving)
        launch = self._launch(container, environment, ports, temp, mounts,
                              int(container.get("memory") or definition.get("memory") or 0))
        return Container(labels, address, launch, leaving=self.leaving)

    def _aws(self, definition: Mapping[str, Any], task: str) -> dict[str, str]:
        """The variables by which a task calls AWS."""
        account, region = task.split(":")[4], task.split(":")[3]
        return {"AWS_REGION": region, "AWS_DEFAULT_REGION": region, "AWS_ENDPOINT_URL": self._settings.endpoint,
                "AWS_ENDPOINT_URL_S3": self._settings.s3_endpoint,
                **emulator.task_credentials(definition, task, account, region)}

    def _launch(self, container: Mapping[str, Any], environment: Mapping[str, str], ports: Mapping[int, int],
                temp: Path, mounts: Mounts | None, memory: int) -> Launch:
        labels = container.get("dockerLabels") or {}
        source = Path(labels["sst.source"]) if "sst.source" in labels else None  # in `sst dev`
        folders = [*([source] if source else []), *([self._code(container)] if "sst.bundle" in labels else [])]
        env = {"LANG": "C.UTF-8", "HOME": str(temp), "TMPDIR": str(temp), **trusting(self._settings.folder),
               **environment}
        command, run = self._program(container, folders, ports, env)
        if mounts:
            command, env = mounts.command(command), {**env, **mounts.environment}
        return Launch(command, run(env), folders[0] / labels.get("sst.directory", "."), memory)

    def _program(self, container: Mapping[str, Any], folders: Sequence[Path], ports: Mapping[int, int],
                 env: dict[str, str]) -> tuple[Sequence[str], Callable[[Mapping[str, str]], dict[str, str]]]:
        """The command of a container with this machine's Python or Node, and what adds that one's variables."""
        labels = container.get("dockerLabels") or {}
        given = [*(container.get("entryPoint") or ()), *(container.get("command") or ())]
        if "sst.node" in labels:
            found, _ = self._interpreters.node(labels["sst.node"])
            return node.line(given, found), partial(node.variables, found, ports)
        found, version = self._interpreters.python(labels.get("sst.python", ""))
        env.setdefault("PYTHONPYCACHEPREFIX", str(self._settings.folder / "tmp" / f"pycache-{version}"))
        return python.line(given, found), partial(python.variables, found, folders, ports)

    def _code(self, container: Mapping[str, Any]) -> Path:
        """Where its bundle is unpacked."""
        labels = container["dockerLabels"]
        archive: Path
        folder: Path
        archive, folder = Path(labels["sst.bundle"]), self._settings.folder / "images" / labels["sst.sha256"]
        with self._unpacking:  # once for all replicas
            if folder.is_dir():
                return folder
            if not archive.is_file():
                raise RuntimeError(f"the code of {container['name']} is not on this machine any more: deploy again")
            return unpack(folder.parent, archive.read_bytes(), frozen=False)

    def _slow_down(self, family: str) -> None:
        """Wait before the next start of what keeps failing: 0.5, 1, 2... 15 seconds."""
        failed, last = self._failures.get(family, (0, 0.0))
        if failed > 3:
            time.sleep(max(0.0, min(_LONGEST_WAIT, 0.5 * 2 ** (failed - 4)) - (time.monotonic() - last)))

    def _note_end(self, container: Container, family: str) -> None:
        code = container.wait()["StatusCode"]
        if container.title:
            container.wait_for_lines()
            self.tell(container, (), code)
        now = time.monotonic()
        failed = self._failures.get(family, (0, 0.0))[0]
        quick = code and now - container.began < _QUICK
        self._failures[family] = (failed + 1 if quick else 0, now)
        if not self._closing.wait(_KEPT):
            self._forget(container)

    def _forget(self, container: Container) -> None:
        """Drop what ended; with the last container of a task its ports and its folder go."""
        task = container.labels[TASK]
        with self._lock:
            self._all.pop(container.id, None)
            if any(c.labels[TASK] == task for c in self._all.values()):
                return
            self._ports.pop(self._addresses.pop(task, ""), None)
        shutil.rmtree(self._temp(task), ignore_errors=True)

    def _temp(self, task: str) -> Path:
        """The home of a task's containers, and where they write what is temporary."""
        return self._settings.folder / "tmp" / f"task-{task.rpartition('/')[2]}"


def _wanted(definition: Mapping[str, Any], container: Mapping[str, Any], environment: Mapping[str, str],
            ports: Mapping[int, int], mounts: Sequence[tuple[str, str]]) -> Wanted:
    own = [m["containerPort"] for m in container.get("portMappings") or ()]
    return Wanted(container["image"], container.get("entryPoint") or (), container.get("command") or (), environment,
                  {port: ports[port] for port in own}, mounts,
                  int(container.get("memory") or definition.get("memory") or 0),
                  int(container.get("cpu") or definition.get("cpu") or 0), definition["family"])
