"""TanStack Start sites."""
from __future__ import annotations

from .ssr_site import Framework, SsrSite

__all__ = ["TanStackStart"]


class TanStackStart(SsrSite, kind="sst.aws.TanStackStart"):
    """A TanStack Start site: its server in a function, its files on the CDN.

        site = aws.TanStackStart("Web", path="web", link=[bucket])
        site.url

    TanStack Start for React, with or without Nitro. https://tanstack.com/start
    All arguments are those of ``SsrSite``.
    """

    framework = Framework("TanStack Start", "@tanstack/react-start", "tan_stack_start", port=5173,
                          environment={"NITRO_PRESET": "node-server"})
