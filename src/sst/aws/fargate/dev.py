"""Services and tasks in `sst dev`: their code runs from its source on the developer's machine."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from ...core.component import Component
from ...core.dev_parts import Process
from ...core.graph import current
from ...core.output import Input
from ...errors import UserError
from ..volume import mounted
from .containers import Common, Container, ContainerDev
from .image import code_of

__all__ = ["DevSettings", "ServiceDev", "dev_port", "dev_processes", "dev_settings"]


class ServiceDev(ContainerDev, total=False):
    """What runs in place of a service in `sst dev`. ``url``: what it is reached by."""

    url: str


DevSettings = Literal[False] | ServiceDev | None


def dev_settings(dev: object, name: str, *,
                 takes: Sequence[str] = ("command", "directory", "url", "autostart")) -> Mapping[str, Any]:
    """``dev`` of a service, task or container, checked. Raises ``UserError``."""
    if dev is None or dev is False:
        return {}
    odd = sorted(set(dev) - set(takes)) if isinstance(dev, Mapping) else ["?"]
    if not isinstance(dev, Mapping) or odd:
        raise UserError(f"dev of {name} takes False, or a mapping of {', '.join(takes)}; it is {dev!r}",
                        hint='dev={"command": "uvicorn app.main:app --reload", "url": "http://localhost:8000"}')
    for key in ("command", "directory", "url"):
        if key in dev and not (isinstance(dev[key], str) and dev[key].strip()):
            raise UserError(f"{key} of dev of {name} must be text; it is {dev[key]!r}")
    return dev


def dev_processes(owner: Component, dev: DevSettings, given: Common) -> list[Process]:
    """What runs in place of a service in `sst dev`: each container's ``dev`` command, or its Python code. Nothing
    outside of `sst dev`, with ``dev=False``, and for images whose code is not in the project."""
    own = dev_settings(dev, owner.logical_name)
    found, one_alone, path = [], len(given.containers) == 1, owner.urn.rpartition("::")[2]
    for one in given.containers:
        name = path if one_alone else f"{path}/{one['name']}"
        said = {**dev_settings(one.get("dev"), name), **(own if one_alone else {})}
        if dev is False or one.get("dev") is False or not current().target.dev:
            continue
        if (made := _line(owner, given, one, said) or _code(owner, given, one, said)) is not None:
            found.append(replace(made, title=name, volumes=_volumes(one)))
    return found


def _volumes(one: Container) -> tuple[tuple[Input[str], str], ...]:
    """On stage ``local`` all of them; no machine outside of its network reaches a file system of AWS."""
    points = mounted(one.get("volumes", ()), one["name"])
    return tuple((point.system, point.path) for point in points) if current().target.is_local else ()


def _line(owner: Component, given: Common, one: Container, dev: Mapping[str, Any]) -> Process | None:
    if "command" not in dev:
        return None
    return Process(one["name"], dev["command"], dev.get("directory", "."), dev.get("autostart", True),
                   tuple(given.links), dict(one.get("environment") or {}), owner.where, url=dev.get("url", ""))


def _code(owner: Component, given: Common, one: Container, dev: Mapping[str, Any]) -> Process | None:
    graph, ports = current(), given.ports.get(one["name"], ())
    code = code_of(graph, handler=one.get("handler"), command=one.get("command"), port=next(iter(ports), None),
                   architecture=given.architecture, python=given.python, what=one["name"])
    if code is None:
        return None
    mapped = tuple((port, dev_port(owner.urn.rpartition("::")[2], one["name"], port)) for port in ports)
    url = f"http://127.0.0.1:{mapped[0][1]}" if mapped else ""
    return Process(one["name"], tuple(code.command), ".", dev.get("autostart", True), tuple(given.links),
                   dict(one.get("environment") or {}), owner.where, code.data, mapped, dev.get("url", url))


def dev_port(path: str, container: str, port: int) -> int:
    """The port of 127.0.0.1 that a container's gets in `sst dev`; ``path`` has the names of the service and of what it
    is in."""
    return current().target.dev_port(f"{path}/{container}:{port}")
