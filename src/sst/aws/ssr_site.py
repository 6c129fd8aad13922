"""What sites that are rendered on a server have in common: a build, a function for the server or a service, and files
on the CDN."""
from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypedDict, Unpack, cast

from ..clouds.local.folders import inside
from ..clouds.local.site import Site, site_fingerprint
from ..core.component import Component, Options
from ..core.dev_parts import DevPart
from ..core.graph import current
from ..core.link import Link, LinkItem, linked
from ..core.link_env import environment as linked_environment
from ..core.output import Input, Output, combine
from ..core.transform import Transform
from ..errors import UserError
from ..records import dataclass
from .apart import keep_apart, noted_site
from .cdn import CdnDomain
from .cdn.injection import Edge
from .function import Code, Function
from .function.container import FunctionContainer
from .function.network import FunctionNetwork
from .permissions import Statement
from .router.target import url_target
from .site import Assets, BasicAuth, SiteFiles, serve
from .site.arguments import ServedArgs
from .site.dev import SiteDev, dev_server, lead_to
from .site.in_cluster import SiteBalancer, base_of, in_cluster
from .site.protection import origin_key
from .site.regions import Region, in_regions, regions_of
from .vpc import Vpc

if TYPE_CHECKING:
    from .cluster import Cluster
    from .fargate import Cpu
    from .router import RouterPath
    from .service import Scaling, Service

__all__ = ["Framework", "Server", "SsrSite", "SsrSiteArgs", "SsrSiteTransform", "code_of"]

_MANAGERS = (("yarn.lock", "yarn"), ("pnpm-lock.yaml", "pnpm"), ("bun.lock", "bun"), ("bun.lockb", "bun"),
             ("package-lock.json", "npm"))
_SERVERS = re.compile(r"(?:[A-Z_]+=\S+ )*(?:vite|next|astro|nuxt|nuxi|react-router|remix|vinxi|ng)\b[^&|;]*")
"""Development servers, alone in their script, that take ``--port``."""


@dataclass(frozen=True)
class Framework:
    """What differs between frameworks."""

    title: str
    package: str
    """That a site of this framework depends on; empty for any."""
    reader: str
    """Of `build.site.frameworks`."""
    oldest: int = 0
    """The first major version that is supported."""
    port: int = 5173
    """Of its development server."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of its build."""
    edge: Mapping[str, int] = field(default_factory=dict)
    """What the edge function has to know of it."""


class Server(TypedDict, total=False):
    """The function that renders. ``memory``: ``"1024 MB"`` by default; ``timeout``: ``"20 seconds"``, at most 15
    minutes; CloudFront waits 60 seconds for the first byte. ``runtime``: ``"nodejs24.x"``;
    ``architecture``: ``"x86_64"``. ``install``: packages that it gets whole, for code that finds its files in ways that
    can't be read from the source. ``layers``: ARNs."""

    memory: str
    timeout: str
    runtime: Literal["nodejs20.x", "nodejs22.x", "nodejs24.x"]
    architecture: Literal["x86_64", "arm64"]
    install: Sequence[str]
    layers: Sequence[Input[str]]


class SsrSiteTransform(TypedDict, total=False):
    build: Transform
    server: Transform
    assets: Transform
    site: Transform
    store: Transform
    request: Transform
    response: Transform


class SsrSiteArgs(ServedArgs, total=False):
    """The arguments of every site with a server but its name."""

    path: str
    build_command: str
    ssr: bool
    server: Server
    dev: SiteDev | Literal[False]
    transform: SsrSiteTransform


