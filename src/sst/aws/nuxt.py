"""Nuxt sites."""
from __future__ import annotations

from .ssr_site import Framework, SsrSite

__all__ = ["Nuxt"]


class Nuxt(SsrSite, kind="sst.aws.Nuxt"):
    """A Nuxt site: its server in a function, its files on the CDN.

        site = aws.Nuxt("Web", path="web", link=[bucket])
        site.url

    Nuxt 4. It is built with Nitro's preset ``node-server``. https://nitro.build/deploy/runtimes/node
    All arguments are those of ``SsrSite``.
    """

    framework = Framework("Nuxt", "nuxt", "nitro", oldest=4, port=3000, environment={"NITRO_PRESET": "node-server"})
