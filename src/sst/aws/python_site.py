"""What Python web apps behind the CDN have in common: the app in a function, its static files in a bucket."""
from __future__ import annotations

import hashlib
import posixpath
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack
from urllib.parse import urlsplit

from ..build.cache import keep
from ..build.layout import python_file
from ..clouds.local.folders import inside, read_folder
from ..core.component import Component, Options
from ..core.dev_parts import DevPart, Process
from ..core.graph import current
from ..core.link import Link, LinkItem
from ..core.output import Input, Output
from ..core.transform import Transform
from ..errors import UserError
from ..records import dataclass
from .cdn import CdnDomain
from .cdn.injection import Edge
from .function import CopyFile, Function
from .function.container import FunctionContainer
from .function.network import FunctionNetwork
from .permissions import Statement
from .router.target import url_target
from .site import Assets, BasicAuth, Served, SiteFiles, serve
from .site.arguments import ServedArgs
from .site.dev import SiteDev, dev_server, lead_to
from .site.in_cluster import SiteBalancer, base_of, in_cluster
from .site.protection import origin_key
from .site.regions import in_regions, regions_of
from .vpc import Vpc

if TYPE_CHECKING:
    from .cluster import Cluster
    from .fargate import Cpu
    from .router import RouterPath
    from .service import Scaling, Service

__all__ = ["Collected", "PythonServer", "PythonSite", "PythonSiteArgs", "PythonSiteTransform"]


class PythonServer(TypedDict, total=False):
    """The function of the app. ``memory``: ``"1024 MB"`` by default; ``timeout``: ``"20 seconds"``, at most 15 minutes;
    CloudFront waits 60 seconds for the first byte. ``runtime``, ``architecture``, ``layers``, ``copy_files``,
    ``python``: as for ``aws.Function``."""

    memory: str
    timeout: str
    runtime: str
    architecture: Literal["x86_64", "arm64"]
    layers: Sequence[Input[str]]
    copy_files: Sequence[CopyFile]
    python: Mapping[str, Any]


class PythonSiteTransform(TypedDict, total=False):
    server: Transform
    assets: Transform
    site: Transform
    store: Transform
    request: Transform
    response: Transform
    static: Transform


class PythonSiteArgs(ServedArgs, total=False):
    """The arguments of every Python site but its name and app."""

    path: str
    streaming: bool
    server: PythonServer
    dev: SiteDev
    transform: PythonSiteTransform


@dataclass(frozen=True)
class Collected:
    """Static files, as a folder and its digest; what follows from them for the function, for the variables of a
    container, and for the upload."""

    source: Input[Mapping[str, str]]
    function: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Input[str]] = field(default_factory=dict)
    assets: Assets = field(default_factory=lambda: Assets())


