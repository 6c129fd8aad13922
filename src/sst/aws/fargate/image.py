"""What a container runs: an image that exists, or the project's own Python code."""
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from ...build.layout import layout, python_file
from ...build.source import NODE, Source, runtime_for
from ...clouds.aws.fargate import LOCAL_IMAGE
from ...core.context import ContainerEngine
from ...core.graph import Graph
from ...core.output import Input
from ...errors import UserError
from ...machine.container_engine import LABEL
from ..bundles import declare_build
from ..images import Dockerfile, declare_dockerfile, declare_image, declare_local_dockerfile

__all__ = ["Code", "Image", "Python", "code_of", "image_of", "module_of"]

APPS = ("main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py", "src/main.py", "src/app.py")
"""Where the web app is looked for, and ``app`` or ``api`` in it.
Source: https://github.com/fastapi/fastapi-cli/blob/main/src/fastapi_cli/discover.py"""
SHELLS = ("python", "python3", "sh", "bash", "env")

Python = Mapping[str, Any]


@dataclass(frozen=True)
class Image:
    """An image, its command, and what the cloud of this machine needs to run it as a process."""

    name: Input[str]
    command: Sequence[Input[str]] | None
    labels: Mapping[str, Input[str]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    unprivileged: bool = False
    """Its user is not root."""


@dataclass(frozen=True)
class Code:
    """The project's own Python code, and the command that runs it."""

    source: Source
    command: Sequence[str]

    @property
    def data(self) -> dict[str, Any]:
        """The source without the project's folder."""
        return {k: v for k, v in self.source.to_dict().items() if k != "root"}


def code_of(graph: Graph, *, handler: str | None, command: Sequence[str] | None, port: int | None, architecture: str,
            python: Python, what: str, copy_files: Sequence[tuple[str, str]] = ()) -> Code | None:
    """The code that a container runs, if it names some or the project has a web app. ``port`` is where that listens."""
    root = Path(graph.root or ".")
    chosen = handler or (None if _starts_node(command) else _file_of(root, command) or _app(root))
    if chosen is None:
        return None
    source = Source(str(root), chosen, runtime_for(root, chosen, python=graph.context.python), architecture,
                    graph.target.is_local or graph.target.dev, tuple(copy_files), python, image=True)
    if not source.is_python:
        raise UserError(f"the handler of {what} is not a Python file: {chosen}",
                        hint="for other languages build an image, and name it: image=\"...\"")
    line = list(command) if command is not None else _start(source, port, what)
    if line[0] not in SHELLS and "/" not in line[0]:
        line = ["python", "-m", *line]
    return Code(source, line)


def image_of(graph: Graph, name: str, *, image: str | Dockerfile | Image | None, handler: str | None,
             command: Sequence[str] | None, base: str | None, port: int | None, architecture: str,
             python: Python, what: str, dev: Mapping[str, Any] | None = None,
             copy_files: Sequence[tuple[str, str]] = ()) -> Image:
    """The image of a container. ``port`` is where a web app listens; ``name`` is that of the build's resource."""
    if isinstance(image, Image):
        return image
    if command is not None and (isinstance(command, str) or not command):
        raise UserError(f"command of {what} takes a list of words, not {command!r}",
                        hint='command=["python", "-m", "worker"]')
    if image is not None and base is not None:
        raise UserError(f"{what} has both image and base",
                        hint="base is for an image that is made of the project's code")
    if image is not None and not graph.target.is_local:
        return Image(image if isinstance(image, str) else declare_dockerfile(
            graph, name, image, architecture=architecture, what=what), command)
    if image is not None and graph.context.engine and not (dev and "command" in dev):
        return _by_engine(graph, name, graph.context.engine, image, command, what, dev)
    project = None if graph.target.is_local else _node_project(graph, command, architecture)
    if project is not None:
        return Image(declare_image(graph, name, project, base=base), command, unprivileged=True)
    code = code_of(graph, handler=handler, command=command, port=port, architecture=architecture, python=python,
                   what=what, copy_files=copy_files)
    if code is None:
        if dev is not None and "command" in dev:
            return _from_source(graph, Image(f"{LOCAL_IMAGE}{what.lower()}", None), what, dev, python)
        if image is not None:
            # refused, with the reason, once the program has ended
            return Image(image if isinstance(image, str) else "of a Dockerfile", command)
        raise _nothing_to_run(graph, command, what)
    if not graph.target.is_local:
        return Image(declare_image(graph, name, code.source, base=base), code.command, unprivileged=True)
    built = declare_build(graph, name, code.source)
    labels: dict[str, Input[str]] = {"sst.bundle": built.path, "sst.sha256": built.sha256,
                                     "sst.python": code.source.version}
    made = Image(f"{LOCAL_IMAGE}{what.lower()}@sha256:{built.sha256}", code.command, labels)
    return made if dev is None else _from_source(graph, made, what, dev, python)


def _by_engine(graph: Graph, name: str, engine: ContainerEngine, image: str | Dockerfile,
               command: Sequence[str] | None, what: str, dev: Mapping[str, Any] | None) -> Image:
    """An image that podman or docker runs on this machine, the same as on AWS."""
    if engine.missing:
        of = image if isinstance(image, str) else "of a Dockerfile"
        raise UserError(f"{what} can't run on stage local: the image {of} needs a container engine, and "
                        f"{engine.missing}", code="tool-missing",
                        hint='start it, or choose another in Config(local={"engine": ...}); or declare it on other '
                             "stages alone: if not app.local: ...")
    labels = {LABEL: engine.name, **({"sst.title": what} if dev is not None else {})}
    return Image(image if isinstance(image, str) else declare_local_dockerfile(graph, name, image, engine.name,
                                                                               what=what), command, labels)


def _nothing_to_run(graph: Graph, command: Sequence[str] | None, what: str) -> UserError:
    if _starts_node(command) and graph.target.is_local:
        return UserError(f"{what} runs Node, and services and tasks of stage local run Python alone",
                         hint='dev={"command": "npm run dev"} runs it in sst dev')
    if _starts_node(command):
        return UserError(f"{what} runs Node, and there is no package.json in {graph.root}",
                         hint="it lies beside the config; or name an image: image=\"...\"")
    return UserError(f"{what} says neither what it runs nor which image",
                     hint='handler="app.main:app" for a web app, handler="src/job.run" or command=["python", "job.py"] '
                          'for a program, or image="..."; without one there must be an app in one of '
                          + ", ".join(APPS))


def _from_source(graph: Graph, image: Image, what: str, dev: Mapping[str, Any], python: Python) -> Image:
    """The same in `sst dev`: the project's files come before those of the bundle, and the session shows its lines."""
    root = Path(graph.root or ".").resolve()
    source = root / str(python.get("root", "."))
    directory = os.path.relpath(root / dev["directory"], source) if "directory" in dev else "."
    labels = {**image.labels, "sst.source": str(source), "sst.title": what, "sst.directory": directory}
    return replace(image, labels=labels, command=["sh", "-c", dev["command"]] if "command" in dev else image.command)


def _starts_node(command: Sequence[str] | None) -> bool:
    return bool(command) and command is not None and command[0] in ("node", "npm")


def _node_project(graph: Graph, command: Sequence[str] | None, architecture: str) -> Source | None:
    """The Node project that a command starts, as ``["node", "dist/server.js"]`` does."""
    root = Path(graph.root or ".")
    if command is None or not _starts_node(command) or not (root / "package.json").is_file():
        return None
    file = next((w for w in command[1:] if command[0] == "node" and (root / w).is_file()), "index.js")
    return Source(str(root), f"{PurePosixPath(file).with_suffix('')}.*", NODE, architecture, image=True)


def _start(source: Source, port: int | None, what: str) -> list[str]:
    """The command of a handler: a server for a web app, or a call of the function."""
    at, module = layout(source), module_of(source)
    if not at.web:
        return ["python", "-c", f"import {module} as _; _.{at.attribute}()"]
    if not any("uvicorn" in f.read_text("utf-8", "replace") for f in at.declared if f.is_file()):
        raise UserError(f"{what} is a web app, and uvicorn, which serves it, is not among the project's dependencies",
                        hint="uv add uvicorn; or give its own command=[...]")
    made = ["--factory"] if at.attribute.endswith("()") else []
    return ["python", "-m", "uvicorn", f"{module}:{at.attribute.removesuffix('()')}", *made, "--host", "0.0.0.0",
            "--port", str(port or 8080), "--proxy-headers", "--forwarded-allow-ips", "*"]


def module_of(source: Source) -> str:
    """What a program imports to get the handler's file."""
    at = layout(source)
    file = at.file.relative_to(at.base).with_suffix("")
    parts = list((file.parent if file.name == "__init__" else file).parts)
    return ".".join(parts[1:] if parts[0] == "src" and len(parts) > 1 else parts)


def _file_of(root: Path, command: Sequence[str] | None) -> str | None:
    """A handler that stands for the module that a command runs: what is bundled begins at its file."""
    if command is None:
        return None
    words = [w for w in command if not w.startswith("-")]
    if words and words[0] in ("python", "python3"):
        words = words[1:]
    for word in words[:2]:
        stem = word.partition(":")[0].removesuffix(".py")
        stem = stem if "/" in stem else stem.replace(".", "/")
        if python_file(root, f"{stem}.x"):
            return f"{stem}.*"
    return None


def _app(root: Path) -> str | None:
    """The project's web app, where such apps are."""
    for name in APPS:
        if (root / name).is_file():
            text = (root / name).read_text("utf-8", "replace")
            for attribute in ("app", "api"):
                if f"\n{attribute} = " in f"\n{text}" or f"\n{attribute}: " in f"\n{text}":
                    return f"{name.removesuffix('.py')}:{attribute}"
    return None
