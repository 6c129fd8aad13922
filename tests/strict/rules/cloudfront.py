"""CloudFront and its key value stores."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.torture.proxy import Refuse

from ..account import Account
from ..request import ApiRequest
from ..rule import after, rule, shown

PROVISIONING, DEPLOYING, RELEASING = 20.0, 180.0, 30.0
"""Seconds until a store is ready, until all edges have a distribution, and for which what it used stays in use."""
API = "https://docs.aws.amazon.com/cloudfront/latest/APIReference"
GUIDE = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide"
_ARN = re.compile(r"arn:aws:cloudfront::\d+:[a-z-]+/[A-Za-z0-9_-]+")


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else ""


def _etag(request: ApiRequest) -> str:
    return request.headers.get("if-match", "").strip('"')


# Stores


@after("cloudfront.CreateKeyValueStore")
def store_made(request: ApiRequest, account: Account) -> None:
    account.mark("store", request.xml().findtext("Name") or "")


@shown("cloudfront.CreateKeyValueStore cloudfront.DescribeKeyValueStore", source=f"{API}/API_KeyValueStore.html")
def store_status(request: ApiRequest, account: Account, answer: dict[str, Any]) -> Mapping[str, Any]:
    """A store is PROVISIONING for some seconds."""
    name, arn = _found(r"<Name>([^<]+)</Name>", answer["text"]), _found(r"<ARN>([^<]+)</ARN>", answer["text"])
    account.fact("stores", "")[arn] = name
    status = "PROVISIONING" if account.age("store", name) < PROVISIONING else "READY"
    return {"text": re.sub(r"<Status>[A-Z]+</Status>", f"<Status>{status}</Status>", answer["text"])}


@rule("cloudfront.CreateFunction cloudfront.UpdateFunction", source=f"{GUIDE}/kvs-with-functions-associate.html")
def store_not_ready(request: ApiRequest, account: Account) -> Refuse | None:
    """A store can be associated with a function once it is ready."""
    for arn in _ARN.findall(request.body.decode()):
        name = account.fact("stores", "").get(arn)
        if name and account.age("store", name) < PROVISIONING:
            return Refuse("InvalidArgument", 400, f"The key value store {arn} is not ready.")
    return None


@after("cloudfront.CreateFunction cloudfront.UpdateFunction")
def function_uses(request: ApiRequest, account: Account) -> None:
    name = str(request.params.get("Name") or request.xml().findtext("Name"))
    account.fact("function-stores", name)["arns"] = _ARN.findall(request.body.decode())


@after("cloudfront.DeleteFunction")
def function_gone(request: ApiRequest, account: Account) -> None:
    account.forget("function-stores", str(request.params["Name"]))


@rule("cloudfront.DeleteKeyValueStore", source=f"{API}/API_DeleteKeyValueStore.html")
def store_in_use(request: ApiRequest, account: Account) -> Refuse | None:
    """A store that a function uses can't be deleted."""
    arns = {a for a, name in account.fact("stores", "").items() if name == request.params["Name"]}
    for (kind, function), used in account.facts.items():
        if kind == "function-stores" and arns & set(used["arns"]):
            return Refuse("CannotDeleteEntityWhileInUse", 409, f"The key value store is used by {function}.")
    return None


@rule("cloudfront-keyvaluestore.UpdateKeys", source=f"{GUIDE}/kvs-with-functions-kvp.html")
def stale_keys(request: ApiRequest, account: Account) -> Refuse | None:
    """A store has one ETag for all of its keys, and an update needs the present one."""
    if _etag(request) in account.fact("store-etags", str(request.params["KvsARN"])):
        return Refuse("ValidationException", 400, "Pre-Condition failed")
    return None


@after("cloudfront-keyvaluestore.UpdateKeys")
def keys_changed(request: ApiRequest, account: Account) -> None:
    account.fact("store-etags", str(request.params["KvsARN"]))[_etag(request)] = True


