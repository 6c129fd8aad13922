"""Sites in `sst dev`: the server of their generator or framework takes the place of what would be deployed."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

from ...clouds.aws import cloudfront
from ...core.component import Component
from ...core.dev_parts import Process
from ...core.graph import current
from ...core.link import LinkItem, linked
from ...core.output import Input, Output
from ...errors import UserError
from ..cdn import Cdn, CdnDomain
from ..cdn.behavior import CACHING_DISABLED, PLACEHOLDER, routed
from ..cdn.edge import request_code
from ..cdn.injection import Edge, injections, statements_of

if TYPE_CHECKING:
    from ..router import RouterPath

__all__ = ["SiteDev", "dev_server", "lead_to"]


class SiteDev(TypedDict, total=False):
    """``command``: of the generator's server, ``"npm run dev"`` by default. ``url``: where that answers,
    ``"http://localhost:5173"`` by default. ``directory``: where it runs; the site's folder by default."""

    command: str
    url: str
    directory: str
    autostart: bool
    title: str


def dev_server(site: Component, dev: SiteDev | None, path: str, *, link: Sequence[LinkItem],
               environment: Mapping[str, Input[str]] | None) -> tuple[Process | None, str | None]:
    """The process of ``dev=``, and the address that takes the site's place: on stage ``local`` alone, where the cloud
    can reach it. Nothing outside of `sst dev`."""
    if dev is None:
        return None, None
    from ..router.target import place

    if not isinstance(dev, Mapping) or set(dev) - set(SiteDev.__annotations__):
        raise UserError("dev takes the command and the url of a server",
                        hint='dev={"command": "npm run dev", "url": "http://localhost:5173"}')
    url = dev.get("url", "http://localhost:5173")
    if "://" not in url:
        raise UserError(f"the url of dev is no address: {url!r}", where=site.where, hint=f'"url": "http://{url}"')
    place(url)
    graph = current()
    if not graph.target.dev:
        return None, None
    process = Process(dev.get("title") or site.logical_name, dev.get("command", "npm run dev"),
                      dev.get("directory", path), dev.get("autostart", True), tuple(linked(link, site.where)),
                      dict(environment or {}), site.where, url=url if graph.target.is_local else dev.get("url", ""))
    return process, url if graph.target.is_local else None


def lead_to(site: Component, url: str, *, router: RouterPath | None, domain: str | CdnDomain | None,
            edge: Edge | None, base: str = "") -> Output[str]:
    """Serve a server of this machine at the place of a site, with its WebSockets; the address of the site. ``base``:
    the path below which the server answers."""
    from ..router import part_of
    from ..router.target import place

    site.made_anew = True
    if router is not None:
        part = part_of(router, site.where)
        part.add("Route", place(url))
        return part.url
    own, _ = injections(edge, site.where)
    request = cloudfront.Function("Request", code=request_code(
        json.dumps(place(url), separators=(",", ":")), before=statements_of(domain), own=own, routes=False))
    made = Cdn("Cdn", domain=domain, **routed(PLACEHOLDER, request=request.arn, response=None,
                                              cache_policy=CACHING_DISABLED))
    return made.url.apply(lambda url: f"{url.rstrip('/')}{base}") if base else made.url
