"""Remix sites."""
from __future__ import annotations

from .ssr_site import Framework, SsrSite

__all__ = ["Remix"]


class Remix(SsrSite, kind="sst.aws.Remix"):
    """A Remix site: its server in a function, its files on the CDN.

        site = aws.Remix("Web", path="web", link=[bucket])
        site.url

    Remix 2 on Vite. https://v2.remix.run/docs/guides/vite
    All arguments are those of ``SsrSite``.
    """

    framework = Framework("Remix", "@remix-run/dev", "react_router", oldest=2, port=5173)