@rule("cloudfront-keyvaluestore.UpdateKeys", source=f"{GUIDE}/cloudfront-limits.html")
def keys_at_once(request: ApiRequest, account: Account) -> Refuse | None:
    """An update has at most 50 keys."""
    if len(request.params.get("Puts") or ()) + len(request.params.get("Deletes") or ()) > 50:
        return Refuse("ValidationException", 400, "Too many keys: the maximum is 50.")
    return None


# Distributions


@shown(
    "cloudfront.CreateDistributionWithTags cloudfront.GetDistribution cloudfront.UpdateDistribution",
    source=f"{API}/API_Distribution.html",
)
def distribution_status(request: ApiRequest, account: Account, answer: dict[str, Any]) -> Mapping[str, Any]:
    """A distribution is InProgress for minutes after each change."""
    identity = _found(r"<Id>([A-Z0-9]+)</Id>", answer["text"])
    there = account.fact("distributions", identity)
    if request.operation != "GetDistribution":
        account.mark("distribution", identity)
        for arn in set(there.get("functions", ())) - set(functions := _ARN.findall(request.body.decode())):
            account.mark("function-released", arn)
        there.update(functions=functions, enabled="<Enabled>true</Enabled>" in request.body.decode())
    status = "InProgress" if account.age("distribution", identity) < DEPLOYING else "Deployed"
    return {"text": re.sub(r"<Status>[A-Za-z]+</Status>", f"<Status>{status}</Status>", answer["text"], count=1)}


@rule("cloudfront.DeleteDistribution", source=f"{API}/API_DeleteDistribution.html")
def distribution_not_disabled(request: ApiRequest, account: Account) -> Refuse | None:
    """A distribution is deleted once it is disabled, and all edges know."""
    identity = str(request.params["Id"])
    if account.fact("distributions", identity).get("enabled") or account.age("distribution", identity) < DEPLOYING:
        return Refuse(
            "DistributionNotDisabled", 409, "The distribution you are trying to delete has not been disabled."
        )
    return None


@after("cloudfront.DeleteDistribution")
def distribution_gone(request: ApiRequest, account: Account) -> None:
    for arn in account.fact("distributions", str(request.params["Id"])).get("functions", ()):
        account.mark("function-released", arn)
    account.forget("distributions", str(request.params["Id"]))


@rule("cloudfront.DeleteFunction", source=f"{API}/API_DeleteFunction.html")
def function_associated(request: ApiRequest, account: Account) -> Refuse | None:
    """A function of a distribution can't be deleted, nor right after the distribution is gone."""
    end = f":function/{request.params['Name']}"
    used = any(
        arn.endswith(end)
        for (kind, _), there in list(account.facts.items())
        if kind == "distributions"
        for arn in there.get("functions", ())
    )
    released = [a for e, a in list(account.times()) if e == "function-released" and a.endswith(end)]
    if used or any(account.age("function-released", arn) < RELEASING for arn in released):
        return Refuse("FunctionInUse", 409, "Cannot delete function, it is in use by 1 distributions.")
    return None


@rule(
    "cloudfront.UpdateDistribution cloudfront.DeleteDistribution cloudfront.UpdateFunction cloudfront.PublishFunction "
    "cloudfront.DeleteFunction cloudfront.DeleteKeyValueStore cloudfront.UpdateCachePolicy",
    source=f"{API}/CommonErrors.html",
)
def no_version(request: ApiRequest, account: Account) -> Refuse | None:
    """A change needs the ETag of what it changes."""
    if not _etag(request):
        return Refuse("InvalidIfMatchVersion", 400, "The If-Match version is missing or not valid for the resource.")
    return None


@rule("cloudfront.CreateInvalidation", source=f"{GUIDE}/cloudfront-limits.html")
def wildcards_at_once(request: ApiRequest, account: Account) -> Refuse | None:
    """An invalidation has at most 3,000 paths, and 15 with a star."""
    paths = [p.text or "" for p in request.xml().iter("Path")]
    if len(paths) > 3000 or sum(p.endswith("*") for p in paths) > 15:
        return Refuse("TooManyInvalidationsInProgress", 400, "Your request contains too many invalidation paths.")
    return None
