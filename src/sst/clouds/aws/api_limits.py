"""What API Gateway refuses of an HTTP API in the middle of a deploy, checked once the program has ended."""
from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...core.graph import Graph
from ...core.model import Goal
from ...core.output import leaves
from .limits import declared, name_of

__all__ = ["cors_valid", "jwt_valid", "routes_apart"]


def cors_valid(graph: Graph, goal: Goal) -> None:
    """Credentials need origins that are named. Source: https://github.com/aws/aws-cdk/issues/9076 (the refusal)."""
    cors = goal.inputs.get("cors_configuration")
    if not isinstance(cors, Mapping) or cors.get("AllowCredentials") is not True:
        return
    origins = cors.get("AllowOrigins")
    if isinstance(origins, list | tuple) and any(o == "*" for o in origins if isinstance(o, str)):
        graph.problem(f'the API {name_of(goal)} allows credentials to every origin; API Gateway refuses that',
                      where=goal.where, hint='name the origins: cors={"allow_origins": ["https://example.com"], ...}')


def jwt_valid(graph: Graph, goal: Goal) -> None:
    """A JWT authorizer has an issuer with https and an audience. On stage ``local`` the issuer may be a server without
    TLS. Sources: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-authorizers.html and
    https://github.com/awsdocs/amazon-api-gateway-developer-guide/issues/79 (the scheme)."""
    jwt = goal.inputs.get("jwt_configuration")
    if not isinstance(jwt, Mapping):
        return
    issuer, audiences = jwt.get("Issuer"), jwt.get("Audience")
    schemes = ("https://", "http://") if graph.target.is_local else ("https://",)
    if isinstance(issuer, str) and next(leaves(issuer), None) is None and not issuer.startswith(schemes):
        graph.problem(f"the issuer of the authorizer {name_of(goal)} is {issuer!r}, which is not a URL with https",
                      where=goal.where, hint='like "https://issuer.example.com": the iss of its tokens')
    if isinstance(audiences, list | tuple) and not audiences:
        graph.problem(f"the authorizer {name_of(goal)} has no audiences: a JWT authorizer needs one",
                      where=goal.where, hint='audiences=["web"]: a token needs one of them as its aud or client_id')


def routes_apart(graph: Graph, goal: Goal) -> None:
    """Two routes of an API differ in more than the names of their variables: API Gateway says of others that the second
    "has a conflicting variable on the same hierarchical level".
    Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html"""
    key, api = _shape(goal), goal.inputs.get("api_id")
    if not key:
        return
    owners = [o.urn for o in declared(graph, api, "aws.apigatewayv2.Api")]
    for other in graph.goals.values():
        if other.type != goal.type or other.urn >= goal.urn or _shape(other) != key:
            continue
        theirs = other.inputs.get("api_id")
        same = owners == [o.urn for o in declared(graph, theirs, "aws.apigatewayv2.Api")] if owners else api == theirs
        if same and other.inputs["route_key"] != goal.inputs["route_key"]:
            graph.problem(f'the routes "{other.inputs["route_key"]}" and "{goal.inputs["route_key"]}" of one API '
                          "differ only in the names of their variables", where=goal.where,
                          hint=f"API Gateway takes one of them; the other is declared at {other.where}")


def _shape(goal: Goal) -> str:
    """The route without the names of its variables; empty if it has none."""
    key: Any = goal.inputs.get("route_key")
    return re.sub(r"\{[^{}+]+(\+?)\}", r"{\1}", key) if isinstance(key, str) and "{" in key else ""
