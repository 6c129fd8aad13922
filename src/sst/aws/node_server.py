"""Servers of Node: Express, Fastify, Hono, NestJS."""
from __future__ import annotations

from typing import Unpack

from .ssr_site import Framework, SsrSite, SsrSiteArgs

__all__ = ["NodeServer"]


class NodeServer(SsrSite, kind="sst.aws.NodeServer"):
    """Any server of Node behind the CDN.

        api = aws.NodeServer("Api", path="web", entry="dist/main.js", link=[bucket])
        api.url

    entry: the module that starts the server, or whose default export is a listener ``(request, response)`` or has
    ``fetch``; ``main`` of package.json by default. The port that it asks for does not matter.
    All other arguments are those of ``SsrSite``.
    """

    framework = Framework("Node server", "", "node_server", port=3000)

    def __init__(self, name: str, *, entry: str | None = None, **args: Unpack[SsrSiteArgs]) -> None:
        self._file = entry
        super().__init__(name, **args)

    def _entry(self) -> str | None:
        return self._file
