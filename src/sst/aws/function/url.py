"""A function's own HTTPS address."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from ...clouds.aws import lambda_
from ...core.output import Output
from ...core.units import seconds
from ...errors import UserError

if TYPE_CHECKING:
    from ..router import RouterPath

__all__ = ["Cors", "Url", "make_url"]

_METHODS = ("*", "DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


class Cors(TypedDict, total=False):
    """Which web pages may call. Everything by default; ``max_age`` is a duration, ``"0 seconds"`` by default, at most a
    day."""

    allow_credentials: bool
    allow_headers: Sequence[str]
    allow_origins: Sequence[str]
    allow_methods: Sequence[str]
    expose_headers: Sequence[str]
    max_age: str


class Url(TypedDict, total=False):
    """``authorization`` is ``"none"`` (anybody may call, the default) or ``"iam"``; ``cors`` is True by default.
    ``router``: ``{"instance": router, "path": "/api"}``, where a ``Router`` leads to it. ``protection``: ``"key"`` has
    the function refuse requests that did not come through that Router, and is the default for code that sst bundles;
    ``"none"`` lets everybody call its own address too."""

    authorization: Literal["none", "iam"]
    cors: bool | Cors
    router: RouterPath
    protection: Literal["key", "none"]


def make_url(function: lambda_.Function, url: bool | Url, *, streaming: bool, where: str,
             key: Output[str] | None) -> Output[str] | None:
    """The address of the function, or that which it has in a ``Router``."""
    if not url:
        return None
    given: Url = {} if url is True else url
    iam = given.get("authorization", "none") == "iam"
    _check_methods(given.get("cors", True))
    made = lambda_.FunctionUrl("Url", function_name=function.name, auth_type="AWS_IAM" if iam else "NONE",
                               invoke_mode="RESPONSE_STREAM" if streaming else "BUFFERED",
                               cors=url_cors(given.get("cors", True)))
    if not iam:
        lambda_.Permission("UrlPermission", function_name=function.name, action="lambda:InvokeFunctionUrl",
                           principal="*",
                           function_url_auth_type="NONE")
        lambda_.Permission("InvokePermission", function_name=function.name, action="lambda:InvokeFunction",
                           principal="*",
                           invoked_via_function_url=True)
    if "router" not in given:
        return made.url
    from ..router import part_of
    from ..router.target import url_target

    part = part_of(given["router"], where)
    part.add("Route", url_target(made.url, part.options), key=key)
    return part.url


def _check_methods(cors: bool | Cors) -> None:
    """UserError for a method that the CORS settings of a function URL do not take. Source:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-lambda-url-cors.html"""
    given = () if isinstance(cors, bool) else cors.get("allow_methods", ())
    if odd := next((m for m in given if isinstance(m, str) and m.upper() not in _METHODS), ""):
        raise UserError(f"the CORS settings of a function URL do not take the method {odd!r}",
                        hint=f"there are {', '.join(_METHODS)}; Lambda answers OPTIONS itself")


def url_cors(cors: bool | Cors) -> dict[str, Any] | None:
    """The CORS settings as Lambda and API Gateway take them; None switches them off."""
    if cors is False:
        return None
    given: Cors = {} if cors is True else cors
    made = {"AllowCredentials": given.get("allow_credentials", False),
            "AllowHeaders": list(given.get("allow_headers", ["*"])),
            "AllowOrigins": list(given.get("allow_origins", ["*"])),
            "AllowMethods": list(given.get("allow_methods", ["*"])),
            "ExposeHeaders": list(given.get("expose_headers", [])),
            "MaxAge": seconds(given.get("max_age", "0 seconds"), what="cors max_age", high=86400)}
    return {k: v for k, v in made.items() if v != []}
