"""A route of an HTTP API and what it calls."""
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from ...clouds.aws import apigatewayv2, lambda_
from ...core.component import Component
from ...core.link import LinkItem
from ...core.output import Input
from ...core.transform import Transform
from ...errors import UserError
from ..function.subscriber import Handler, Target, target_of

__all__ = ["ApiGatewayV2Route", "RouteAuth", "RouteTransform", "route_key"]

METHODS = ("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
RouteAuth = TypedDict("RouteAuth", {"iam": bool, "jwt": Mapping[str, Any], "lambda": Input[str]}, total=False)
"""Who may call: ``{"iam": True}``, ``{"jwt": {"authorizer": id, "scopes": [...]}}`` or ``{"lambda": id}``."""


class RouteTransform(TypedDict, total=False):
    integration: Transform
    route: Transform
    permission: Transform


class ApiGatewayV2Route(Component, kind="sst.aws.ApiGatewayV2Route", parts=("integration", "route", "permission")):
    """A route; made by ``ApiGatewayV2.route``. ``permitted`` has the functions that the API may call already: one
    permission is enough for all routes, and a function's policy is at most 20 KB."""

    def __init__(self, name: str, *, api: apigatewayv2.Api, key: str, handler: Handler | None = None,
                 url: Input[str] | None = None,
                 link: Sequence[LinkItem] = (), auth: RouteAuth | bool | None = None,
                 permitted: set[str], transform: RouteTransform | None = None) -> None:
        super().__init__(name)
        self.function = None
        with self.scope(transform):
            if handler is not None:
                target = target_of(handler, "Handler", link=link, where=self.where)
                self.function = target.function
                if (transform and "permission" in transform) or not _permitted(target, permitted):
                    lambda_.Permission("Permission", function_name=target.arn, action="lambda:InvokeFunction",
                                       principal="apigateway.amazonaws.com", source_arn=f"{api.execution_arn}/*")
                integration = apigatewayv2.Integration("Integration", api_id=api.id, integration_type="AWS_PROXY",
                                                       uri=target.arn,
                                                       payload_format_version="2.0")
            else:
                integration = apigatewayv2.Integration("Integration", api_id=api.id, integration_type="HTTP_PROXY",
                                                       method="ANY",
                                                       uri=url, payload_format_version="1.0")
            self.route = apigatewayv2.Route("Route", api_id=api.id, route_key=key,
                                            target=f"integrations/{integration.id}", **_auth(auth))


def _permitted(target: Target, permitted: set[str]) -> bool:
    """Whether the API may call the function already; from now on it may."""
    name = target.function.urn if target.function else target.arn
    if not isinstance(name, str):
        return False
    known = name in permitted
    permitted.add(name)
    return known


def route_key(route: str) -> tuple[str, str]:
    """The route as API Gateway takes it, and a name for it: ``get /a/{id}`` → (``GET /a/{id}``, ``RouteGetAId``)."""
    if not isinstance(route, str):
        raise UserError(f"a route is text, not {route!r}", hint='"GET /photos/{id}" or "$default"')
    if route.strip().lower() == "$default":
        return "$default", "RouteDefault"
    method, _, path = route.strip().partition(" ")
    path = path.strip()
    if method.upper() not in METHODS or not path.startswith("/"):
        raise UserError(f"the route {route!r} is not METHOD /path",
                        hint=f'methods: {", ".join(METHODS)}; for example "GET /photos/{{id}}"')
    _check_path(route, path)
    words = re.findall(r"[A-Za-z0-9]+|\+", f"{method.lower()} {path}")
    label = "Route" + "".join("Plus" if w == "+" else w[:1].upper() + w[1:] for w in words)
    unsaid = re.sub(r"[A-Za-z0-9{}/+]", "", path)
    return f"{method.upper()} {path}", label + "".join(f"x{ord(c):x}" for c in unsaid) + ("Root" if path == "/" else "")


def _check_path(route: str, path: str) -> None:
    """UserError for a path that API Gateway refuses."""
    parts = path[1:].split("/")
    variables = {p: re.fullmatch(r"\{([\w.:-]+)\+?\}", p, re.ASCII) for p in parts if re.search(r"[{}]", p)}
    names = [m[1] for p in parts if (m := variables.get(p))]
    if odd := next((p for p, m in variables.items() if not m), ""):
        problem, hint = f"{odd!r} is not a path variable", "a variable takes a whole part of the path: /photos/{id}"
    elif any(p.endswith("+}") for p in parts[:-1]):
        problem, hint = "a greedy variable is not its last part", "/files/{path+} takes all that follows"
    elif len(set(names)) < len(names):
        problem, hint = "it has a variable twice", "give each variable a name of its own"
    elif re.search(r"[?#\s]", path):
        problem, hint = "a path has no query, fragment or space", "the function gets the query of each request"
    else:
        return
    raise UserError(f"API Gateway does not take the route {route!r}: {problem}", hint=hint)


def _auth(auth: RouteAuth | bool | None) -> dict[str, Any]:
    if not auth:
        return {"authorization_type": "NONE"}
    if auth is True:
        raise UserError("auth=True does not say how",
                        hint='auth={"iam": True}, or an authorizer of api.add_authorizer(...)')
    if auth.get("iam"):
        return {"authorization_type": "AWS_IAM"}
    if (own := auth.get("lambda")) is not None:
        return {"authorization_type": "CUSTOM", "authorizer_id": own}
    if jwt := auth.get("jwt"):
        if "authorizer" not in jwt:
            raise UserError("auth jwt needs an authorizer", hint='{"jwt": {"authorizer": authorizer.id}}')
        scopes = list(jwt.get("scopes", ())) or None
        return {"authorization_type": "JWT", "authorizer_id": jwt["authorizer"], "authorization_scopes": scopes}
    raise UserError(f"auth can't be {dict(auth)!r}",
                    hint='{"iam": True}, {"jwt": {"authorizer": id}} or {"lambda": id}')