class PythonSite(Component, parts=tuple(PythonSiteTransform.__annotations__)):
    """Base of ``aws.FastApi``, ``aws.Flask`` and ``aws.Django``.

    path: the folder of the project, relative to ``sst_config.py``: its modules are imported from there, and the folders
    of ``static`` are in it. Its dependencies are those that it declares, or else those of the nearest folder above it.
    environment: variables of the app. It also finds its hosts, separated by commas, in ``SST_HOSTS``. link: what the
    app uses. permissions: further IAM statements. streaming: send answers while they are made; on by default.
    regions: of servers in several, ``["us-east-1", "eu-west-1"]``; each visitor is led to the nearest.
    server: see ``PythonServer``. vpc: the network of the function, as for ``aws.Function``. protection: with
    ``"key"``, the default, the app refuses requests that did not come through the CDN. container: deploy it as an
    image, as for ``aws.Function``. warm: how many instances are kept warm by a call every 5 minutes, 0 by default.
    cluster: run the app in a service of this cluster instead of a function. cpu: ``"0.25 vCPU"`` by default; memory:
    ``"0.5 GB"``; scaling: as for ``aws.Service``. load_balancer: see ``SiteBalancer``.
    assets, auth, domain, router, edge: as for ``StaticSite``.
    dev: what ``sst dev`` runs, the command and the url of the project's own server, ``{"command": "fastapi dev",
    "url": "http://127.0.0.1:8000"}``; on stage ``local`` it takes the place of the site. By default the app runs from
    its source, behind the CDN of the stage.
    """

    _interface: Literal["asgi", "wsgi"] = "asgi"
    """By which a server calls the app."""
    _needs: Sequence[str] = ()
    """Packages that our code in the app uses, and that functions have by themselves."""
    server: Function | Service | None
    """None where a server of the project's own takes its place in ``sst dev``."""
    servers: Sequence[Function]
    """Those of all regions; none in a cluster."""

    def __init__(self, name: str, *, app: str, path: str = ".", static: Mapping[str, str] | None = None,
                 environment: Mapping[str, Input[str]] | None = None, link: Sequence[LinkItem] = (),
                 permissions: Sequence[Statement] = (), streaming: bool = True, server: PythonServer | None = None,
                 protection: Literal["key", "none"] = "key", assets: Assets | None = None,
                 auth: BasicAuth | None = None, domain: str | CdnDomain | None = None,
                 router: RouterPath | None = None, edge: Edge | None = None, warm: int = 0,
                 container: bool | FunctionContainer = False, vpc: Vpc | FunctionNetwork | None = None,
                 regions: Sequence[str] | None = None,
                 cluster: Cluster | None = None, cpu: Cpu | None = None, memory: str | None = None,
                 scaling: Scaling | None = None, load_balancer: SiteBalancer | None = None, dev: SiteDev | None = None,
                 transform: PythonSiteTransform | None = None, **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        if ":" not in app:
            raise UserError(f"the app {app!r} names no object", hint='app="api.main:app": a module and the app in it; '
                                                                     '"admin:create_app()": a function that makes it')
        self._path = posixpath.normpath(path)
        handler = handler_in(self._path, app)
        if self._path != ".":
            server = {**(server or {}), "python": python_in(self._path, server)}
        service = in_cluster(name, cluster, cpu=cpu, memory=memory, scaling=scaling, load_balancer=load_balancer,
                             function={"vpc": vpc, "warm": warm, "server": server})
        places, link = regions_of(self, regions, link, bound={"vpc": vpc, "cluster": cluster})

        def served(*targets: Input[Mapping[str, Any]]) -> Served:
            files = SiteFiles(collected.source, servers=targets, origin_key=key)
            return serve(self, files, assets={**collected.assets, **(assets or {})}, router=router, domain=domain,
                         edge=edge, auth=auth)

        process, instead = dev_server(self, _whole(dev), self._path, link=link, environment=environment)
        self._process: Process | None = process
        with self.scope(transform):
            if process is not None and instead is not None:
                self._url, self.server, self.servers = lead_to(self, instead, router=router, domain=domain,
                                                               edge=edge), None, ()
                self._process = replace(process, environment={**process.environment, **self._found(self._url)})
                return
            key = origin_key(self) if protection == "key" else None
            collected = self._collected(static or {}, link, environment or {})
            if service is not None:
                from .site.cluster_app import ClusterApp

                hosted = ClusterApp(self, service, key, from_source=True)
                self._url, self.servers = served(url_target(hosted.url, {})).url, ()
                known = {**(environment or {}), **collected.environment, **self._found(self._url),
                         "SST_SITE": self._url}
                self.server = hosted.start_app(handler, self._interface, environment=known, link=link,
                                               needs=self._needs, permissions=permissions, base=base_of(container),
                                               settings=server or {})
                return
            variables = {**(environment or {}), **({"SST_ORIGIN_KEY": key} if key is not None else {})}
            given: Any = {"memory": "1024 MB", **(server or {}), **collected.function}
            as_it_is = ["source", "fingerprint"] if process is not None else []  # what is deployed stays what it is
            self.servers, targets = in_regions(places, warm, lambda place: Function(
                f"Server{place.suffix}", handler=handler, url={"cors": False}, streaming=streaming, link=link, vpc=vpc,
                environment=variables, permissions=permissions, container=container, dev=process is None,
                ignore_changes=as_it_is, **given, **place.options))
            self.server, self._url = self.servers[0], served(*targets).url
            for function in self.servers:
                function.add_environment(self._found(self._url))

    def _collected(self, static: Mapping[str, str], link: Sequence[LinkItem],
                   environment: Mapping[str, Input[str]]) -> Collected:
        """The static files."""
        return Collected(static_folder(static, self._path))

    def _found(self, url: Output[str]) -> dict[str, Input[str]]:
        """Variables that the app gets once its address is known."""
        return {"SST_HOSTS": url.apply(lambda text: urlsplit(text).netloc)}

    def dev_parts(self) -> Sequence[DevPart]:
        """The project's own server, where ``dev`` names one."""
        return (self._process,) if self._process else ()

    @property
    def url(self) -> Output[str]:
        """Its address: of its domain, or of the Router with its path."""
        return self._url

    def link(self) -> Link:
        """The URL."""
        return Link(self.logical_name, self.kind, {"url": self.url})


def _whole(dev: SiteDev | None) -> SiteDev | None:
    """Nothing says by itself which server an app of Python has."""
    if isinstance(dev, Mapping) and not dev.keys() >= {"command", "url"}:
        raise UserError("dev of a Python app takes the command and the url of its server",
                        hint='dev={"command": "fastapi dev", "url": "http://127.0.0.1:8000"}')
    return dev


def handler_in(path: str, app: str) -> str:
    """The handler of an app in a folder of the project, relative to ``sst_config.py``. ``UserError`` without it."""
    root = Path(current().root).resolve()
    folder = inside(root, path)
    if not folder.is_dir():
        raise UserError(f"there is no folder {path!r}",
                        hint="path= is the folder of the project, relative to sst_config.py")
    if folder == root:
        return app
    if (file := python_file(folder, app)) is None:
        module = app.partition(":")[0].replace(".", "/")
        raise UserError(f"there is no {module}.py in {path!r}", hint="app= begins in the folder of path=")
    return f"{file.relative_to(root).with_suffix('').as_posix()}:{app.partition(':')[2]}"


def python_in(path: str, server: PythonServer | None = None) -> dict[str, Any]:
    """Options of a bundle whose modules are imported from a folder of the project."""
    return {**({} if path == "." else {"root": path}), **(server or {}).get("python", {})}


def static_folder(static: Mapping[str, str], path: str = ".") -> dict[str, str]:
    """Folders by the path under which they are served, as one folder of the cache. They are relative to ``path``."""
    root = Path(current().root)
    found: dict[str, Path] = {}
    made = hashlib.sha256()
    for prefix, name in sorted(static.items()):
        if not prefix.startswith("/"):
            raise UserError(f"the path {prefix!r} of static files has no slash at its beginning",
                            hint='static={"/assets": "web/dist"}')
        for file in read_folder(inside(root, f"{path}/{name}"), root).files:
            shown = f"{prefix.strip('/')}/{file.name}".lstrip("/")
            found[shown] = file.path
            made.update(f"{shown}\0{file.sha256}\n".encode())

    def copy(part: Path) -> None:
        for shown, path in found.items():
            (part / shown).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, part / shown)

    folder = keep(root / ".sst" / "cache", "static", made.hexdigest()[:40], copy)
    return {"folder": folder.relative_to(root).as_posix(), "digest": read_folder(folder, root).digest}
