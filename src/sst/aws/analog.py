"""Analog sites."""
from __future__ import annotations

from .ssr_site import Framework, SsrSite

__all__ = ["Analog"]


class Analog(SsrSite, kind="sst.aws.Analog"):
    """An Analog site: its server in a function, its files on the CDN.

        site = aws.Analog("Web", path="web", link=[bucket])
        site.url

    Analog 2, whose server is Nitro's. https://analogjs.org
    All arguments are those of ``SsrSite``.
    """

    framework = Framework("Analog", "@analogjs/platform", "nitro", oldest=1, port=5173,
                          environment={"BUILD_PRESET": "node-server", "NITRO_PRESET": "node-server"})
