"""A command of the developer's machine: a frontend's server, a type checker, anything that runs beside the app in ``sst
dev``."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from .core.component import Component
from .core.dev_parts import DevPart, Process
from .core.link import LinkItem, linked
from .core.output import Input
from .errors import UserError

__all__ = ["Dev", "DevCommand"]


class Dev(TypedDict, total=False):
    """``command``: a line for the shell. ``directory``: where it runs, relative to the config; default: the project's
    folder. ``autostart``: start it with the session; default ``True``. ``title``: of its pane; default: the component's
    name."""

    command: str
    directory: str
    autostart: bool
    title: str


class DevCommand(Component, kind="sst.DevCommand"):
    """A command that ``sst dev`` runs; it creates nothing in the cloud, and on ``sst deploy`` it is nothing.

        bucket = aws.Bucket("Uploads")
        sst.DevCommand("Web", dev={"command": "npm run dev", "directory": "web"}, link=[bucket])

    dev: the command, see ``Dev``. Its default command is ``npm run dev``.
    link: what it finds as ``Resource.Name`` (and in ``SST_RESOURCE_Name``); it is restarted when that changes.
    environment: further variables. It has those of ``sst dev`` too, and on stage ``local`` the way to the cloud on this
    machine.
    """

    def __init__(self, name: str, *, dev: Dev | None = None, link: Sequence[LinkItem] = (),
                 environment: Mapping[str, Input[str]] | None = None) -> None:
        super().__init__(name)
        self._process = dev_process(self, dev or {}, command="npm run dev", link=link, environment=environment)

    def dev_parts(self) -> Sequence[DevPart]:
        """Its command."""
        return (self._process,)


def dev_process(component: Component, dev: Dev, *, command: str, link: Sequence[LinkItem] = (),
                environment: Mapping[str, Input[str]] | None = None) -> Process:
    """For a component's ``dev={...}``: what is to run. ``command`` is its default. UserError for a value that makes no
    sense."""
    line = dev.get("command", command)
    if not isinstance(line, str) or not line.strip():
        raise UserError(f"the command of {component.logical_name} must be a line for the shell; it is {line!r}",
                        hint='dev={"command": "npm run dev"}')
    return Process(dev.get("title") or component.logical_name, line, dev.get("directory", "."),
                   dev.get("autostart", True), tuple(linked(link, component.where)), dict(environment or {}),
                   component.where)
