"""Next.js sites."""
from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack

from ..build.site.frameworks.next import CONFIG
from ..build.site.open_next import config_of, split_functions
from ..build.uv import host_platform
from ..clouds.aws.files import Files
from ..clouds.local.folders import inside
from ..clouds.local.site import Site
from ..core.graph import current
from ..core.link import LinkItem
from ..core.output import Input, Output, combine
from ..errors import UserError
from ..machine.files import replace_file
from .bucket import Bucket
from .dynamo import Dynamo
from .function import Function
from .permissions import Statement, permission
from .queue import Queue
from .router.target import url_target
from .site import Assets
from .site.base_path import base_path as base_path_of
from .site.regions import Region
from .site.warm import keep_warm
from .ssr_site import Framework, Server, SsrSite, SsrSiteArgs, code_of

__all__ = ["Nextjs"]

OPEN_NEXT = "4.1.16"


class Nextjs(SsrSite, kind="sst.aws.Nextjs"):
    """A Next.js site: its server in a function or a service, its files on the CDN, prerendered pages in a bucket.

        site = aws.Nextjs("Web", path="web", link=[bucket])
        site.url

    Next.js 15 and 16, with the pages and the app router, through OpenNext. https://opennext.js.org/aws
    ``open_next``: the version of OpenNext, ``"4.1.16"`` by default. A project with an ``open-next.config.ts`` of its
    own keeps it. ``base_path``: ``basePath`` of next.config, where that computes it; as plain text it is found there.
    In a ``Router`` it equals the ``path``. ``functions``: settings of the functions into which ``open-next.config.ts``
    splits the server, ``{"api": {"memory": "2 GB"}}``; they begin with those of ``server``. All other arguments are
    those of ``SsrSite``.
    """

    framework = Framework("Next.js", "next", "next", oldest=15, port=3000, edge={"next": 1},
                          environment={"NEXT_TELEMETRY_DISABLED": "1"})

    def __init__(self, name: str, *, open_next: str = OPEN_NEXT, base_path: str | None = None,
                 functions: Mapping[str, Server] | None = None, **args: Unpack[SsrSiteArgs]) -> None:
        if "regions" in args:
            raise UserError(f"{name} can't have regions: the cache of a Next.js site is in one region",
                            hint="leave regions out: files and pages that are kept are served by the CDN everywhere")
        self._open_next, self._label, self._transform = open_next, name, args.get("transform")
        self._folder, self._settings = inside(Path(current().root), args.get("path", ".")), functions or {}
        self._warm, self._clustered = args.get("warm", 0), args.get("cluster") is not None
        self.functions: dict[str, Function] = {}
        self._base = base_path_of(name, self._folder, base_path, args.get("router"))
        args["assets"] = {**Assets(immutable=[f"{self._base}/_next/static".lstrip("/")]), **args.get("assets", {})}
        super().__init__(name, **args)

    def _line(self, path: str, server: Server) -> str:
        """OpenNext runs the script `build` itself."""
        super()._line(path, server)
        root = Path(current().root)
        line = f"npx --yes @opennextjs/aws@{self._open_next} build"
        if config_of(self._folder) is not None:
            return line
        system, arm = "linux", server.get("architecture") == "arm64"
        if current().target.is_local:
            system, _, machine = host_platform().partition("-")
            arm = machine in ("arm64", "aarch64")
        arch = "arm64" if arm else "x64"
        config = root.resolve() / ".sst" / "next" / f"{self._label}.{system}.{arch}.config.ts"
        config.parent.mkdir(parents=True, exist_ok=True)
        replace_file(config, (CONFIG % (arch, system)).encode())
        return f"{line} --config-path {os.path.relpath(config, self._folder)}"

    @cached_property
    def _split(self) -> tuple[str, ...]:
        kept = Path(current().root) / ".sst" / "next" / f"{self._label}.functions.json"
        found = split_functions(self._folder, kept)
        if found and self._clustered:
            raise UserError(f"{self._label} runs in a cluster, and open-next.config.ts splits it: {', '.join(found)}",
                            hint="leave `functions` out there: a service is one server; or leave cluster out")
        for name, settings in self._settings.items():
            if name not in found:
                raise UserError(f"functions of {self._label} has {name!r}, and open-next.config.ts has "
                                f"{', '.join(found) or 'none'}", hint="functions: { api: { routes, patterns } } there")
            if odd := settings.keys() - Server.__annotations__:
                raise UserError(f"the function {name!r} of {self._label} can't have {sorted(odd)[0]!r}",
                                hint=f"it takes {', '.join(Server.__annotations__)}")
        return found

    def _parts(self) -> Sequence[str]:
        return self._split

    def _function(self, built: Site, link: Sequence[LinkItem], permissions: Sequence[Statement],
                  environment: Mapping[str, Input[str]], server: Server, key: Output[str] | None,
                  place: Region) -> Function:
        cache, stale, known, uses = self._cache()
        variables, allowed = {**environment, **known}, [*permissions, *uses]
        made = super()._function(built, link, allowed, variables, server, key, place)
        behind = {**variables, **({"SST_ORIGIN_KEY": key} if key is not None else {})}
        self._start_parts(built, made, server, {"link": link, "permissions": allowed, "environment": behind})
        again = {**behind, "SST_NEXT_SERVERS": self._addresses(built)} if self.functions else variables
        self._keep_fresh(built, cache, stale, server, variables, again,
                         {"link": link, "permissions": allowed, "vpc": self._vpc})
        return made

    def _in_service(self, built: Site, url: Input[str], environment: Mapping[str, Input[str]],
                    permissions: Sequence[Statement], server: Server, key: Output[str] | None,
                    ) -> tuple[Mapping[str, Input[str]], Sequence[Statement]]:
        """The service has the cache, and renders stale pages again: functions ask it, and have nothing of the app."""
        cache, stale, known, uses = self._cache()
        at = combine(url=url).apply(lambda given: json.dumps([["", given["url"]]]))
        again = {**known, "SST_NEXT_SERVERS": at, **({"SST_ORIGIN_KEY": key} if key is not None else {})}
        self._keep_fresh(built, cache, stale, {"architecture": server.get("architecture", "x86_64")}, known, again,
                         {"permissions": uses})
        return {**environment, **known}, [*permissions, *uses]

    def _cache(self) -> tuple[Bucket, Queue, dict[str, Input[str]], list[Statement]]:
        """What keeps pages, and what a server has to know and may do to use it."""
        cache = Bucket("Cache", cors=False)
        tags = Dynamo("Tags", fields={"tag": "string", "path": "string", "revalidatedAt": "number"},
                      primary_index={"hash_key": "tag", "range_key": "path"},
                      global_indexes={"revalidate": {"hash_key": "path", "range_key": "revalidatedAt"}})
        stale = Queue("Revalidation", fifo=True, visibility_timeout="1 minute")
        known: dict[str, Input[str]] = {
            "CACHE_BUCKET_NAME": cache.name, "CACHE_BUCKET_KEY_PREFIX": "_cache", "BUCKET_NAME": cache.name,
            "BUCKET_KEY_PREFIX": "_assets", "CACHE_DYNAMO_TABLE": tags.name, "REVALIDATION_QUEUE_URL": stale.url}
        return cache, stale, known, _uses(cache, tags, stale)

    def _keep_fresh(self, built: Site, cache: Bucket, stale: Queue, server: Server, known: Mapping[str, Input[str]],
                    again: Mapping[str, Input[str]], given: Mapping[str, Any]) -> None:
        """The functions that render stale pages again and that write tags, of the server's code."""
        own: Any = {**given, "bundle": code_of(built, server), "handler": "sst-entry.handler", "dev": False,
                    "container": self._container, "memory": server.get("memory", "1024 MB"),
                    "architecture": server.get("architecture", "x86_64")}
        stale.subscribe({**own, "timeout": "30 seconds", "environment": {**again, "SST_NEXT": "revalidation"}},
                        batch={"size": 5, "partial_responses": True})
        cache.notify([{"name": "Tags", "events": ["s3:ObjectCreated:*"], "filter_prefix": "_tags/", "function": {
            **own, "timeout": "5 minutes", "environment": {**known, "SST_NEXT": "tags"}}}])
        current().at_end(lambda: self._upload(cache, built), self._scope)

    def _start_parts(self, built: Site, default: Function, server: Server, given: Mapping[str, Any]) -> None:
        """A function for each part of a server that is split, and at the edge which paths lead there."""
        for name in self._split:
            own: Server = {**server, **self._settings.get(name, {})}
            label = "Server" + "".join(w[:1].upper() + w[1:] for w in re.findall("[A-Za-z0-9]+", name))
            self.functions[name] = function = self._renders(label, code_of(built, own, name), own, **given)
            keep_warm(function, self._warm, label.removeprefix("Server"))
        if self.functions:
            targets = {f"to{n}": url_target(one.url, {}) for n, one in enumerate(self.functions.values())}
            order = ["", *self.functions]
            self._edge = {"fn": combine(routes=built.routes, to=url_target(default.url, {}), **targets).apply(
                lambda known: [[pattern, [known["to"], *(known[t] for t in targets)][order.index(name)]]
                               for pattern, name in known["routes"]])}

    def _addresses(self, built: Site) -> Output[str]:
        """Where stale pages are rendered again that the default function does not have."""
        order = list(self.functions)
        return combine(routes=built.routes, **{f"at{n}": self.functions[o].url for n, o in enumerate(order)}).apply(
            lambda known: json.dumps([[pattern, known[f"at{order.index(name)}"] if name else None]
                                      for pattern, name in known["routes"]]))

    def _upload(self, cache: Bucket, built: Site) -> None:
        """Once the bucket tells of what is uploaded, and the function that it tells has the new code."""
        with self.scope(self._transform):
            Files("CacheFiles", bucket=cache.name, source=built.data,
                  depends_on=[cache.nodes.notification, cache.nodes.tags.function])


def _uses(cache: Bucket, tags: Dynamo, stale: Queue) -> list[Statement]:
    """What OpenNext's cache does."""
    return [permission(["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"],
                       [cache.arn, f"{cache.arn}/*"]),
            permission(["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:BatchGetItem",
                        "dynamodb:BatchWriteItem"], [tags.arn, f"{tags.arn}/index/*"]),
            permission(["sqs:SendMessage"], [stale.arn])]
