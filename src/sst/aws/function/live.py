"""What a deploy of `sst dev` changes in a function on an AWS stage, so that its calls can run on the developer's
machine: handler, variables, permissions. Its code stays what it is.

Nothing is different where the target has no lease, see `core.target.Lease`. The Events API that carries the calls is
declared with the first function that takes part, so that an app without functions has none.
"""
from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ... import runtime as own
from ...clouds.aws import appsync, lambda_
from ...core.component import Component
from ...core.dev_parts import Bridge, LiveFunction
from ...core.graph import Graph, Scope, current
from ...core.link import Include
from ...core.link_env import LinkedEnvironment
from ...core.output import Input, combine
from ...core.target import Lease
from ...records import dataclass
from ..permissions import permission
from .code import Code

__all__ = ["LiveSettings", "Overlaid", "bridge_permissions", "live_function", "live_of", "overlaid"]

_API, _CHANNELS = "SstLive", "SstLiveChannels"


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """The Events API of a stage's sessions, and until when functions use it.

    ``http`` and ``realtime`` are its hosts, ``namespace`` is a channel namespace of this app and stage alone.
    """

    http: Input[str]
    realtime: Input[str]
    api_arn: Input[str]
    namespace: Input[str]
    lease: Lease

    @property
    def bridge(self) -> Bridge:
        return Bridge(self.http, self.realtime, f"/{self.namespace}")


@dataclass(frozen=True, slots=True)
class Overlaid:
    """What a function is made with."""

    handler: Input[str]
    plain: dict[str, Input[str]]
    files: Input[Mapping[str, str]] | None


def live_of(graph: Graph, *, dev: bool, role: Input[str] | None, runtime: str | None) -> LiveSettings | None:
    """The settings, if this function takes part: not with a role of the user's own, which has no permissions for the
    API."""
    lease = graph.target.lease
    if lease is None or not dev or role is not None or (runtime or "").startswith("provided"):
        return None
    return graph.context.once(LiveSettings, lambda: _declare_api(graph, lease))


def _declare_api(graph: Graph, lease: Lease) -> LiveSettings:
    with graph.within(Scope()):
        api = appsync.Api(_API, event_config=appsync.signed_by_iam())
        channels = appsync.ChannelNamespace(_CHANNELS, api_id=api.id)
    return LiveSettings(api.http, api.realtime, api.arn, channels.name, lease)


def bridge_permissions(live: LiveSettings | None) -> list[Include]:
    """To connect, and to subscribe to and publish on the channels of this app and stage."""
    if live is None:
        return []
    channels = f"{live.api_arn}/channelNamespace/{live.namespace}"
    return [permission(["appsync:EventConnect"], [live.api_arn]),
            permission(["appsync:EventPublish", "appsync:EventSubscribe"], [channels, f"{channels}/*"])]


def live_function(owner: Component, function: lambda_.Function, code: Code,
                  live: LiveSettings | None) -> LiveFunction | None:
    """What `sst dev` needs to run the function from its source; None if it runs as deployed."""
    if not code.runtime.startswith(("python", "nodejs")) or not (live or current().target.is_local):
        return None
    logging = combine(name=function.name, config=function.logging_config).apply(lambda known: _log(**known))
    title = owner.urn.rpartition("::")[2]
    return LiveFunction(title, function.arn, function.name, code.source, function.timeout, function.memory_size,
                        logging, live.bridge if live else None)


def _log(name: str, config: Mapping[str, str] | None) -> dict[str, str]:
    given = config or {}
    return {"group": given.get("LogGroup") or f"/aws/lambda/{name}", "format": given.get("LogFormat") or "Text"}


def overlaid(live: LiveSettings | None, code: Code, env: LinkedEnvironment, *, streaming: bool) -> Overlaid:
    if live is None:
        return Overlaid(code.handler, env.plain, env.files)
    plain = {**env.plain, "SST_LIVE_HANDLER": code.handler, "SST_LIVE_HTTP": live.http,
             "SST_LIVE_REALTIME": live.realtime,
             "SST_LIVE_CHANNEL": f"/{live.namespace}", "SST_LIVE_UNTIL": str(live.lease.until)}
    if live.lease.wait:
        plain["SST_LIVE_WAIT"] = str(live.lease.wait)
    if code.runtime.startswith("python"):  # every Python bundle has it
        return Overlaid("sst/runtime/live.handler", plain, env.files)
    if streaming:
        plain["SST_LIVE_STREAM"] = "1"
    script: dict[str, Any] = {"sst_live.mjs": b64encode(Path(own.__file__).with_name("live.mjs").read_bytes()).decode()}
    files = env.files.apply(lambda known: {**known, **script}) if env.files is not None else script
    return Overlaid("sst_live.handler", plain, files)
