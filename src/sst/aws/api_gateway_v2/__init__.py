"""An HTTP API: routes that call functions, URLs or private services."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from ...clouds.aws import apigatewayv2, logs
from ...core.component import Component, Options
from ...core.link import Link, LinkItem
from ...core.output import Input, Output
from ...core.transform import Transform
from ...errors import UserError
from ..function.logs import retention_days
from ..function.subscriber import Handler
from ..function.url import Cors, url_cors
from .auth import ApiGatewayV2Authorizer, Jwt, LambdaAuth
from .domain import ApiDomain, make_domain
from .route import ApiGatewayV2Route, RouteAuth, RouteTransform, route_key

__all__ = ["AccessLog", "ApiDomain", "ApiGatewayV2", "ApiGatewayV2Authorizer", "ApiGatewayV2Route",
           "ApiGatewayV2Transform", "RouteAuth"]

ACCESS_LOG = {key: f"$context.{value}" for key, value in {
    "requestTime": "requestTime", "requestId": "requestId", "httpMethod": "httpMethod", "path": "path",
    "routeKey": "routeKey",
    "status": "status", "responseLatency": "responseLatency", "integrationRequestId": "integration.requestId",
    "integrationStatus": "integration.status", "integrationLatency": "integration.latency",
    "cognitoIdentityId": "identity.cognitoIdentityId", "userAgent": "identity.userAgent",
    "sourceIp": "identity.sourceIp"}.items()}


class AccessLog(TypedDict, total=False):
    """``retention``: how long the log of requests is kept, ``"1 month"`` by default."""

    retention: str


class ApiGatewayV2Transform(TypedDict, total=False):
    api: Transform
    stage: Transform
    log_group: Transform
    domain_name: Transform
    api_mapping: Transform


class ApiGatewayV2(Component, kind="sst.aws.ApiGatewayV2", parts=tuple(ApiGatewayV2Transform.__annotations__)):
    """An API Gateway HTTP API.

        api = aws.ApiGatewayV2("Api", link=[table])
        api.route("GET /photos/{id}", "src/api.get")
        api.route("$default", {"handler": "src/api.other", "timeout": "5 seconds"})
        api.url

    link: added to the links of every route's function. cors: all by default; False, or settings. access_log: kept a
    month by default. domain: ``"api.example.com"``, or ``{"name", "path", "cert", "dns"}``: with a certificate that is
    made and proved through Route 53.

    Source: API Gateway v2 API CreateApi, https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis.html
    """

    def __init__(self, name: str, *, link: Sequence[LinkItem] = (), domain: str | ApiDomain | None = None,
                 cors: bool | Cors = True,
                 access_log: AccessLog | None = None, transform: ApiGatewayV2Transform | None = None,
                 **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        self._link = tuple(link)
        self._routes: dict[str, str] = {}
        self._permitted: set[str] = set()
        with self.scope(transform):
            self.log_group = logs.LogGroup("LogGroup",
                                           name=f"/aws/vendedlogs/apis/{self.base_of(logs.LogGroup, 'LogGroup')}",
                                           retention=retention_days((access_log or {}).get("retention", "1 month")))
            self.api = apigatewayv2.Api("Api", protocol_type="HTTP", cors_configuration=url_cors(cors))
            self.stage = apigatewayv2.Stage("Stage", api_id=self.api.id, name="$default", auto_deploy=True,
                                            access_log_settings={"DestinationArn": self.log_group.arn,
                                                                 "Format": _log_format()})
            self._custom = make_domain(self.api, self.stage, domain) if domain else None

    @property
    def url(self) -> Output[str]:
        """The address of the API: of its domain if it has one."""
        return self.api.endpoint if self._custom is None else self._custom

    @property
    def id(self) -> Output[str]:
        return self.api.id

    def route(self, route: str, handler: Handler, *, auth: RouteAuth | bool | None = None, name: str | None = None,
              transform: RouteTransform | None = None) -> ApiGatewayV2Route:
        """Call a function for ``METHOD /path`` or ``$default``.

            api.route("GET /photos/{id}", "src/api.get", auth={"jwt": {"authorizer": users.id, "scopes": ["read"]}})

        Methods are ANY, DELETE, GET, HEAD, OPTIONS, PATCH, POST and PUT. auth: ``{"iam": True}``, ``{"lambda":
        authorizer.id}`` or ``{"jwt": {"authorizer": authorizer.id, "scopes": [...]}}``; open to everybody by default.
        name: of the route's function; by default it is made from the route.
        """
        return self._add(route, name, {"handler": handler, "link": self._link}, auth, transform)

    def route_url(self, route: str, url: Input[str], *, auth: RouteAuth | bool | None = None, name: str | None = None,
                  transform: RouteTransform | None = None) -> ApiGatewayV2Route:
        """Pass requests on to a URL.

            api.route_url("GET /status/{proxy+}", "https://status.example.com/{proxy}")
        """
        return self._add(route, name, {"url": url}, auth, transform)

    def add_authorizer(self, name: str, *, jwt: Jwt | None = None,
                       function: LambdaAuth | None = None) -> ApiGatewayV2Authorizer:
        """Something that decides who may call: a JWT issuer or a function.

            users = api.add_authorizer("Users", jwt={"issuer": "https://issuer.example.com", "audiences": ["web"]})
            api.route("GET /me", "src/me.handler", auth={"jwt": {"authorizer": users.id}})
        """
        return ApiGatewayV2Authorizer(f"{self.logical_name}{name}", api=self.api, jwt=jwt, function=function)

    def link(self) -> Link:
        """The URL."""
        return Link(self.logical_name, self.kind, {"url": self.url})

    def _add(self, route: str, name: str | None, target: Mapping[str, Any], auth: RouteAuth | bool | None,
             transform: RouteTransform | None) -> ApiGatewayV2Route:
        key, label = route_key(route)
        if key in self._routes:
            raise UserError(f'the route "{key}" of "{self.logical_name}" is declared twice',
                            hint=f"first at {self._routes[key]}")
        made = ApiGatewayV2Route(f"{self.logical_name}{name or label}", api=self.api, key=key, auth=auth,
                                 permitted=self._permitted, transform=transform, **target)
        self._routes[key] = made.where
        return made


def _log_format() -> str:
    import json

    return json.dumps(ACCESS_LOG)
