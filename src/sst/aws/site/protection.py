"""The key that keeps visitors from going around the CDN."""
from __future__ import annotations

from ...core.component import Component
from ...core.graph import current
from ...core.link_env import hkdf
from ...core.output import Output, combine

__all__ = ["origin_key"]


def origin_key(owner: Component) -> Output[str]:
    """Of one component's server: the edge function adds it to requests, the server refuses those without. Made from the
    key of the stage, so it is the same in each deploy."""
    graph, urn = current(), owner.urn
    return combine(app=graph.app).as_secret().apply(
        lambda _: hkdf(graph.context.stage_key, salt=b"", info=b"sst origin key " + urn.encode()).hex())
