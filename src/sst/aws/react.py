"""React Router sites."""
from __future__ import annotations

from .ssr_site import Framework, SsrSite

__all__ = ["React"]


class React(SsrSite, kind="sst.aws.React"):
    """A React Router site: its server in a function, its files on the CDN.

        site = aws.React("Web", path="web", link=[bucket])
        site.url

    React Router 7 and 8 in framework mode. https://reactrouter.com/start/framework/installation
    All arguments are those of ``SsrSite``.
    """

    framework = Framework("React Router", "@react-router/dev", "react_router", oldest=7, port=5173)
