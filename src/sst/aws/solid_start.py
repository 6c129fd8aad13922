"""SolidStart sites."""
from __future__ import annotations

from .ssr_site import Framework, SsrSite

__all__ = ["SolidStart"]


class SolidStart(SsrSite, kind="sst.aws.SolidStart"):
    """A SolidStart site: its server in a function, its files on the CDN.

        site = aws.SolidStart("Web", path="web", link=[bucket])
        site.url

    SolidStart 1 and 2, whose server is Nitro's. https://start.solidjs.com
    All arguments are those of ``SsrSite``.
    """

    framework = Framework("SolidStart", "@solidjs/start", "nitro", oldest=1, port=3000,
                          environment={"NITRO_PRESET": "node-server", "SERVER_PRESET": "node-server"})
