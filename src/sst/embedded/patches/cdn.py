"""CloudFront's data plane is ours (`sst.embedded.cdn`): what it reads of the emulator's control plane stands here. A
key value store takes its keys along when it is deleted, as its name may be used again. And a function whose code can't
be read is refused, instead of failing for each visitor.

Stays: the emulator's own data plane has no cache, streams nothing and lets no function choose an origin; last checked
with 1.5.33.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sst.embedded import tracking
from sst.embedded.cdn.runtime import fault_of
from sst.embedded.emulator import Answer
from sst.embedded.settings import Settings

__all__ = ["NEEDS", "Behavior", "Published", "Record", "apply", "distribution", "find", "invalidations", "keys_of",
           "published", "read_object", "with_policy"]

NEEDS: Mapping[str, str] = {
    "core.iam_evaluator:EvalContext":
        "class (self, principal_arn, principal_type, principal_account, action, resource_arn, region, "
        "source_ip=<factory>, secure_transport=<factory>, request_tags=<factory>, tag_keys=<factory>, "
        "service_context=<factory>, principal_keys=<factory>)",
    "core.iam_evaluator:evaluate_resource_policy": "(doc, ctx, service=None, named_only=False, direct_only=False)",
    "core.responses:get_account_id": "()",
    "core.responses:get_region": "()",
    "services.cloudfront:_MANAGED_CACHE_POLICIES": "dict",
    "services.cloudfront:_apply_response_headers_policy": "(headers, policy_cfg, viewer_origin, method)",
    "services.cloudfront:_cache_policies": "AccountScopedDict",
    "services.cloudfront:_cf_decode_function_code": "(code_b64)",
    "services.cloudfront:_delete_kvs": "(name, headers)",
    "services.cloudfront:_dist_config_el": "(dist)",
    "services.cloudfront:_distributions": "AccountScopedDict",
    "services.cloudfront:_error": "(code, message, status)",
    "services.cloudfront:_find": "(el, tag)",
    "services.cloudfront:_text": "(el, tag, default='')",
    "services.cloudfront:_forwarding_predicates": "(behavior)",
    "services.cloudfront:_functions": "AccountScopedDict",
    "services.cloudfront:_get_distribution_aliases": "(dist)",
    "services.cloudfront:_invalidations": "AccountScopedDict",
    "services.cloudfront:_kvstores": "AccountScopedDict",
    "services.cloudfront:find_distribution_for_label": "(label)",
    "services.cloudfront:parse_distribution_dataplane_config": "(dist)",
    "services.cloudfront:response_headers_policy_config": "(policy_id)",
    "services.cloudfront_keyvaluestore:_stores": "AccountScopedDict",
    "services.s3:_bucket_owner_account": "(name)",
    "services.s3:_bucket_policies": "AccountScopedDict",
    "services.s3:_get_object": "(bucket_name, key, headers, query_params=None)",
}

Allows = Callable[[str], bool]
NONE: Mapping[str, Any] = {"MinTTL": 0, "DefaultTTL": 0, "MaxTTL": 0, "Parameters": {}}


@dataclass(frozen=True)
class Behavior:
    """One cache behavior, as its policies make it."""

    pattern: str
    """Empty for the default one."""
    origin: Mapping[str, Any]
    methods: frozenset[str]
    functions: Mapping[str, str]
    """Event type → ARN."""
    ttl: tuple[int, int, int]
    key: Mapping[str, Any]
    """What is in the cache key: ``HeaderBehavior``, ``Headers`` and so on."""
    headers: Allows
    cookies: Allows
    queries: Allows
    """What reaches the origin, by name."""
    headers_policy: str


@dataclass(frozen=True)
class Record:
    """A distribution, as one version of its configuration has it."""

    id: str
    arn: str
    domain: str
    version: str
    enabled: bool
    aliases: tuple[str, ...]
    root: str
    behaviors: tuple[Behavior, ...]
    """In the order in which they are tried; the default one is the last."""
    errors: Mapping[int, Mapping[str, Any]]
    kept_errors: Mapping[int, int]
    """Status → seconds."""


@dataclass(frozen=True)
class Published:
    """An edge function as it serves now."""

    name: str
    version: str
    code: str
    store: str


def apply(settings: Settings) -> None:
    from ministack.services import cloudfront, cloudfront_keyvaluestore

    delete = cloudfront._delete_kvs

    def delete_kvs(name: str, headers: Mapping[str, str]) -> Answer:
        store = cloudfront._kvstores.get(name)
        answer: Answer = delete(name, headers)
        if answer[0] == 204 and store:
            cloudfront_keyvaluestore._stores.pop(store["ARN"], None)
        return answer

    cloudfront._delete_kvs = delete_kvs
    decode = cloudfront._cf_decode_function_code

    def decode_function_code(given: str) -> tuple[bytes | None, Answer | None]:
        code, refused = decode(given)
        fault = fault_of(code.decode("utf-8", "replace")) if code is not None else ""
        if fault:
            return None, cloudfront._error("InvalidArgument", f"The function code can't be run: {fault}", 400)
        return code, refused

    cloudfront._cf_decode_function_code = decode_function_code


def find(label: str) -> str | None:
    """The id of the distribution whose host is ``LABEL.cloudfront.net``."""
    from ministack.services import cloudfront

    with tracking.reading():
        found = cloudfront.find_distribution_for_label(label)
        return str(found["Id"]) if found else None


def distribution(identity: str, known: Record | None = None) -> Record | None:
    """The distribution, or ``known`` if that is its present version."""
    from ministack.services import cloudfront

    with tracking.reading():
        found = cloudfront._distributions.get(identity)
        if found is None or (known and known.version == found["ETag"]):
            return known if found else None
        config = cloudfront.parse_distribution_dataplane_config(found)
        given = [*config["ordered_behaviors"], config["default_behavior"]]
        return Record(identity, found["ARN"], found["DomainName"], found["ETag"], bool(found["enabled"]),
                      tuple(cloudfront._get_distribution_aliases(found)), config["default_root_object"],
                      tuple(_behavior(b, config["origins"]) for b in given), config["custom_error_responses"],
                      _kept_errors(found))


def _kept_errors(found: Mapping[str, Any]) -> dict[int, int]:
    """For how long errors are kept, by status, where the configuration says it."""
    from ministack.services import cloudfront

    given = cloudfront._find(cloudfront._dist_config_el(found), "CustomErrorResponses")
    items = cloudfront._find(given, "Items") if given is not None else None
    told = ((cloudfront._text(one, "ErrorCode"), cloudfront._text(one, "ErrorCachingMinTTL"))
            for one in (items if items is not None else ()))
    return {int(status): int(seconds) for status, seconds in told if seconds}


def _behavior(given: Mapping[str, Any], origins: Mapping[str, Any]) -> Behavior:
    from ministack.services import cloudfront

    policy = given["cache_policy_id"]
    found = cloudfront._cache_policies.get(policy) or cloudfront._MANAGED_CACHE_POLICIES.get(policy)
    settings = found["Config"] if found else NONE
    ttl = (int(settings.get(k) or 0) for k in ("MinTTL", "DefaultTTL", "MaxTTL"))
    headers, cookies, queries = cloudfront._forwarding_predicates(given)
    return Behavior(given["path_pattern"] or "", origins[given["target_origin_id"]],
                    frozenset(given["allowed_methods"] or ("GET", "HEAD")), given["functions"],
                    tuple(ttl), settings.get("Parameters") or {},  # type: ignore[arg-type]  # three of them
                    headers, cookies, queries, given["response_headers_policy_id"] or "")


def published(arn: str, known: Published | None = None) -> Published | None:
    """The function, or ``known`` if that serves now."""
    from ministack.services import cloudfront

    with tracking.reading():
        name = arn.rpartition("/")[2]
        found = cloudfront._functions.get(name)
        if found is None or not found.get("live_etag"):
            return None
        if known and known.version == found["live_etag"]:
            return known
        live = found.get("live_body") or found
        stores = live.get("kvs_arns") or [""]
        code = live["code"]
        return Published(name, found["live_etag"], code if isinstance(code, str) else bytes(code).decode(), stores[0])


def keys_of(store: str) -> tuple[str, Mapping[str, str]]:
    """All keys of a key value store, and what changes with them."""
    from ministack.services import cloudfront_keyvaluestore

    with tracking.reading():
        found = cloudfront_keyvaluestore._stores.get(store)
        return (found["etag"], found["items"]) if found else ("", {})


def invalidations(identity: str, since: int) -> tuple[int, list[str]]:
    """How many there were so far, and the paths of those after the first ``since``."""
    from ministack.services import cloudfront

    with tracking.reading():
        every = cloudfront._invalidations.get(identity) or []
        return len(every), [p for i in every[since:] for p in i["InvalidationBatch"]["Paths"]["Items"]]


def read_object(bucket: str, key: str, distribution_arn: str) -> Answer:
    """An object as S3 answers to a distribution, if the bucket's policy lets it."""
    from ministack.services import s3

    with tracking.reading():
        if not _may_read(bucket, key, distribution_arn):
            return 403, {"Content-Type": "application/xml"}, (
                b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
        answer: Answer = s3._get_object(bucket, key, {}, {})
        return answer


def _may_read(bucket: str, key: str, distribution_arn: str) -> bool:
    from ministack.core import iam_evaluator, responses
    from ministack.services import s3

    owner = s3._bucket_owner_account(bucket) or responses.get_account_id()
    policy = s3._bucket_policies.get_scoped(owner, None, bucket)
    if not policy:
        return False
    context = iam_evaluator.EvalContext(
        principal_arn="*", principal_type="Service", principal_account="", action="s3:GetObject",
        resource_arn=f"arn:aws:s3:::{bucket}/{key}", region=responses.get_region(), secure_transport=True,
        service_context={"aws:sourcearn": distribution_arn, "aws:sourceaccount": responses.get_account_id()})
    found = iam_evaluator.evaluate_resource_policy(policy, context, service="cloudfront.amazonaws.com")
    return bool(found.decision == "Allow")


def with_policy(headers: dict[str, str], policy: str, origin: str, method: str) -> dict[str, str]:
    """The headers of an answer, with those of a response headers policy."""
    from ministack.services import cloudfront

    made: dict[str, str] = cloudfront._apply_response_headers_policy(
        headers, cloudfront.response_headers_policy_config(policy), origin, method)
    return made
