"""Servers of a site in several regions: the edge leads each visitor to the one that is nearest."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...core.component import Component
from ...core.graph import Scope, current
from ...core.link import Link, LinkItem, linked
from ...core.output import Input, combine
from ...errors import UserError
from ...records import dataclass
from ..function import Function
from ..provider import Provider
from ..router.target import url_target
from .warm import keep_warm

__all__ = ["PLACES", "Region", "in_regions", "regions_of"]

PLACES: Mapping[str, tuple[float, float]] = {
    "af-south-1": (-33.9, 18.4), "ap-east-1": (22.3, 114.2), "ap-east-2": (25.0, 121.6),
    "ap-northeast-1": (35.7, 139.7),
    "ap-northeast-2": (37.6, 127.0), "ap-northeast-3": (34.7, 135.5), "ap-south-1": (19.1, 72.9),
    "ap-south-2": (17.4, 78.5), "ap-southeast-1": (1.4, 103.8), "ap-southeast-2": (-33.9, 151.2),
    "ap-southeast-3": (-6.2, 106.8), "ap-southeast-4": (-37.8, 145.0), "ap-southeast-5": (3.1, 101.7),
    "ap-southeast-7": (13.8, 100.5), "ca-central-1": (45.5, -73.6), "ca-west-1": (51.0, -114.1),
    "eu-central-1": (50.1, 8.7), "eu-central-2": (47.4, 8.5), "eu-north-1": (59.3, 18.1), "eu-south-1": (45.5, 9.2),
    "eu-south-2": (41.6, -0.9), "eu-west-1": (53.3, -6.3), "eu-west-2": (51.5, -0.1), "eu-west-3": (48.9, 2.4),
    "il-central-1": (32.1, 34.8), "me-central-1": (24.5, 54.4), "me-south-1": (26.2, 50.6),
    "mx-central-1": (20.6, -100.4),
    "sa-east-1": (-23.5, -46.6), "us-east-1": (39.0, -77.5), "us-east-2": (40.0, -83.0), "us-west-1": (37.4, -122.0),
    "us-west-2": (45.8, -119.7)}
"""Latitude and longitude of the places by which AWS names its regions.
https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html"""

IN_A_NETWORK = ("sst.aws.Mysql", "sst.aws.Postgres", "sst.aws.Redis")
"""What only its own network reaches."""


@dataclass(frozen=True)
class Region:
    """A region of a site: what the resources there are called after, and their provider; None for the app's own."""

    name: str
    suffix: str = ""
    provider: Provider | None = None

    @property
    def options(self) -> dict[str, Any]:
        """Of a component that is declared there."""
        return {} if self.provider is None else {"provider": self.provider}


def regions_of(owner: Component, regions: Sequence[str] | None, link: Sequence[LinkItem], *,
               bound: Mapping[str, Any]) -> tuple[list[Region], Sequence[LinkItem]]:
    """The regions of a site's servers, and its links as servers in any region use them: those to AWS's own have a
    ``region``. ``bound``: arguments that tie a server to one region. Raises ``UserError`` for regions that can't be."""
    home = current().region
    if regions is None:
        return [Region(home)], link
    name = owner.logical_name
    if isinstance(regions, str) or not regions or len(set(regions)) < len(regions):
        raise UserError(f"regions of {name} takes names of regions, each once, not {regions!r}",
                        hint='regions=["us-east-1", "eu-west-1"]')
    if odd := [r for r in regions if r not in PLACES]:
        raise UserError(f"regions of {name} has no region {odd[0]!r}", hint=f"it takes {', '.join(PLACES)}")
    tied = [k for k, v in bound.items() if v is not None]
    links = linked(link, owner.where)
    tied += [f"the link to {one.name}" for one in links if one.type in IN_A_NETWORK]
    if tied:
        raise UserError(f"{name} has servers in several regions, and {tied[0]} is about a network of one",
                        hint="what is reached from everywhere is in no network, as aws.Dynamo is; or leave regions out")
    if owner.provider_of("aws") is not None:
        raise UserError(f"{name} has both regions and a provider", hint="regions are those of the app's account")
    made = [Region(r) if r == home else Region(r, "".join(p.capitalize() for p in r.split("-")), _instance(r))
            for r in regions]
    return made, [_located(one, home) for one in links]


def in_regions(regions: Sequence[Region], warm: int, make: Callable[[Region], Function],
               ) -> tuple[list[Function], list[Input[Mapping[str, Any]]]]:
    """The servers, and what the edge leads to. In `sst dev` on AWS that is the app's own region alone, where functions
    run from their source."""
    servers = [make(region) for region in regions]
    for region, server in zip(regions, servers, strict=True):
        keep_warm(server, warm, region.suffix, **region.options)
    target = current().target
    led = list(zip(regions, servers, strict=True))
    if target.dev and not target.is_local:
        led = [pair for pair in led if pair[0].provider is None] or led
    if len(led) == 1:
        return servers, [url_target(led[0][1].url, {})]
    return servers, [combine(to=url_target(server.url, {}), at=list(PLACES[region.name])).apply(
        lambda known: {**known["to"], "at": known["at"]}) for region, server in led]


def _instance(region: str) -> Provider:
    graph = current()

    def declare() -> Provider:
        with graph.within(Scope(providers=graph.scope.providers)):
            return Provider("Region" + "".join(p.capitalize() for p in region.split("-")), region=region)

    return graph.context.once(f"provider of {region}", declare)


def _located(link: Link, home: str) -> Link:
    """With the region of what is linked, for clients of servers elsewhere."""
    if not link.type.startswith("sst.aws.") or "region" in link.properties:
        return link
    return replace(link, properties={**link.properties, "region": home})
