"""Astro sites."""
from __future__ import annotations

from .ssr_site import Framework, SsrSite

__all__ = ["Astro"]


class Astro(SsrSite, kind="sst.aws.Astro"):
    """A Astro site: its server in a function, its files on the CDN.

        site = aws.Astro("Web", path="web", link=[bucket])
        site.url

    Astro with the adapter ``@astrojs/node``. https://docs.astro.build/en/guides/integrations-guide/node/
    All arguments are those of ``SsrSite``.
    """

    framework = Framework("Astro", "astro", "astro", oldest=5, port=4321)
