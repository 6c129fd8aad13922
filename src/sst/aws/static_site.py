"""A site of files, with or without a build."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from ..build.project_files import ProjectFiles
from ..clouds.local import command as local
from ..clouds.local.folders import inside, read_folder
from ..core.component import Component, Options
from ..core.dev_parts import DevPart
from ..core.graph import current
from ..core.link import Link, LinkItem, linked
from ..core.link_env import environment as environment_of
from ..core.output import Input, Output
from ..core.transform import Transform
from ..errors import UserError
from .apart import keep_apart
from .cdn import CdnDomain
from .cdn.injection import Edge
from .site import Assets, BasicAuth, SiteFiles, serve
from .site.dev import SiteDev, dev_server, lead_to

if TYPE_CHECKING:
    from .router import RouterPath

__all__ = ["Build", "StaticSite", "StaticSiteTransform"]


class Build(TypedDict, total=False):
    """``command``: a line for the shell, run in the site's folder. ``output``: the folder that it makes, relative to
    that. ``inputs``: patterns of the files that it reads; by default all that git does not ignore. ``secrets``: True
    lets secret values into the environment of the build, and so perhaps into the files that everybody may read."""

    command: str
    output: str
    inputs: Sequence[str]
    secrets: bool


class StaticSiteTransform(TypedDict, total=False):
    site: Transform
    build: Transform
    store: Transform
    request: Transform
    response: Transform


class StaticSite(Component, kind="sst.aws.StaticSite", parts=tuple(StaticSiteTransform.__annotations__)):
    """A site of files behind CloudFront.

        docs = aws.StaticSite("Docs", path="site", error_page="404.html")
        docs.url

    path: the folder, relative to ``sst_config.py``: of the files, or of their sources with ``build``.
    build: ``{"command": "npm run build", "output": "dist"}``. It runs when a file that it reads has changed, or its
    environment has. environment, link: what it finds, as text and as ``SST_RESOURCE_*``; secret values are refused,
    since everybody may read what it makes. dev: the generator's own server takes its place in ``sst dev``.
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

    def __init__(self, name: str, *, path: str = ".", build: Build | None = None,
                 environment: Mapping[str, Input[str]] | None = None, link: Sequence[LinkItem] = (),
                 dev: SiteDev | None = None, index_page: str = "index.html", error_page: str | None = None,
                 trailing_slash: Literal["redirect", "serve"] = "redirect", assets: Assets | None = None,
                 auth: BasicAuth | None = None, domain: str | CdnDomain | None = None,
                 router: RouterPath | None = None, edge: Edge | None = None,
                 transform: StaticSiteTransform | None = None, **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        self._check(path, build, index_page, trailing_slash, given=bool(environment or link) and dev is None)
        self._process, target = dev_server(self, dev, path, link=link, environment=environment)
        keep_apart(current(), path, *([f"{path}/{build['output']}"] if build and "output" in build else []))
        with self.scope(transform):
            if target is None:
                source = (_built(self, path, build, environment or {}, link) if build is not None
                          else _folder(path, error_page, index_page))
                files = SiteFiles(source, index_page, error_page, trailing_slash)
                self._url = serve(self, files, assets=assets, router=router, domain=domain, edge=edge, auth=auth).url
            else:
                self._url = lead_to(self, target, router=router, domain=domain, edge=edge)

    def _check(self, path: object, build: object, index_page: object, trailing_slash: object, *, given: bool) -> None:
        """``given``: whether there are variables for a build, and nothing else that takes them."""
        if not isinstance(path, str):
            raise UserError(f"path is the folder of the site, as text; it is {path!r}", where=self.where)
        if not isinstance(index_page, str) or not index_page or "/" in index_page:
            raise UserError(f"index_page is the name of a file in each folder; it is {index_page!r}", where=self.where,
                            hint='index_page="index.html"')
        if trailing_slash not in ("redirect", "serve"):
            raise UserError(f'trailing_slash is "redirect" or "serve"; it is {trailing_slash!r}', where=self.where)
        if given and build is None:
            raise UserError(f'"{self.logical_name}" has no build that could take environment or link', where=self.where,
                            hint='build={"command": "npm run build", "output": "dist"}, or leave them out: files are '
                                 "served as they are")

    @property
    def url(self) -> Output[str]:
        """Its address: of its domain, or of the Router with its path."""
        return self._url

    def dev_parts(self) -> Sequence[DevPart]:
        """The generator's server, if ``dev`` names one."""
        return (self._process,) if self._process else ()

    def link(self) -> Link:
        """The URL."""
        return Link(self.logical_name, self.kind, {"url": self.url})


def _folder(path: str, error_page: str | None, index_page: str) -> Input[Mapping[str, str]]:
    """A folder that is served as it is, with its digest."""
    graph = current()
    root, known = Path(graph.root), ProjectFiles.of(graph)
    folder = read_folder(inside(root, path), root, known=known)
    with suppress(OSError):     # it may not be writable, or full: then all is read again
        known.save()
    if not folder.files:
        raise UserError(f"the folder {path!r} is empty", hint="put the files of the site into it, or change path=")
    if error_page and error_page.strip("/") not in {f.name for f in folder.files}:
        raise UserError(f"the folder {path!r} has no {error_page!r}", hint="change error_page=")
    if index_page != "index.html" and index_page not in {Path(f.name).name for f in folder.files}:
        raise UserError(f"the folder {path!r} has no {index_page!r}", hint="change index_page=")
    return {"folder": Path(path).as_posix(), "digest": folder.digest}


def _built(site: StaticSite, path: str, build: Build, variables: Mapping[str, Input[str]],
           link: Sequence[LinkItem]) -> Output[Mapping[str, str]]:
    """What a build makes."""
    if not isinstance(build, Mapping) or not {"command", "output"} <= set(build) <= set(Build.__annotations__):
        raise UserError("build takes a command and the folder that it makes",
                        hint='build={"command": "npm run build", "output": "dist"}')
    for name, value in (("command", build["command"]), ("output", build["output"])):
        if not isinstance(value, str) or not value.strip():
            raise UserError(f"build: {name} is text; it is {value!r}",
                            hint='build={"command": "npm run build", "output": "dist"}')
    if isinstance(build.get("inputs"), str):
        raise UserError("build: inputs is a list of patterns", hint=f'"inputs": ["{build["inputs"]}"]')
    graph = current()
    root = Path(graph.root)
    inside(root, path)
    inside(root, str(Path(path, build["output"])))
    found = environment_of(graph, linked(link, site.where), variables)
    if found.secret and not build.get("secrets"):
        names = ", ".join(sorted(found.secret))
        raise UserError(f'the build of "{site.logical_name}" would get secret values: {names}',
                        hint="everybody may read what it makes: leave them out, or allow it with "
                             'build={..., "secrets": True}')
    every: dict[str, Any] = {**found.plain, **found.secret}
    made = local.Command("Build", command=build["command"], folder=Path(path).as_posix(), output=build["output"],
                         inputs=build.get("inputs"), environment=every, alone=True)
    return made.contents
