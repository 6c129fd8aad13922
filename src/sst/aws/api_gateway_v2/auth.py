"""Authorizers: who may call a route."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

from ...clouds.aws import apigatewayv2, lambda_
from ...core.component import Component
from ...core.output import Input, Output
from ...core.units import seconds
from ...errors import UserError
from ..function.subscriber import Handler, target_of

__all__ = ["ApiGatewayV2Authorizer", "Jwt", "LambdaAuth"]


class Jwt(TypedDict, total=False):
    """``issuer`` is a URL with https (on stage ``local`` http does too), ``audiences`` has at least one.
    ``identity_source`` is ``"$request.header.Authorization"`` by default."""

    issuer: Input[str]
    audiences: Sequence[Input[str]]
    identity_source: str


class LambdaAuth(TypedDict, total=False):
    """``function``: the handler. ``payload`` is ``"2.0"`` by default, ``response`` ``"simple"`` (``{"isAuthorized":
    ...}``) or ``"iam"`` (a policy). ``ttl``: keep an answer so long, not at all by default, at most an hour."""

    function: Handler
    payload: Literal["1.0", "2.0"]
    response: Literal["simple", "iam"]
    ttl: str
    identity_sources: Sequence[str]


class ApiGatewayV2Authorizer(Component, kind="sst.aws.ApiGatewayV2Authorizer", parts=("authorizer", "permission")):
    """An authorizer; made by ``ApiGatewayV2.add_authorizer``."""

    def __init__(self, name: str, *, api: apigatewayv2.Api, jwt: Jwt | None = None,
                 function: LambdaAuth | None = None) -> None:
        super().__init__(name)
        if (jwt is None) == (function is None):
            raise UserError("an authorizer takes one of jwt and function")
        with self.scope():
            if jwt is not None:
                if not {"issuer", "audiences"} <= jwt.keys():
                    raise UserError("jwt needs issuer and audiences",
                                    hint='{"issuer": "https://...", "audiences": ["web"]}')
                self.authorizer = apigatewayv2.Authorizer(
                    "Authorizer", api_id=api.id, authorizer_type="JWT",
                    identity_sources=[jwt.get("identity_source", "$request.header.Authorization")],
                    jwt_configuration={"Issuer": jwt["issuer"], "Audience": list(jwt["audiences"])})
            else:
                assert function is not None
                self.authorizer = _lambda(api, function, self.where)

    @property
    def id(self) -> Output[str]:
        """What a route's ``auth`` names."""
        return self.authorizer.id


def _lambda(api: apigatewayv2.Api, given: LambdaAuth, where: str) -> apigatewayv2.Authorizer:
    if "function" not in given:
        raise UserError("a function authorizer needs a function", hint='{"function": "src/auth.handler"}')
    target = target_of(given["function"], "Handler", where=where)
    lambda_.Permission("Permission", function_name=target.arn, action="lambda:InvokeFunction",
                       principal="apigateway.amazonaws.com",
                       source_arn=f"{api.execution_arn}/authorizers/*")
    return apigatewayv2.Authorizer(
        "Authorizer", api_id=api.id, authorizer_type="REQUEST", payload_format_version=given.get("payload", "2.0"),
        uri=f"{api.invoke_arn_prefix}/functions/{target.arn}/invocations",
        simple_responses=given.get("response", "simple") == "simple",
        result_ttl=seconds(given.get("ttl", "0 seconds"), what="ttl", high=3600),
        identity_sources=list(given.get("identity_sources", ["$request.header.Authorization"])))
