"""One domain for functions, sites, buckets and URLs: an edge function leads each request to what its host and path
stand for."""
from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Protocol, Self, TypedDict, Unpack

from ...clouds.aws import cloudfront
from ...core.component import Component, Options
from ...core.graph import current
from ...core.link import Link
from ...core.output import Input, Output, call_site, combine
from ...core.transform import Transform
from ...errors import UserError
from ...records import dataclass
from ..bucket import Bucket
from ..cdn import Cdn, CdnDomain
from ..cdn.auth import BasicAuth, checked
from ..cdn.behavior import PLACEHOLDER, routed
from ..cdn.edge import request_code, response_code
from ..cdn.firewall import Waf, firewall
from ..cdn.injection import Edge, injections, statements_of
from ..existing import DISTRIBUTION, identified
from .pattern import path_of, split
from .target import Rewrite, RouteOptions, bucket_target, redirect_target, url_target

__all__ = ["Part", "Router", "RouterPath", "RouterTransform", "part_of"]

POLICY: Mapping[str, Any] = {
    "MinTTL": 0, "DefaultTTL": 0, "MaxTTL": 31536000,
    "ParametersInCacheKeyAndForwardedToOrigin": {
        "EnableAcceptEncodingGzip": True, "EnableAcceptEncodingBrotli": True,
        "HeadersConfig": {"HeaderBehavior": "whitelist", "Headers": ["x-forwarded-host", "x-open-next-cache-key"]},
        "CookiesConfig": {"CookieBehavior": "none"}, "QueryStringsConfig": {"QueryStringBehavior": "all"}}}
"""What origins say of their answers decides; they are told apart by host, query and what a server adds."""
POLICY_NAME = "sst-py-routed-1"
"""Other settings need another name: all apps of an account share the policy."""


class HasUrl(Protocol):
    """A ``Function`` with a URL, an ``ApiGatewayV2``, a site."""

    @property
    def url(self) -> Output[str]: ...


class RouterPath(TypedDict, total=False):
    """Where something is in a Router: ``instance``, ``path`` (``"/docs"``, all by default) and ``domain`` (a host of
    the Router, any by default). URLs also take what ``Router.route`` takes, as ``rewrite`` and ``read_timeout``."""

    instance: Router
    path: str
    domain: str
    rewrite: Rewrite
    read_timeout: str
    keep_alive_timeout: str
    connection_timeout: str
    connection_attempts: int


class RouterTransform(TypedDict, total=False):
    store: Transform
    cache_policy: Transform
    request: Transform
    response: Transform
    waf: Transform
    waf_log_group: Transform
    waf_logging: Transform


