"""A site of files, with or without a build."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack

from ..clouds.local.folders import inside, read_folder
from ..core.component import Component, Options
from ..core.graph import current
from ..core.link import Link
from ..core.output import Input, Output
from ..core.transform import Transform
from ..errors import UserError
from .cdn import CdnDomain
from .cdn.injection import Edge
from .site import Assets, BasicAuth, SiteFiles, serve

if TYPE_CHECKING:
    from .router import RouterPath

__all__ = ["StaticSite", "StaticSiteTransform"]


class StaticSiteTransform(TypedDict, total=False):
    site: Transform
    store: Transform
    request: Transform
    response: Transform


class StaticSite(Component, kind="sst.aws.StaticSite", parts=tuple(StaticSiteTransform.__annotations__)):
    """A site of files behind CloudFront.

        docs = aws.StaticSite("Docs", path="site", error_page="404.html")
        docs.url

    path: the folder, relative to ``sst_config.py``.
    index_page: of a folder, ``"index.html"`` by default. error_page: served with status 404 for what is not there;
    without it the index page is, with status 200, as apps of one page need it.
    trailing_slash: ``"redirect"`` sends ``/docs`` to ``/docs/`` where that is a folder, ``"serve"`` answers both alike.
    assets: how files are uploaded, see ``Assets``. auth: a user name and a password for all of it.
    domain: ``"docs.example.com"``, or ``{"name", "aliases", "redirects", "cert", "dns"}``.
    router: ``{"instance": router, "path": "/docs"}``: served by a ``Router`` instead of a distribution of its own.
    edge: code that runs at the edges, see ``Edge``.

    A deploy uploads files that are new and switches to them at once; nobody sees a part of it.

    Source: CloudFront Developer Guide,
    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Introduction.html
    """

    def __init__(self, name: str, *, path: str = ".", index_page: str = "index.html", error_page: str | None = None,
                 trailing_slash: Literal["redirect", "serve"] = "redirect", assets: Assets | None = None,
                 auth: BasicAuth | None = None, domain: str | CdnDomain | None = None,
                 router: RouterPath | None = None, edge: Edge | None = None,
                 transform: StaticSiteTransform | None = None, **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        with self.scope(transform):
            files = SiteFiles(_folder(path, index_page, error_page), index_page, error_page, trailing_slash)
            served = serve(self, files, assets=assets, router=router, domain=domain, edge=edge, auth=auth)
        self._served = served

    @property
    def url(self) -> Output[str]:
        """Its address: of its domain, or of the Router with its path."""
        return self._served.url

    def link(self) -> Link:
        """The URL."""
        return Link(self.logical_name, self.kind, {"url": self.url})


def _folder(path: str, index_page: str, error_page: str | None) -> Input[Mapping[str, str]]:
    """A folder that is served as it is, with its digest."""
    root = Path(current().root)
    folder = read_folder(inside(root, path))
    names = {f.name for f in folder.files}
    if not names:
        raise UserError(f"the folder {path!r} is empty", hint="put the files of the site into it, or change path=")
    for option, page in (("index_page", index_page), ("error_page", error_page)):
        if page and page.strip("/") not in names and option == "error_page":
            raise UserError(f"the folder {path!r} has no {page!r}", hint=f"change {option}=")
    return {"folder": Path(path).as_posix(), "digest": folder.digest}
