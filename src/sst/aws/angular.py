"""Angular sites."""
from __future__ import annotations

from typing import Unpack

from .site import Assets, FileOption
from .ssr_site import Framework, SsrSite, SsrSiteArgs

__all__ = ["Angular"]

FOREVER = "public,max-age=31536000,immutable"
HASHED = (("main", "js"), ("chunk", "js"), ("polyfills", "js"), ("scripts", "js"), ("styles", "css"))
"""Names that its builder makes, with the hash of the content."""


class Angular(SsrSite, kind="sst.aws.Angular"):
    """An Angular site: its server in a function, its files on the CDN.

        site = aws.Angular("Web", path="web", link=[bucket])
        site.url

    Angular from version 19, with `ng add @angular/ssr`; without it give ``ssr=False``. https://angular.dev/guide/ssr
    Scripts and styles with a hash in their names are kept by browsers, unless ``assets`` has ``file_options``.
    All arguments are those of ``SsrSite``.
    """

    framework = Framework("Angular", "@angular/core", "angular", oldest=19, port=4200,
                          environment={"NG_CLI_ANALYTICS": "false"})

    def __init__(self, name: str, **args: Unpack[SsrSiteArgs]) -> None:
        kept = [FileOption(files=f"{name}-????????.{end}", cache_control=FOREVER) for name, end in HASHED]
        args["assets"] = {**Assets(file_options=kept), **args.get("assets", {})}
        super().__init__(name, **args)
