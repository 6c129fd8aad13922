"""What a deploy changes in a function so that its calls can run in ``sst dev``: handler, variables, rights. Its code
stays what it is.

Only where a session has put what makes `LiveSettings` into ``graph.settings["live"]``; else nothing is different.
"""
from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ... import runtime as own
from ...core.graph import Graph
from ...core.link import Include
from ...core.link_env import LinkedEnvironment
from ...core.output import Input
from ..permissions import permission
from .code import Code

__all__ = ["LEASE", "LiveSettings", "Overlaid", "lease_end", "live_of", "overlaid", "rights"]

LEASE = 8 * 3600
"""Seconds for which functions ask for a developer after a deploy."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """The Events API of a stage's sessions, and until when functions use it.

    ``http`` and ``realtime`` are its hosts, ``namespace`` is a channel namespace of this app and stage alone. ``until``
    is in seconds since 1970: see `lease_end`. ``wait`` is how many milliseconds a developer has to answer; 0 is 150.
    More than that is needed where a round trip to the region takes longer: it is what calls wait for in vain, once a
    minute, while nobody is there.
    """

    http: Input[str]
    realtime: Input[str]
    api_arn: Input[str]
    namespace: Input[str]
    until: int
    wait: int = 0


@dataclass(frozen=True, slots=True)
class Overlaid:
    """What a function is made with."""

    handler: Input[str]
    plain: dict[str, Input[str]]
    files: Input[Mapping[str, str]] | None


def lease_end(now: float, length: int = LEASE) -> int:
    """The end of a lease: between half of its length and all of it away, and the same until half is over. So a deploy
    changes it only where less than half is left."""
    half = length / 2
    return int((math.floor(now / half) + 2) * half)


def live_of(graph: Graph, *, dev: bool, role: Input[str] | None, runtime: str | None) -> LiveSettings | None:
    """The settings, if this function takes part: not with a role of the user's own, for it has no rights to the API."""
    settings: Callable[[], LiveSettings] | None = graph.settings.get("live")
    if settings is None or graph.local or not dev or role is not None or (runtime or "").startswith("provided"):
        return None
    return settings()


def rights(live: LiveSettings | None) -> list[Include]:
    """To connect, and to hear and speak on the channels of this app and stage."""
    if live is None:
        return []
    channels = f"{live.api_arn}/channelNamespace/{live.namespace}"
    return [permission(["appsync:EventConnect"], [live.api_arn]),
            permission(["appsync:EventPublish", "appsync:EventSubscribe"], [channels, f"{channels}/*"])]


def overlaid(live: LiveSettings | None, code: Code, env: LinkedEnvironment, *, streaming: bool) -> Overlaid:
    if live is None:
        return Overlaid(code.handler, env.plain, env.files)
    plain = {**env.plain, "SST_LIVE_HANDLER": code.handler, "SST_LIVE_HTTP": live.http,
             "SST_LIVE_REALTIME": live.realtime,
             "SST_LIVE_CHANNEL": f"/{live.namespace}", "SST_LIVE_UNTIL": str(live.until)}
    if live.wait:
        plain["SST_LIVE_WAIT"] = str(live.wait)
    if code.runtime.startswith("python"):  # every Python bundle has it
        return Overlaid("sst/runtime/live.handler", plain, env.files)
    if streaming:
        plain["SST_LIVE_STREAM"] = "1"
    script: dict[str, Any] = {"sst_live.mjs": b64encode(Path(own.__file__).with_name("live.mjs").read_bytes()).decode()}
    files = env.files.apply(lambda known: {**known, **script}) if env.files is not None else script
    return Overlaid("sst_live.handler", plain, files)
