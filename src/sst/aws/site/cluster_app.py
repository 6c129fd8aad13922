"""The app of a site in a service: containers behind a load balancer through which the CDN alone gets."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ...build.layout import layout
from ...build.source import Source, runtime_for
from ...clouds.aws import ssm
from ...clouds.aws.fargate import LOCAL_IMAGE
from ...clouds.local.site import Site
from ...core.component import Component
from ...core.graph import current
from ...core.link import LinkItem
from ...core.output import Input, Output, combine, gather
from ...errors import UserError
from ...runtime.behind import HEALTH
from ..alb import Alb
from ..fargate.dev import dev_port
from ..fargate.image import Image, module_of
from ..images import declare_server_image
from ..permissions import Statement
from ..service import Service
from .in_cluster import InCluster, SiteBalancer

__all__ = ["ClusterApp"]

PORT = 8080
NAME = "Server"
SERVERS: Mapping[str, tuple[str, Sequence[str]]] = {
    "asgi": ("uvicorn", ("--host", "0.0.0.0", "--port", str(PORT), "--timeout-keep-alive", "75")),
    "wsgi": ("gunicorn", ("--bind", f"0.0.0.0:{PORT}", "--threads", "8", "--keep-alive", "75"))}
"""What runs an app of Python. A connection that is idle is closed by the load balancer, after 60 seconds, and never by
the server, or requests that cross with its end fail.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html"""


class ClusterApp:
    """The load balancer of an app, declared in the scope of its site, and then the service behind it. ``key`` is what
    the edge adds to requests; with None everybody gets through. ``url`` is where the edge finds the app.
    ``from_source``: in `sst dev` on stage ``local`` it runs from its source, without a load balancer."""

    def __init__(self, owner: Component, given: InCluster, key: Output[str] | None, *, from_source: bool) -> None:
        self._owner, self._given, self._key = owner, given, key
        target = current().target
        self._live = from_source and target.dev and target.is_local
        self._alb = None if self._live else _balancer(owner, given)
        names = f"{owner.urn.rpartition('::')[2]}/{NAME}"
        self.url: Input[str] = self._alb.url if self._alb else f"http://127.0.0.1:{dev_port(names, NAME, PORT)}"

    def start_app(self, app: str, interface: Literal["asgi", "wsgi"], *, environment: Mapping[str, Input[str]],
                  link: Sequence[LinkItem], permissions: Sequence[Statement], base: str | None,
                  settings: Mapping[str, Any], needs: Sequence[str]) -> Service:
        """Declare the service of a Python app. ``needs`` are packages that it uses. On AWS stages `sst dev` leaves what
        is deployed."""
        graph = current()
        architecture, python = settings.get("architecture", "x86_64"), settings.get("python", {})
        root = Path(graph.root or ".")
        source = Source(str(root), app, runtime_for(root, app, python=graph.context.python), architecture, False, (),
                        python)
        own = {"SST_APP": f"{module_of(source)}:{app.partition(':')[2]}"}
        return self._service(
            {**environment, **own}, handler=app, base=base, link=link, permissions=permissions,
            command=_command(source, interface, needs, self._owner.logical_name), architecture=architecture,
            python=python, dev=None if graph.target.is_local else False)

    def start_server(self, built: Site, *, environment: Mapping[str, Input[str]], link: Sequence[LinkItem],
                     permissions: Sequence[Statement], base: str | None, settings: Mapping[str, Any]) -> Service:
        """Declare the service of a server of Node that a build has made."""
        architecture, runtime = settings.get("architecture", "x86_64"), settings.get("runtime", "nodejs24.x")
        image = _server_image(self._owner, built, runtime, architecture, base)
        return self._service({**environment, "SST_PORT": str(PORT)}, image=image, link=link, permissions=permissions,
                             architecture=architecture, dev=False)

    def _service(self, environment: Mapping[str, Input[str]], **what: Any) -> Service:
        """``environment`` may hold secrets: containers get these from Parameter Store."""
        plain, secret = (dict(environment), {}) if self._live else _apart(environment)
        given = self._given
        return Service(NAME, cluster=given.cluster, cpu=given.cpu, memory=given.memory, scaling=given.scaling,
                       environment=plain, ssm=secret or None, load_balancer=self._rules(), **what)

    def _rules(self) -> Any:
        """Only a request with the key is let through; others get 403 of the load balancer itself."""
        to = f"{PORT}/http"
        if self._alb is None:
            return {"ports": [{"listen": to}]}
        ports = list(self._alb.listeners)
        listen = next((p for p in ports if p.secure), ports[0])
        admitted = {"path": "/*"} if self._key is None else {"header": {"name": "x-sst-key", "values": [self._key]}}
        return {"instance": self._alb, "rules": [{"listen": str(listen), "forward": to, "conditions": admitted,
                                                  "priority": self._given.balancer.get("priority", 1)}],
                "health": {to: {"path": HEALTH, "interval": "10 seconds", "healthy_threshold": 2}}}


def _server_image(owner: Component, built: Site, runtime: str, architecture: str, base: str | None) -> Image:
    """On stage ``local`` its files, which a process runs."""
    graph, version = current(), runtime.removeprefix("nodejs").removesuffix(".x")
    start: list[Input[str]] = ["node", built.handler.apply(lambda handler: f"{handler.rpartition('.')[0]}.mjs")]
    if not graph.target.is_local:
        return Image(declare_server_image(graph, built.code, version=version, architecture=architecture, base=base),
                     start, unprivileged=True)
    code = combine(code=built.code)["code"]
    labels: dict[str, Input[str]] = {"sst.bundle": code["path"], "sst.sha256": code["sha256"], "sst.node": version}
    return Image(f"{LOCAL_IMAGE}{owner.logical_name.lower()}@sha256:{code['sha256']}", start, labels)


def _balancer(owner: Component, given: InCluster) -> Alb:
    asked = given.balancer
    if odd := sorted(asked.keys() - SiteBalancer.__annotations__.keys()):
        raise UserError(f"load_balancer of {owner.logical_name} has no {odd[0]!r}",
                        hint=f"it has {', '.join(SiteBalancer.__annotations__)}")
    if (shared := asked.get("instance")) is not None:
        if not isinstance(shared, Alb) or "domain" in asked or not shared.listeners:
            raise UserError(f"instance of load_balancer of {owner.logical_name} takes an aws.Alb of this program, "
                            "without a domain", hint='load_balancer={"instance": alb, "priority": 10}')
        return shared
    domain = None if current().target.is_local else asked.get("domain")
    cluster: Any = given.cluster
    return Alb("Balancer", domain=domain, vpc={"id": cluster.vpc_id, "public_subnets": cluster.public_subnets},
               listeners=[{"port": 443, "protocol": "https"} if domain else {"port": 80, "protocol": "http"}])


def _command(source: Source, interface: Literal["asgi", "wsgi"], needs: Sequence[str], what: str) -> list[str]:
    program, words = SERVERS[interface]
    declared = "".join(f.read_text("utf-8", "replace") for f in layout(source).declared if f.is_file())
    for package, use in ((program, "which serves it there"), *((n, "which Lambda has by itself") for n in needs)):
        if package not in declared:
            raise UserError(f"{what} runs in a cluster, and {package}, {use}, is not among the project's dependencies",
                            hint=f"uv add {package}")
    return ["python", "-m", program, "sst.runtime.behind:app", *words]


def _apart(environment: Mapping[str, Input[str]]) -> tuple[dict[str, Input[str]], dict[str, Input[str]]]:
    """What may be read in a task definition, and ARNs of parameters with what may not."""
    secret = {k: v for k, v in sorted(environment.items()) if gather([v])[1]}
    if not secret:
        return dict(environment), {}
    made = {k: ssm.Parameter(f"Variable{k}", type="SecureString", value=v) for k, v in secret.items()}
    plain = {k: v for k, v in environment.items() if k not in secret}
    # a changed one must start new tasks: they read it when they start
    versions = combine(**{k: p.version for k, p in made.items()}).apply(lambda known: "".join(
        f"{known[k]}." for k in sorted(known)))
    return {**plain, "SST_VARIABLES": versions}, {k: p.arn for k, p in made.items()}
