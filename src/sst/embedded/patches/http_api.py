"""HTTP APIs: cookies and stage variables in the event, OPTIONS routes without CORS, proxy parameters in URIs, 500 for a
failed function."""
from __future__ import annotations

import json
from typing import Any

from sst.embedded.patches.function_url import with_cookies
from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply"]

NEEDS = ("services.apigateway:run_reentrant", "services.apigateway:_get_stage_variables",
         "services.apigateway:_cors_preflight_response",
         "services.apigateway:_handle_execute_in_scope", "services.apigateway:_invoke_http_proxy",
         "services.apigateway:_match_route",
         "services.apigateway:_extract_path_params")


def apply(settings: Settings) -> None:
    from ministack.services import apigateway

    run = apigateway.run_reentrant

    async def run_reentrant(work: Any, *arguments: Any, thread_name: str = "") -> Any:
        if thread_name != "ministack-apigw-invoke":
            return await run(work, *arguments, **({"thread_name": thread_name} if thread_name else {}))
        record, event = arguments
        _complete(apigateway, event)
        result = await run(work, record, event, thread_name=thread_name)
        if result.get("error") and not result.get("throttle"):
            return {"body": {"statusCode": 500, "headers": {"Content-Type": "application/json"},
                             "body": json.dumps({"message": "Internal Server Error"})}}
        return result

    apigateway.run_reentrant = run_reentrant
    _answer_options_routes(apigateway)
    _fill_in_proxy_paths(apigateway)


def _complete(apigateway: Any, event: dict[str, Any]) -> None:
    """What AWS puts into the event and the emulator leaves out; what it sends as null and AWS does not send."""
    context = event["requestContext"]
    with_cookies(event)
    if variables := apigateway._get_stage_variables(context["apiId"], context["stage"]):
        event["stageVariables"] = variables
    if event.get("pathParameters", ...) is None:
        del event["pathParameters"]
    context.setdefault("domainPrefix", context["apiId"])


class _NoPreflight(Exception):
    """The API has no CORS settings: an OPTIONS request goes to the routes like any other."""


class _Options(str):
    """``"OPTIONS"`` that the emulator's one look for a preflight does not see; equal to it ever after."""

    seen = False

    def __eq__(self, other: object) -> bool:
        if not self.seen:
            self.seen = True
            return False
        return str.__eq__(self, other)  # type: ignore[no-any-return,unused-ignore]

    __hash__ = str.__hash__


def _answer_options_routes(apigateway: Any) -> None:
    preflight, execute = apigateway._cors_preflight_response, apigateway._handle_execute_in_scope

    def cors_preflight_response(settings: Any, origin: str) -> Any:
        if not settings:
            raise _NoPreflight
        return preflight(settings, origin)

    async def handle_execute_in_scope(api_id: str, stage: str, path: str, method: str, *rest: Any) -> Any:
        try:
            return await execute(api_id, stage, path, method, *rest)
        except _NoPreflight:
            return await execute(api_id, stage, path, _Options(method), *rest)

    apigateway._cors_preflight_response = cors_preflight_response
    apigateway._handle_execute_in_scope = handle_execute_in_scope


def _fill_in_proxy_paths(apigateway: Any) -> None:
    """``https://example.com/{proxy}``: the integration's own path, with the route's parameters filled in."""
    forward = apigateway._invoke_http_proxy

    async def invoke_http_proxy(integration: Any, path: str, method: str, headers: Any, body: bytes, query: Any) -> Any:
        uri = str(integration.get("integrationUri", ""))
        if "{" in uri:
            for route in [r for routes in _routes_to(apigateway, integration) for r in routes]:
                pattern = str(route.get("routeKey", "")).partition(" ")[2]
                parameters = apigateway._extract_path_params(pattern, path) if pattern else None
                if parameters:
                    for name, value in parameters.items():
                        uri = uri.replace("{" + name + "}", str(value))
                    return await forward({**integration, "integrationUri": uri}, "", method, headers, body, query)
        return await forward(integration, path, method, headers, body, query)

    apigateway._invoke_http_proxy = invoke_http_proxy


def _routes_to(apigateway: Any, integration: Any) -> Any:
    identity = str(integration.get("integrationId", ""))
    for routes in apigateway._routes.values():
        yield [r for r in routes.values() if identity and str(r.get("target", "")).endswith(identity)]
