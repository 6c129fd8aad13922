"""What sites of every kind have in common: their files behind an edge function, alone or as a part of a ``Router``."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from ...clouds.aws import cloudfront
from ...core.component import Component
from ...core.output import Input, Output
from ...core.units import seconds
from ...errors import UserError
from ...records import dataclass
from ..account import account_id
from ..bucket import Bucket
from ..cdn import Cdn, CdnDomain
from ..cdn.auth import BasicAuth, auth_record
from ..cdn.behavior import CACHING, PLACEHOLDER, routed
from ..cdn.edge import request_code, response_code
from ..cdn.injection import Edge, injections, statements_of

if TYPE_CHECKING:
    from ..router import RouterPath

__all__ = ["Assets", "BasicAuth", "FileOption", "Served", "SiteFiles", "serve"]

KEY = "site"
"""Names a site in a store that it has for itself."""


class FileOption(TypedDict, total=False):
    """``files``: a pattern, ``**`` matches any folders. ``cache_control`` and ``content_type`` of what it matches."""

    files: str
    cache_control: str
    content_type: str


class Assets(TypedDict, total=False):
    """``bucket``: an existing one; ``path``: where the files lie in it. ``file_options``: headers by pattern, the last
    that matches wins. ``immutable``: folders whose files have hashes in their names; those of usual bundlers are
    recognised. ``keep_old``: how long files that left the site stay, ``"7 days"`` by default."""

    bucket: Bucket
    path: str
    file_options: Sequence[FileOption]
    immutable: Input[Sequence[str]]
    keep_old: str


@dataclass(frozen=True)
class SiteFiles:
    """What a site consists of. ``source`` is a folder and its digest, ``{"folder", "digest"}``, as a build gives it.
    ``servers`` answer what is no file: targets as ``router.target`` makes them."""

    source: Input[Mapping[str, str]]
    index_page: str = "index.html"
    error_page: str | None = None
    trailing_slash: Literal["redirect", "serve"] = "redirect"
    servers: Sequence[Input[Mapping[str, Any]]] = ()
    origin_key: Input[str] | None = None
    """That the servers want to see, see `protection`."""
    edge: Mapping[str, Any] = field(default_factory=dict)
    """What the edge function has to know of the framework."""
    base: str = ""
    """The path that names of its files, and addresses of its servers, begin with by themselves."""


@dataclass(frozen=True)
class Served:
    """The parts of a site that is served."""

    url: Output[str]
    bucket: Bucket
    site: cloudfront.Site
    cdn: Cdn | None
    """None where it is a part of a ``Router``."""


def serve(owner: Component, files: SiteFiles, *, assets: Assets | None = None, router: RouterPath | None = None,
          domain: str | CdnDomain | None = None, edge: Edge | None = None, auth: BasicAuth | None = None,
          cdn: Mapping[str, Any] | None = None) -> Served:
    """Declare everything that serves a site, in the scope of its component. ``cdn``: changes of its ``Cdn``."""
    given = _checked(assets or {}, owner.where)
    bucket = given.get("bucket") or _bucket()
    if router is None:
        store = cloudfront.KeyValueStore("Store")
        site = _site(files, given, bucket, store.arn, KEY, "", auth)
        made = _alone(owner, store, files, domain, edge, cdn or {})
        url = made.url.apply(lambda url: f"{url.rstrip('/')}{files.base}") if files.base else made.url
        return Served(url, bucket, site, made)
    if domain is not None or edge is not None:
        raise UserError("domain and edge belong to the Router that serves this site",
                        hint='domain="docs.example.com" in router= routes a host of the Router to it')
    from ..router import part_of

    part = part_of(router, owner.where)
    if part.options:
        raise UserError(f"{sorted(part.options)[0]} belongs to routes of URLs; a site takes path and domain",
                        where=owner.where)
    if auth is not None and part.router.asks:
        raise UserError("a site and its Router can't both have auth: a browser sends one password",
                        hint=f"leave it to one of them; the Router is declared at {part.router.where}")
    key = f"{owner.base_of(cloudfront.Site, 'Site')}"
    site = _site(files, given, bucket, part.router.store_arn, key, "" if files.base else part.path, auth)
    part.add("Route", site.key)
    return Served(part.url, bucket, site, None)


def _checked(assets: Assets, where: str) -> Assets:
    bucket, options, immutable = (assets.get(k) for k in ("bucket", "file_options", "immutable"))
    if "bucket" in assets and not isinstance(bucket, Bucket):
        raise UserError(f"assets: bucket takes an aws.Bucket, not {bucket!r}", where=where,
                        hint='aws.Bucket.get("Assets", "its-name") is one that is there already')
    if isinstance(bucket, Bucket) and bucket.closed:
        raise UserError(f'CloudFront may not read the bucket "{bucket.logical_name}"', where=where,
                        hint=f'aws.Bucket("{bucket.logical_name}", access="cloudfront")')
    if options is not None and (not isinstance(options, list | tuple) or not all(
            isinstance(one, Mapping) and "files" in one for one in options)):
        raise UserError("assets: file_options is a list, and each of it says which files it is about", where=where,
                        hint='"file_options": [{"files": "**/*.pdf", "cache_control": "max-age=60"}]')
    if isinstance(immutable, str):
        raise UserError("assets: immutable is a list of folders", where=where, hint=f'"immutable": ["{immutable}"]')
    return assets


def _bucket() -> Bucket:
    """Private; CloudFront may read it, and list it, so that what is missing is 404 and not 403."""
    listing: Any = {"actions": ["s3:ListBucket"], "paths": [""],
                    "principals": [{"type": "service", "identifiers": ["cloudfront.amazonaws.com"]}],
                    "conditions": [{"test": "StringEquals", "variable": "aws:SourceAccount", "values": [account_id()]}]}
    return Bucket("Assets", access="cloudfront", cors=False, policy=[listing])


def _site(files: SiteFiles, assets: Assets, bucket: Bucket, store: Input[str], key: Input[str], base: str,
          auth: BasicAuth | None) -> cloudfront.Site:
    record: dict[str, Any] = {**files.edge, "servers": list(files.servers)} if files.servers else {}
    if auth is not None:
        record["auth"] = auth_record(auth, key)
    keep = seconds(assets.get("keep_old", "7 days"), what="keep_old")
    return cloudfront.Site(
        "Site", bucket=bucket.name, domain=bucket.bucket.domain, store=store, key=key, source=files.source,
        prefix=assets.get("path"), base=base or None, index_page=files.index_page, error_page=files.error_page,
        redirect=files.trailing_slash == "redirect", immutable=assets.get("immutable"),
        options=[dict(o) for o in assets["file_options"]] if "file_options" in assets else None,
        record=record or None, origin_key=files.origin_key, keep=keep)


def _alone(owner: Component, store: cloudfront.KeyValueStore, files: SiteFiles, domain: str | CdnDomain | None,
           edge: Edge | None, cdn: Mapping[str, Any]) -> Cdn:
    own, after = injections(edge, owner.where)
    request = cloudfront.Function("Request", stores=[store.arn],
                                  code=request_code(f"await site({json.dumps(KEY)})", before=statements_of(domain),
                                                    own=own, routes=False))
    response = cloudfront.Function("Response", code=response_code(after)) if files.error_page or after else None
    behavior = routed(PLACEHOLDER, request=request.arn,
                      response=response.arn if response else None,
                      cache_policy=_policy() if files.servers else CACHING)
    return Cdn("Cdn", **{**behavior, "domain": domain, **cdn})


def _policy() -> Output[str]:
    """What servers say of their answers decides; they see queries, and nothing is kept that they do not allow."""
    from ..router import POLICY, POLICY_NAME

    return cloudfront.AccountCachePolicy("CachePolicy", name=POLICY_NAME, settings=POLICY).policy_id