class Router(Component, kind="sst.aws.Router", parts=tuple(RouterTransform.__annotations__)):
    """A CloudFront distribution that leads requests to functions, sites, buckets and URLs, by host and path.

        router = aws.Router("Web", domain="example.com")
        aws.Function("Api", handler="src/api.handler", url={"router": {"instance": router, "path": "/api"}})
        aws.StaticSite("Docs", path="site", router={"instance": router, "path": "/docs"})
        router.route_bucket("/files", uploads)
        router.route("/status", "https://status.example.com")

    The most exact host decides, then the longest path. domain: ``"example.com"``, or ``{"name", "aliases",
    "redirects", "cert", "dns"}``; hosts of routes are among its names. edge: code that runs at the edges, see ``Edge``.
    auth: a user name and a password for all of it. waf: a firewall, ``True`` or settings. web_acl_arn: of one that is
    there already. Answers are cached as long as their ``Cache-Control`` says, otherwise not.

    Source: CloudFront Developer Guide,
    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Introduction.html
    """

    def __init__(self, name: str, *, domain: str | CdnDomain | None = None, edge: Edge | None = None,
                 auth: BasicAuth | None = None, waf: bool | Waf = False, web_acl_arn: Input[str] | None = None,
                 transform: RouterTransform | None = None,
                 **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        self._routes: dict[tuple[str, str], str] = {}
        self._domain, self.asks = domain, auth is not None
        own, after = injections(edge, self.where)
        with self.scope(transform):
            self.store = cloudfront.KeyValueStore("Store")
            policy = cloudfront.AccountCachePolicy("CachePolicy", name=POLICY_NAME, settings=POLICY)
            before = statements_of(domain) + (checked(auth, self.store.name) if auth is not None else "")
            request = cloudfront.Function("Request", stores=[self.store.arn], code=request_code(
                "await route(q,host)", before=before, own=own, routes=True))
            response = cloudfront.Function("Response", code=response_code(after))
            self.cdn: Cdn | None = Cdn(
                "Cdn", **routed(PLACEHOLDER, request=request.arn, response=response.arn, cache_policy=policy.policy_id),
                domain=domain, web_acl_arn=firewall(self, waf, web_acl_arn),
                comment=f"sst router {self.store.name}")
        self.distribution = self.cdn.distribution
        self._url = self.cdn.url

    @classmethod
    def get(cls, name: str, distribution_id: Input[str], **options: Unpack[Options]) -> Self:
        """The Router of another app or stage, by the ``id`` that it has there. Routes are added to it, and removed
        again, and nothing else of it is changed.

            router = aws.Router.get("Web", "E2IDLMESRN6V62") if app.stage != "production" else aws.Router("Web")

        On stage ``local`` a Router of this app stands in for it.
        """
        identified(distribution_id, DISTRIBUTION)
        if current().target.is_local:
            return cls(name, **options)
        self = cls.existing(name, **options)
        self._routes, self._domain, self.cdn, self.asks = {}, None, None, False
        with self.scope():
            self.distribution = cloudfront.Distribution.get("Distribution", id=distribution_id)
            self.store = cloudfront.KeyValueStore.get("Store", name=self.distribution.comment.apply(_store_of))
        self._url = _first_alias(self.distribution)
        return self

    @property
    def url(self) -> Output[str]:
        """Its address: of its domain if it has one."""
        return self._url

    @property
    def distribution_id(self) -> Output[str]:
        """As ``Router.get`` takes it."""
        return self.distribution.distribution_id

    @property
    def store_arn(self) -> Output[str]:
        """ARN of the store of its routes."""
        return self.store.arn

    def route(self, pattern: str, url: Input[str] | HasUrl, **options: Unpack[RouteOptions]) -> Router:
        """Lead requests to a URL, or to a component that has one.

            router.route("/api", "https://api.example.com", rewrite={"regex": "^/api/(.*)$", "to": "/$1"})
            router.route("status.example.com", fn, read_timeout="30 seconds")

        The path stays as it is unless ``rewrite`` changes it; that of the URL comes before it.
        """
        host, path = split(pattern)
        if url is self:
            raise UserError(f'a route of "{self.logical_name}" can\'t lead to itself')
        self._add(host, path, url_target(_url_of(url), options))
        return self

    def route_bucket(self, pattern: str, bucket: Bucket, *, rewrite: Rewrite | None = None) -> Router:
        """Serve the objects of a bucket; their keys are the paths, or what ``rewrite`` makes of them. The bucket needs
        ``access="cloudfront"``.

            router.route_bucket("/files", uploads, rewrite={"regex": "^/files/(.*)$", "to": "/$1"})
        """
        if not isinstance(bucket, Bucket):
            raise UserError(f"route_bucket takes an aws.Bucket, not {bucket!r}")
        if bucket.closed:
            raise UserError(f'CloudFront may not read the bucket "{bucket.logical_name}"',
                            hint=f'aws.Bucket("{bucket.logical_name}", access="cloudfront")')
        host, path = split(pattern)
        self._add(host, path, bucket_target(bucket.bucket.domain, rewrite))
        return self

    def redirect(self, pattern: str, url: Input[str] | HasUrl, *, permanent: bool = False,
                 keep_path: bool = True) -> Router:
        """Send browsers elsewhere, by status 307, or 308 if ``permanent``: to an address, to a component that has one,
        or to a path of the same host. ``keep_path``: with the path that was asked for.

            router.redirect("old.example.com", "https://example.com", permanent=True)
        """
        host, path = split(pattern)
        self._add(host, path, redirect_target(_url_of(url), permanent=permanent, keep_path=keep_path))
        return self

    def link(self) -> Link:
        """The URL."""
        return Link(self.logical_name, self.kind, {"url": self.url})

    def _add(self, host: str, path: str, target: Input[Any]) -> None:
        """A route that is declared by a call of a method."""
        self._claim(host, path, current().short(call_site(2)))
        with self.scope():
            cloudfront.Route(_label(host, path), store=self.store.arn, host=host, path=path, target=target)

    def _claim(self, host: str, path: str, where: str) -> None:
        shown = path if host == "*" else f"{host}{path if path != '/' else ''}"
        if (host, path) in self._routes:
            raise UserError(f'the route "{shown}" of "{self.logical_name}" is declared twice',
                            hint=f"first at {self._routes[host, path]}", where=where)
        self._routes[host, path] = where
        if host != "*" and self.cdn is not None and not _answers(self._domain, host):
            raise UserError(f'"{self.logical_name}" does not answer for the host {host}', where=where,
                            hint=f'add it to its names: domain={{"name": ..., "aliases": ["{host}"]}}')


@dataclass(frozen=True)
class Part:
    """A place in a Router for a component."""

    router: Router
    host: str
    path: str
    """Empty for all of it."""
    options: RouteOptions

    @property
    def url(self) -> Output[str]:
        """Its address."""
        host, path = self.host, self.path
        where = current().target.is_local

        def made(url: str) -> str:
            if host == "*" or host.startswith("*."):
                return f"{url.rstrip('/')}{path}"
            port = url.rpartition(":")[2]
            return f"http://{host}.localhost:{port}{path}" if where else f"https://{host}{path}"

        return self.router.url.apply(made)

    def add(self, name: str, target: Input[Any], *, key: Input[str] | None = None) -> cloudfront.Route:
        """Declare the route in the present scope, so that it comes and goes with the component. ``key`` goes along
        as the header ``x-sst-key``."""
        return cloudfront.Route(name, store=self.router.store_arn, host=self.host, path=self.path or "/",
                                target=target, origin_key=key)


def part_of(given: RouterPath, where: str) -> Part:
    """Check a ``router=`` argument, and claim its place."""
    known = frozenset(RouterPath.__annotations__)
    if not isinstance(given, Mapping) or not isinstance(given.get("instance"), Router) or set(given) - known:
        raise UserError("router takes a Router as instance, a path and a domain", where=where,
                        hint='router={"instance": router, "path": "/docs"}')
    router, host, path = given["instance"], given.get("domain", "*"), path_of(given.get("path", "/"))
    if host != "*":
        split(host)
    router._claim(host, path, where)
    options: Any = {k: v for k, v in given.items() if k not in ("instance", "path", "domain")}
    return Part(router, host, "" if path == "/" else path, options)


def _url_of(url: Any) -> Input[str]:
    if isinstance(url, str | Output):
        return url
    from ..queue import Queue

    if not isinstance(url, Component) or not hasattr(type(url), "url") or isinstance(url, Queue):
        shown = f'{type(url).__name__} "{url.logical_name}"' if isinstance(url, Component) else repr(url)
        raise UserError(f"{shown} has no URL that a route could lead to",
                        hint="give a function with url=True, a site, an API, or an address")
    return url.url  # type: ignore[no-any-return, attr-defined]  # it has one, or says what it needs


def _answers(domain: str | CdnDomain | None, host: str) -> bool:
    if domain is None:
        return False
    names = [domain] if isinstance(domain, str) else [domain.get("name", ""), *domain.get("aliases", ()),
                                                      *domain.get("redirects", ())]
    return any(host == n or (n.startswith("*.") and host.endswith(n[1:])) for n in names)


def _label(host: str, path: str) -> str:
    """``app.example.com/docs`` → ``RouteAppExampleComDocs``. Where others would have the same name, with a hash."""
    words = re.findall(r"[A-Za-z0-9]+", f"{host}/{path}")
    more = "" if path == "/" or _PLAIN.fullmatch(path) else hashlib.sha256(f"{host}{path}".encode()).hexdigest()[:6]
    return "Route" + "".join(w[:1].upper() + w[1:] for w in (["Any"] if host.startswith("*.") else []) + words) + more


_PLAIN = re.compile(r"(/[a-z][a-z0-9]*)+")
"""Paths that can be told apart by their words."""


def _store_of(comment: str) -> str:
    before, _, name = comment.rpartition(" ")
    if before != "sst router":
        raise UserError("this distribution is not a Router of sst for Python",
                        hint="take the id that Router.distribution_id gives")
    return name


def _first_alias(distribution: cloudfront.Distribution) -> Output[str]:
    return combine(url=distribution.url, names=distribution.aliases).apply(
        lambda known: f"https://{known['names'][0]}" if known["names"] else str(known["url"]))
