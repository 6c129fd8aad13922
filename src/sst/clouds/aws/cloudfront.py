"""CloudFront: https://docs.aws.amazon.com/cloudfront/latest/APIReference/Welcome.html

Lists are plain lists here; the API has them as ``{"Quantity": 2, "Items": [...]}``.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.output import Output
from ...core.provider import Note
from ...core.resource import Arg, out, prop
from .cloudfront_limits import code_fits
from .cloudfront_route import Route
from .cloudfront_site import Site
from .columns import Import, Listing, Tagging, call
from .documents import counted, listed
from .table import AwsResource, Calls

__all__ = ["AccountCachePolicy", "CachePolicy", "Distribution", "Function", "Invalidation", "KeyValueStore",
           "OriginAccessControl", "OriginRequestPolicy", "ResponseHeadersPolicy", "Route", "Site"]

BUSY = ("PreconditionFailed", "InvalidIfMatchVersion")
"""Somebody else changed it since its ETag was read."""
_TAGS = call("list_tags_for_resource", Resource="$arn")


def _setting(name: str, **more: Any) -> Any:
    return prop(f"DistributionConfigWithTags.DistributionConfig.{name}", enc=counted, dec=listed,
                read=f"Distribution.DistributionConfig.{name}", **more)


class Distribution(AwsResource, type="aws.cloudfront.Distribution", service="cloudfront"):
    """A distribution: origins, and behaviors that say which of them answers what. Creating one answers at once; it
    reaches all edges minutes later. A deletion switches it off first, and waits until all edges know."""

    comment: Arg[str] = _setting("Comment", default="")
    enabled: Arg[bool] = _setting("Enabled", default=True)
    origins: Arg[Sequence[Mapping[str, Any]]] = _setting("Origins")
    default_cache_behavior: Arg[Mapping[str, Any]] = _setting("DefaultCacheBehavior")
    cache_behaviors: Arg[Sequence[Mapping[str, Any]]] = _setting("CacheBehaviors", default=None)
    origin_groups: Arg[Sequence[Mapping[str, Any]]] = _setting("OriginGroups", default=None)
    aliases: Arg[Sequence[str]] = _setting("Aliases", default=None)
    viewer_certificate: Arg[Mapping[str, Any]] = _setting("ViewerCertificate", default=None)
    custom_error_responses: Arg[Sequence[Mapping[str, Any]]] = _setting("CustomErrorResponses", default=None)
    default_root_object: Arg[str] = _setting("DefaultRootObject", default=None)
    price_class: Arg[str] = _setting("PriceClass", default=None)
    http_version: Arg[str] = _setting("HttpVersion", default=None)
    web_acl_id: Arg[str] = _setting("WebACLId", default=None)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("Distribution.ARN")
    domain_name: Output[str] = out("Distribution.DomainName")
    url: Output[str] = out("=https://$domain_name", address="distribution")
    distribution_id: Output[str] = out("Distribution.Id")

    identity = "token"
    identifier = "$distribution_id"
    create = call("create_distribution_with_tags", idempotent=True, DistributionConfigWithTags={
        "DistributionConfig": {"CallerReference": "$token"}})
    read = call("get_distribution", Id="$id")
    response_root = "Distribution.DistributionConfig"
    versioned_by = call("get_distribution_config", Id="$id")
    completed = "DistributionConfig"
    update = (call("update_distribution", Id="$id", retry=BUSY,
                   properties="comment enabled origins default_cache_behavior cache_behaviors origin_groups aliases "
                              "viewer_certificate custom_error_responses default_root_object price_class http_version "
                              "web_acl_id"),)
    reset_value = {"cache_behaviors": [], "origin_groups": [], "aliases": [], "custom_error_responses": [],
                   "viewer_certificate": {"CloudFrontDefaultCertificate": True}, "default_root_object": "",
                   "price_class": "PriceClass_All", "http_version": "http2", "web_acl_id": ""}
    delete = call("delete_distribution", Id="$id", retry=(*BUSY, "DistributionNotDisabled"), patience=1800)
    not_found_codes = ("NoSuchDistribution",)
    tagging = Tagging(wire="DistributionConfigWithTags.Tags.Items",
                      add=call("tag_resource", Resource="$arn", Tags={"Items": "$tags"}),
                      remove=call("untag_resource", Resource="$arn", TagKeys={"Items": "$tag_keys"}), show=_TAGS)
    listing = Listing("list_distributions", "DistributionList.Items[].{distribution_id: Id, arn: ARN}",
                      ("DistributionList.NextMarker", "Marker"), {}, _TAGS, order=-1, account_wide=True)
    imports = Import("aws_cloudfront_distribution", "{id}")

    @classmethod
    def request(cls, provider: Calls, inputs: Mapping[str, Any], c: Any) -> dict[str, Any]:
        sent = super().request(provider, inputs, c)
        if c is cls.create:
            return sent
        return {"DistributionConfig": sent["DistributionConfigWithTags"]["DistributionConfig"]}

    @classmethod
    def equal(cls, key: str, asked: Any, seen: Any) -> bool:
        """CloudFront answers with every field that there is; those that are asked for are compared."""
        return _within(counted(asked), counted(seen)) or super().equal(key, asked, seen)

    @classmethod
    def before_delete(cls, provider: Calls, known: dict[str, Any], note: Note) -> None:
        there = provider.ask(cls, call("get_distribution_config", Id="$id"), known)
        if there and there["DistributionConfig"]["Enabled"]:
            provider.send(cls, cls.update[0], known, {"DistributionConfig": {"Enabled": False}}, note)
        if there:
            note("waiting until all edges have switched it off: this takes minutes on AWS")
            provider.aws.wait("cloudfront", "distribution_deployed", {"Id": known["id"]}, note=note)


def _within(asked: Any, seen: Any) -> bool:
    if isinstance(asked, Mapping):
        return isinstance(seen, Mapping) and all(k in seen and _within(v, seen[k]) for k, v in asked.items())
    if isinstance(asked, list | tuple):
        return isinstance(seen, list | tuple) and len(asked) == len(seen) and (
            sorted(map(str, asked)) == sorted(map(str, seen)) or all(map(_within, asked, seen)))
    return bool(asked == seen)


class Function(AwsResource, type="aws.cloudfront.Function", service="cloudfront"):
    """A function that runs at the edges, for each request or response. ``stores``: ARNs of key value stores, one at
    most. A new version serves once it is published, which each update does."""

    __checks__ = (*AwsResource.__checks__, code_fits)

    name: Arg[str] = prop(limit=64, replace=True, default=None, read="FunctionSummary.Name")
    code: Arg[str] = prop("FunctionCode", enc=lambda v: v.encode(), read="")
    comment: Arg[str] = prop("FunctionConfig.Comment", default="", read="FunctionSummary.FunctionConfig.Comment")
    runtime: Arg[str] = prop("FunctionConfig.Runtime", default="cloudfront-js-2.0",
                             read="FunctionSummary.FunctionConfig.Runtime")
    stores: Arg[Sequence[Any]] = prop(
        "FunctionConfig.KeyValueStoreAssociations", default=None,
        enc=lambda v: counted([{"KeyValueStoreARN": arn} for arn in v]),
        dec=lambda v: [i["KeyValueStoreARN"] for i in listed(v)],
        read="FunctionSummary.FunctionConfig.KeyValueStoreAssociations")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("FunctionSummary.FunctionMetadata.FunctionARN")
    version: Output[str] = out("ETag", volatile=True)
    """Changes with the code."""

    identifier = "$name"
    create = call("create_function", retry=("InvalidArgument: key value store",), patience=120)
    read = call("describe_function", Name="$name", Stage="DEVELOPMENT")
    response_root = "FunctionSummary"
    versioned_by = read
    update = (call("update_function", properties="code comment runtime stores", Name="$name", retry=BUSY),
              call("publish_function", properties="code comment runtime stores", Name="$name", after_create=True,
                   retry=BUSY))
    reset_value = {"stores": []}
    fingerprints = {"code": "version"}
    delete = call("delete_function", Name="$name", retry=(*BUSY, "FunctionInUse"), patience=600)
    not_found_codes = ("NoSuchFunctionExists",)
    tagging = Tagging(wire="Tags.Items", add=call("tag_resource", Resource="$arn", Tags={"Items": "$tags"}),
                      remove=call("untag_resource", Resource="$arn", TagKeys={"Items": "$tag_keys"}), show=_TAGS)
    listing = Listing("list_functions", "FunctionList.Items[].{name: Name, arn: FunctionMetadata.FunctionARN}",
                      ("FunctionList.NextMarker", "Marker"), {"Stage": "DEVELOPMENT"}, _TAGS, order=1,
                      account_wide=True)
    imports = Import("aws_cloudfront_function", "{name}")

    @classmethod
    def request(cls, provider: Calls, inputs: Mapping[str, Any], c: Any) -> dict[str, Any]:
        """All of it each time; what is published is what was sent last."""
        if c.op == "publish_function":
            return {}
        whole = call(c.op, properties="name code comment runtime stores" if c is cls.create
                     else "code comment runtime stores")
        return super().request(provider, inputs, whole)


class KeyValueStore(AwsResource, type="aws.cloudfront.KeyValueStore", service="cloudfront"):
    """What edge functions read: keys of up to 512 bytes, values of up to 1 KB, 5 MB in all."""

    name: Arg[str] = prop(limit=64, replace=True, default=None, read="KeyValueStore.Name")
    comment: Arg[str] = prop(default="", read="KeyValueStore.Comment")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("KeyValueStore.ARN")

    identifier = "$name"
    create = call("create_key_value_store")
    read = call("describe_key_value_store", Name="$name")
    read_back = True
    ready = "KeyValueStore.Status == 'READY'"
    response_root = "KeyValueStore"
    versioned_by = read
    update = (call("update_key_value_store", properties="comment", Name="$name", retry=BUSY),)
    delete = call("delete_key_value_store", Name="$name", retry=(*BUSY, "CannotDeleteEntityWhileInUse"), patience=600)
    not_found_codes = ("EntityNotFound",)
    tagging = Tagging(wire="Tags.Items", add=call("tag_resource", Resource="$arn", Tags={"Items": "$tags"}),
                      remove=call("untag_resource", Resource="$arn", TagKeys={"Items": "$tag_keys"}), show=_TAGS)
    listing = Listing("list_key_value_stores", "KeyValueStoreList.Items[].{name: Name, arn: ARN}",
                      ("KeyValueStoreList.NextMarker", "Marker"), {}, _TAGS, order=2, account_wide=True)
    imports = Import("aws_cloudfront_key_value_store", "{name}")


class Invalidation(AwsResource, type="aws.cloudfront.Invalidation", service="cloudfront", runs_once=True):
    """Clears paths from the caches of a distribution, each time that ``version`` changes. ``/docs/*`` is a path with
    everything below it; up to 3,000 paths and 15 with a star at a time."""

    distribution_id: Arg[str] = prop(replace=True, read="")
    paths: Arg[Sequence[str]] = prop("InvalidationBatch.Paths", enc=counted, default=("/*",), replace=True, read="")
    version: Arg[str] = prop(replace=True, local=True)

    invalidation_id: Output[str] = out("Invalidation.Id")

    identity = "token"
    identifier = "$distribution_id/$invalidation_id"
    create = call("create_invalidation", retry=("TooManyInvalidationsInProgress",), patience=600, idempotent=True,
                  InvalidationBatch={"CallerReference": "$token"})
    read = call("get_invalidation", DistributionId="$distribution_id", Id="$invalidation_id")
    not_found_codes = ("NoSuchInvalidation", "NoSuchDistribution")


def _part(path: str, default: Any = None) -> Any:
    return prop(path, default=default, enc=counted, dec=listed)


class Policy(AwsResource, service="cloudfront"):
    """``of`` names the kind in the API: ``create_cache_policy`` for ``cache_policy``. They are found by name, in the
    list of those that are not AWS's own."""

    identifier = "$name"

    def __init_subclass__(cls, *, of: str, errors: str, parts: str, **kw: Any) -> None:
        super().__init_subclass__(**kw)
        what = "".join(w.capitalize() for w in of.split("_"))
        columns = {
            "create": call(f"create_{of}"), "read": call(f"list_{of[:-1]}ies", Type="custom"),
            "item": f"{what}List.Items[].{what}.{{{what}: @, Name: {what}Config.Name}} | [?Name == $name] | [0]",
            "response_root": what, "versioned_by": call(f"get_{of}", Id="$policy_id"),
            "update": (call(f"update_{of}", properties=f"name {parts}", Id="$policy_id", retry=BUSY),),
            "delete": call(f"delete_{of}", Id="$policy_id", retry=(*BUSY, f"{errors}InUse"), patience=600),
            "not_found_codes": (f"NoSuch{errors}",), "imports": Import(f"aws_cloudfront_{of}", "{name}")}
        for column, value in columns.items():
            if column not in vars(cls):
                setattr(cls, column, value)


class CachePolicy(Policy, type="aws.cloudfront.CachePolicy", of="cache_policy", errors="CachePolicy",
                  parts="min_ttl default_ttl max_ttl parameters"):
    """What is in the key of a cache, and how long it keeps answers: seconds."""

    name: Arg[str] = prop("CachePolicyConfig.Name", limit=128, replace=True, default=None)
    min_ttl: Arg[int] = prop("CachePolicyConfig.MinTTL", default=0)
    default_ttl: Arg[int] = prop("CachePolicyConfig.DefaultTTL", default=86400)
    max_ttl: Arg[int] = prop("CachePolicyConfig.MaxTTL", default=31536000)
    parameters: Arg[Mapping[str, Any]] = _part("CachePolicyConfig.ParametersInCacheKeyAndForwardedToOrigin")

    policy_id: Output[str] = out("CachePolicy.Id")

    sticky = frozenset({"parameters"})


class AccountCachePolicy(Policy, type="aws.cloudfront.AccountCachePolicy", of="cache_policy", errors="CachePolicy",
                         parts=""):
    """A policy that all apps of an account share: made by the first that needs it, and never changed or deleted, since
    an account has 20. ``name`` stands for its settings: others need another name."""

    name: Arg[str] = prop("CachePolicyConfig.Name", replace=True)
    settings: Arg[Mapping[str, Any]] = prop("CachePolicyConfig", enc=counted, replace=True, read="")

    policy_id: Output[str] = out("CachePolicy.Id")

    identity = "once"
    create = call("create_cache_policy", benign_codes=("CachePolicyAlreadyExists",))
    read_back = True
    update = ()
    delete = None
    imports = None


class OriginRequestPolicy(Policy, type="aws.cloudfront.OriginRequestPolicy", of="origin_request_policy",
                          errors="OriginRequestPolicy", parts="headers cookies query_strings"):
    """What of a request reaches the origin, beside what is in the cache key."""

    name: Arg[str] = prop("OriginRequestPolicyConfig.Name", limit=128, replace=True, default=None)
    headers: Arg[Mapping[str, Any]] = _part("OriginRequestPolicyConfig.HeadersConfig", {"HeaderBehavior": "none"})
    cookies: Arg[Mapping[str, Any]] = _part("OriginRequestPolicyConfig.CookiesConfig", {"CookieBehavior": "none"})
    query_strings: Arg[Mapping[str, Any]] = _part("OriginRequestPolicyConfig.QueryStringsConfig",
                                                  {"QueryStringBehavior": "none"})

    policy_id: Output[str] = out("OriginRequestPolicy.Id")


class ResponseHeadersPolicy(Policy, type="aws.cloudfront.ResponseHeadersPolicy", of="response_headers_policy",
                            errors="ResponseHeadersPolicy", parts="security cors custom remove"):
    """Headers that answers get: of security, of CORS, and others; and those that are taken away."""

    name: Arg[str] = prop("ResponseHeadersPolicyConfig.Name", limit=128, replace=True, default=None)
    security: Arg[Mapping[str, Any]] = _part("ResponseHeadersPolicyConfig.SecurityHeadersConfig")
    cors: Arg[Mapping[str, Any]] = _part("ResponseHeadersPolicyConfig.CorsConfig")
    custom: Arg[Any] = _part("ResponseHeadersPolicyConfig.CustomHeadersConfig")
    remove: Arg[Any] = _part("ResponseHeadersPolicyConfig.RemoveHeadersConfig")

    policy_id: Output[str] = out("ResponseHeadersPolicy.Id")

    sticky = frozenset({"security", "cors", "custom", "remove"})


class OriginAccessControl(AwsResource, type="aws.cloudfront.OriginAccessControl", service="cloudfront"):
    """How CloudFront signs its requests to an origin: ``origin_type`` is ``s3`` or ``lambda``."""

    name: Arg[str] = prop("OriginAccessControlConfig.Name", limit=64, replace=True, default=None)
    description: Arg[str] = prop("OriginAccessControlConfig.Description", default="")
    origin_type: Arg[str] = prop("OriginAccessControlConfig.OriginAccessControlOriginType", default="s3")
    signing_behavior: Arg[str] = prop("OriginAccessControlConfig.SigningBehavior", default="always")
    signing_protocol: Arg[str] = prop("OriginAccessControlConfig.SigningProtocol", default="sigv4")

    control_id: Output[str] = out("OriginAccessControl.Id || Id")

    identifier = "$name"
    create = call("create_origin_access_control")
    read = call("list_origin_access_controls")
    item = ("OriginAccessControlList.Items[].{OriginAccessControl: {Id: Id, OriginAccessControlConfig: @}, Name: Name}"
            " | [?Name == $name] | [0]")
    response_root = "OriginAccessControl"
    versioned_by = call("get_origin_access_control", Id="$control_id")
    update = (call("update_origin_access_control", Id="$control_id", retry=BUSY,
                   properties="name description origin_type signing_behavior signing_protocol"),)
    delete = call("delete_origin_access_control", Id="$control_id", retry=(*BUSY, "OriginAccessControlInUse"),
                  patience=600)
    not_found_codes = ("NoSuchOriginAccessControl",)
    imports = Import("aws_cloudfront_origin_access_control", "{name}")