class SsrSite(Component, parts=tuple(SsrSiteTransform.__annotations__)):
    """Base of sites with a server; ``aws.React``, ``aws.Astro`` and others are what programs use.

    path: the folder of the site, relative to ``sst_config.py``. build_command: ``npm run build`` by default, with the
    package manager whose lock file is there. environment: variables of the build and of the server. link: what the
    server uses; the build finds it too. permissions: further IAM statements of the server.
    ssr: ``False`` for a build that makes files alone. server: see ``Server``.
    protection: with ``"key"``, the default, the server refuses requests that did not come through the CDN.
    warm: how many instances of the server are kept warm by a call every 5 minutes, 0 by default.
    vpc: a network that the server reaches, as for ``aws.Function``. regions: of servers in several,
    ``["us-east-1", "eu-west-1"]``; each visitor is led to the nearest. container: deploy the server as an image, as for
    ``aws.Function``. cluster: run it in a service of this cluster instead of a function. cpu: ``"0.25 vCPU"`` by
    default; memory: ``"0.5 GB"``; scaling: as for ``aws.Service``. load_balancer: see ``SiteBalancer``.
    assets, auth, domain, router, edge: as for ``StaticSite``. dev: what ``sst dev`` runs, see ``SiteDev``;
    the script `dev` by default, with the port that it names; else the framework's own, or a free one where another
    program has that. ``False`` deploys the site there too.
    """

    framework: ClassVar[Framework]
    _base = ""
    """The path below which the app answers by itself."""
    _edge: Mapping[str, Any] = {}
    """What the edge function has to know of the site besides what it has to know of its framework."""

    def __init__(self, name: str, *, path: str = ".", build_command: str | None = None,
                 environment: Mapping[str, Input[str]] | None = None, link: Sequence[LinkItem] = (),
                 permissions: Sequence[Statement] = (), ssr: bool = True, server: Server | None = None,
                 protection: Literal["key", "none"] = "key", assets: Assets | None = None,
                 auth: BasicAuth | None = None, domain: str | CdnDomain | None = None,
                 router: RouterPath | None = None, edge: Edge | None = None, warm: int = 0,
                 vpc: Vpc | FunctionNetwork | None = None, regions: Sequence[str] | None = None,
                 container: bool | FunctionContainer = False, cluster: Cluster | None = None, cpu: Cpu | None = None,
                 memory: str | None = None, scaling: Scaling | None = None, load_balancer: SiteBalancer | None = None,
                 dev: SiteDev | Literal[False] | None = None, transform: SsrSiteTransform | None = None,
                 **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        self.server: Function | Service | None = None
        self.servers: Sequence[Function] = ()
        self._vpc, self._container = vpc, container
        service = in_cluster(name, cluster, cpu=cpu, memory=memory, scaling=scaling, load_balancer=load_balancer,
                             function={"vpc": vpc, "warm": warm, "server": server}, language=("runtime", "install"))
        places, link = regions_of(self, regions, link, bound={"vpc": vpc, "cluster": cluster})
        _check(self.framework, path, build_command)
        line = build_command or self._line(path, server or {})
        keep_apart(current(), path)
        process, instead = None, None
        if dev is not False and current().target.dev:
            server_of: SiteDev = {**_own_server(self, path), **(dev or {})}
            process, instead = dev_server(self, server_of, path, link=link, environment=environment)
        self._process = process
        with self.scope(transform):
            if instead is not None:
                self._url = lead_to(self, instead, router=router, domain=domain, edge=edge, base=self._base)
                return
            built = self._build(path, line, environment, link, ssr, server or {}, frozen=process is not None,
                                image=bool(container) or service is not None)
            targets: list[Input[Mapping[str, Any]]] = []
            key = origin_key(self) if protection == "key" and ssr else None
            hosted = None
            if ssr and service is not None:
                from .site.cluster_app import ClusterApp

                hosted = ClusterApp(self, service, key, from_source=False)
                targets = [url_target(hosted.url, {})]
            elif ssr:
                self.servers, targets = in_regions(places, warm, lambda place: self._function(
                    built, link, permissions, environment or {}, server or {}, key, place))
                self.server = self.servers[0]
            files = SiteFiles(built.contents, servers=targets, origin_key=key, base=self._base,
                              edge={**self.framework.edge, **self._edge})
            served = serve(self, files, assets=assets, router=router, domain=domain, edge=edge, auth=auth)
            self._url = served.url
            if hosted is not None:
                known, allowed = self._in_service(built, hosted.url, environment or {}, permissions, server or {}, key)
                self.server = hosted.start_server(built, environment={**known, "SST_SITE": self._url}, link=link,
                                                  permissions=allowed, base=base_of(container), settings=server or {})

    def _build(self, path: str, line: str, environment: Mapping[str, Input[str]] | None, link: Sequence[LinkItem],
               ssr: bool, server: Server, *, frozen: bool, image: bool) -> Site:
        """``frozen``: a site that is deployed stays what it is, since `sst dev` runs its development server."""
        graph = current()
        env = linked_environment(graph, linked(link, self.where), {**self.framework.environment, **(environment or {})})
        variables: Any = {**env.plain, **env.secret}
        built = Site("Build", framework=self.framework.reader, command=line, folder=Path(path).as_posix(),
                     source=site_fingerprint(inside(Path(graph.root), path)), environment=variables,
                     server=ssr, entry=self._entry(), base=self._base or None,
                     functions=list(self._parts()) or None, install=list(server.get("install", ())) or None,
                     image=image or None,
                     ignore_changes=["source", "apart", "command", "environment"] if frozen else [])
        noted_site(graph, built, Path(path).as_posix())
        return built

    def _entry(self) -> str | None:
        return None

    def _parts(self) -> Sequence[str]:
        """The names of functions that the build makes besides the server's own."""
        return ()

    def _line(self, path: str, server: Server) -> str:
        """The command that builds, where ``build_command`` does not say it."""
        return _run(path, "build")

    def _function(self, built: Site, link: Sequence[LinkItem], permissions: Sequence[Statement],
                  environment: Mapping[str, Input[str]], server: Server, key: Output[str] | None,
                  place: Region) -> Function:
        """The function that renders, in one region."""
        variables = {**environment, **({"SST_ORIGIN_KEY": key} if key is not None else {})}
        return self._renders(f"Server{place.suffix}", code_of(built, server), server, link=link,
                             permissions=permissions, environment=variables, **place.options)

    def _in_service(self, built: Site, url: Input[str], environment: Mapping[str, Input[str]],
                    permissions: Sequence[Statement], server: Server, key: Output[str] | None,
                    ) -> tuple[Mapping[str, Input[str]], Sequence[Statement]]:
        """The variables and permissions of the server in a cluster, which answers at ``url``."""
        return environment, permissions

    def _renders(self, name: str, code: Code, server: Server, **given: Any) -> Function:
        """A function that renders, behind the CDN."""
        return Function(name, handler="sst-entry.handler", bundle=code, url={"cors": False}, streaming=True,
                        memory=server.get("memory", "1024 MB"), timeout=server.get("timeout", "20 seconds"),
                        architecture=server.get("architecture", "x86_64"), layers=server.get("layers", ()),
                        vpc=self._vpc, container=self._container, dev=False, **given)

    def dev_parts(self) -> Sequence[DevPart]:
        """The framework's own development server."""
        return (self._process,) if self._process else ()

    @property
    def url(self) -> Output[str]:
        """Its address: of its domain, of the Router with its path, or of its development server."""
        return self._url

    def link(self) -> Link:
        """The URL."""
        return Link(self.logical_name, self.kind, {"url": self.url})


def code_of(built: Site, server: Server, name: str | None = None) -> Code:
    """The code of a build's server, or of one of the functions into which it is split."""
    code = built.code if name is None else built.codes.apply(lambda codes: codes[name])
    return Code(server.get("runtime", "nodejs24.x"), built.handler, cast("Output[dict[str, Any]]", code),
                combine(handler=built.handler))


def _check(framework: Framework, path: str, command: str | None) -> None:
    """Raise ``UserError`` for a folder that holds no site of this framework, or none that can be built."""
    folder = inside(Path(current().root), path)
    package = folder / "package.json"
    if not package.is_file():
        raise UserError(f"there is no package.json in {path!r}", hint=f"path= is the folder of the {framework.title} "
                                                                     "site, relative to sst_config.py")
    own = _json(package)
    used = {**own.get("devDependencies", {}), **own.get("dependencies", {})}
    if framework.package and framework.package not in used:
        raise UserError(f"the package.json in {path!r} does not name {framework.package}",
                        hint=f"it is no {framework.title} site; the component has the name of its framework")
    if framework.oldest:
        _supported(framework, folder, str(used.get(framework.package, "")))
    if command is None and "build" not in own.get("scripts", {}):
        raise UserError(f"the package.json in {path!r} has no script build", hint='add one, or give build_command="…"')


def _supported(framework: Framework, folder: Path, wanted: str) -> None:
    at = next((p for f in (folder, *folder.parents)
               if (p := f / "node_modules" / framework.package / "package.json").is_file()), None)
    found = re.search(r"\d+", str(_json(at).get("version", "")) if at else wanted)
    if found and int(found[0]) < framework.oldest:
        raise UserError(f"{framework.title} {found[0]} is not supported",
                        hint=f"the first version that is: {framework.oldest}")


def _run(path: str, script: str) -> str:
    """``npm run build``, by the package manager whose lock file is nearest."""
    root = Path(current().root)
    folder = inside(root, path)
    for at in (folder, *folder.parents):
        for lock, manager in _MANAGERS:
            if (at / lock).is_file():
                return f"{manager} run {script}"
        if (at / ".git").exists() or (at == root.resolve() and not _in_git(at)):
            break
    raise UserError(f"there is no lock file in {path!r} or above",
                    hint="run `npm install`: package-lock.json makes every build use the same packages")


def _own_server(site: SsrSite, path: str) -> SiteDev:
    """The framework's development server, at the port that the script `dev` says; else the framework's own port, or a
    free one if another program has that."""
    script = str(_json(inside(Path(current().root), path) / "package.json").get("scripts", {}).get("dev", ""))
    line, wanted = _run(path, "dev"), site.framework.port
    if found := re.search(r"(?:--port|-p)[ =](\d+)", script):
        return {"command": line, "url": f"http://localhost:{found[1]}"}
    if not _SERVERS.fullmatch(script):
        return {"command": line, "url": f"http://localhost:{wanted}"}
    port = current().target.dev_port(f"{site.urn.rpartition('::')[2]}:{wanted}", wanted)
    return {"command": f"{line} {'-- ' * line.startswith('npm ')}--port {port}", "url": f"http://localhost:{port}"}


def _in_git(folder: Path) -> bool:
    return any((f / ".git").exists() for f in (folder, *folder.parents))


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as e:
        raise UserError(f"{path.name} can't be read: {e}", where=str(path)) from None
    return found if isinstance(found, dict) else {}
