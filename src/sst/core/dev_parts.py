"""What a component adds to `sst dev`, as data. Each kind is carried out by one file in ``dev/parts``."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from ..records import dataclass
from .link import Link
from .output import Input

__all__ = ["Bridge", "DevPart", "LiveFunction", "Process", "WatchedFiles"]


@dataclass(frozen=True, slots=True)
class Process:
    """A command of the developer's machine that runs beside the app, with the environment of what it is linked to."""

    title: str
    command: str | tuple[str, ...]
    """A line for the shell, or words."""
    directory: str
    """Relative to the project's folder."""
    autostart: bool
    links: tuple[Link, ...]
    environment: Mapping[str, Input[str]]
    where: str = ""
    code: Mapping[str, Any] | None = None
    """`build.Source` as a mapping, without the project's folder, of the Python code that ``command`` runs: it gets the
    dependencies of its bundle and is restarted when a file of it is saved. None: a command as it is."""
    ports: tuple[tuple[int, int], ...] = ()
    """With ``code``: the ports that it binds, each with the port of 127.0.0.1 that it gets instead."""
    url: str = ""
    """Where it answers, if that is known beforehand."""
    volumes: tuple[tuple[Input[str], str], ...] = ()
    """On stage ``local``: the ids of file systems, each with the path at which it is mounted."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """How calls of a deployed function reach a session: an API of channels (WebSocket and HTTP), and the channel."""

    http: Input[str]
    realtime: Input[str]
    channel: Input[str]


@dataclass(frozen=True, slots=True)
class LiveFunction:
    """A function whose calls run from its source on this machine. Values are those of the deployed function."""

    title: str
    """The user's name for it: ``Api``, ``Done/Subscriber``."""
    id: Input[str]
    """Identifies the deployed function in calls."""
    name: Input[str]
    """Its name in the cloud."""
    source: Input[Mapping[str, Any]]
    """`build.Source` as a mapping, without the project's folder."""
    timeout: Input[float]
    """Seconds."""
    memory: Input[int]
    """MB."""
    logging: Input[Mapping[str, str] | None]
    """``group`` and ``format`` of its log."""
    bridge: Bridge | None = None
    """How its calls get here from another place; None where the cloud runs on this machine."""


@dataclass(frozen=True, slots=True)
class WatchedFiles:
    """Files whose change needs a deploy, although the program does not import them."""

    patterns: tuple[str, ...]
    """Relative to the project's folder, as of `Path.glob`."""


DevPart: TypeAlias = Process | LiveFunction | WatchedFiles
