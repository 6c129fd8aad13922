"""Next.js sites."""
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from ..build.site.frameworks.next import CONFIG
from ..build.uv import host_platform
from ..clouds.aws.files import Files
from ..clouds.local.folders import inside
from ..clouds.local.site import Site
from ..core.graph import current
from ..core.link import LinkItem
from ..core.output import Input, Output
from ..errors import UserError
from ..machine.files import replace_file
from .bucket import Bucket
from .dynamo import Dynamo
from .function import Function
from .permissions import Statement, permission
from .queue import Queue
from .site import Assets
from .site.base_path import base_path as base_path_of
from .site.regions import Region
from .ssr_site import Framework, Server, SsrSite, SsrSiteArgs, code_of

__all__ = ["Nextjs"]

OPEN_NEXT = "4.1.16"
_ENDINGS = ("ts", "mts", "js", "mjs")


class Nextjs(SsrSite, kind="sst.aws.Nextjs"):
    """A Next.js site: its server in a function, its files on the CDN, prerendered pages in a bucket.

        site = aws.Nextjs("Web", path="web", link=[bucket])
        site.url

    Next.js 15 and 16, with the pages and the app router, through OpenNext. https://opennext.js.org/aws
    ``open_next``: the version of OpenNext, ``"4.1.16"`` by default. A project with an ``open-next.config.ts`` of its
    own keeps it. ``base_path``: ``basePath`` of next.config, where that computes it; as plain text it is found there.
    In a ``Router`` it equals the ``path``. All other arguments are those of ``SsrSite``.
    """

    framework = Framework("Next.js", "next", "next", oldest=15, port=3000, edge={"next": 1},
                          environment={"NEXT_TELEMETRY_DISABLED": "1"})

    def __init__(self, name: str, *, open_next: str = OPEN_NEXT, base_path: str | None = None,
                 **args: Unpack[SsrSiteArgs]) -> None:
        if "regions" in args:
            raise UserError(f"{name} can't have regions: the cache of a Next.js site is in one region",
                            hint="leave regions out: files and pages that are kept are served by the CDN everywhere")
        if "cluster" in args:
            raise UserError(f"{name} can't run in a cluster: OpenNext makes functions of a Next.js site",
                            hint="leave cluster out; container=True takes a server of up to 10 GB")
        self._open_next, self._label, self._transform = open_next, name, args.get("transform")
        self._base = base_path_of(name, inside(Path(current().root), args.get("path", ".")), base_path,
                                  args.get("router"))
        args["assets"] = {**Assets(immutable=[f"{self._base}/_next/static".lstrip("/")]), **args.get("assets", {})}
        super().__init__(name, **args)

    def _line(self, path: str, server: Server) -> str:
        """OpenNext runs the script `build` itself."""
        super()._line(path, server)
        root = Path(current().root)
        folder = inside(root, path)
        line = f"npx --yes @opennextjs/aws@{self._open_next} build"
        if any((folder / f"open-next.config.{end}").is_file() for end in _ENDINGS):
            return line
        system, arm = "linux", server.get("architecture") == "arm64"
        if current().target.is_local:
            system, _, machine = host_platform().partition("-")
            arm = machine in ("arm64", "aarch64")
        arch = "arm64" if arm else "x64"
        config = root.resolve() / ".sst" / "next" / f"{self._label}.{system}.{arch}.config.ts"
        config.parent.mkdir(parents=True, exist_ok=True)
        replace_file(config, (CONFIG % (arch, system)).encode())
        return f"{line} --config-path {os.path.relpath(config, folder)}"

    def _function(self, built: Site, link: Sequence[LinkItem], permissions: Sequence[Statement],
                  environment: Mapping[str, Input[str]], server: Server, key: Output[str] | None,
                  place: Region) -> Function:
        cache = Bucket("Cache", cors=False)
        tags = Dynamo("Tags", fields={"tag": "string", "path": "string", "revalidatedAt": "number"},
                      primary_index={"hash_key": "tag", "range_key": "path"},
                      global_indexes={"revalidate": {"hash_key": "path", "range_key": "revalidatedAt"}})
        stale = Queue("Revalidation", fifo=True, visibility_timeout="1 minute")
        known = {**environment, "CACHE_BUCKET_NAME": cache.name, "CACHE_BUCKET_KEY_PREFIX": "_cache",
                 "BUCKET_NAME": cache.name, "BUCKET_KEY_PREFIX": "_assets", "CACHE_DYNAMO_TABLE": tags.name,
                 "REVALIDATION_QUEUE_URL": stale.url}
        allowed = [*permissions, *_uses(cache, tags, stale)]
        made = super()._function(built, link, allowed, known, server, key, place)
        own: Any = {"bundle": code_of(built, server), "handler": "sst-entry.handler", "dev": False, "link": link,
                    "container": self._container,
                    "permissions": allowed, "memory": server.get("memory", "1024 MB"),
                    "architecture": server.get("architecture", "x86_64")}
        stale.subscribe({**own, "timeout": "30 seconds", "environment": {**known, "SST_NEXT": "revalidation"}},
                        batch={"size": 5, "partial_responses": True})
        cache.notify([{"name": "Tags", "events": ["s3:ObjectCreated:*"], "filter_prefix": "_tags/", "function": {
            **own, "timeout": "5 minutes", "environment": {**known, "SST_NEXT": "tags"}}}])
        current().at_end(lambda: self._upload(cache, built), self._scope)
        return made

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
