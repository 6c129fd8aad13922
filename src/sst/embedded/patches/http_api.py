"""HTTP APIs: the path as the caller wrote it (a slash at its end, the stage, the base path of a domain), cookies and
stage variables in the event, OPTIONS routes without CORS, proxy parameters in URIs, 500 for a function that failed, is
throttled or answers in another form.

Goes when ministack does all of these by itself; last checked with 1.5.33.
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from sst.embedded.patches.function_url import RAW, with_cookies
from sst.embedded.responses import malformed, url_fault
from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply"]

NEEDS: Mapping[str, str] = {
    "app:_parse_execute_api_url": "(host, path)",
    "app:_resolve_stage_and_path": "(api_id, tentative_stage, execute_path)",
    "services.apigateway:_cors_preflight_response": "(cors_cfg, origin)",
    "services.apigateway:_extract_path_params": "(route_path, request_path)",
    "services.apigateway:_get_stage_variables": "(api_id, stage)",
    "services.apigateway:_handle_execute_in_scope":
        "async (api_id, stage, path, method, headers, body, query_params, owner_account_id, owner_region, "
        "raw_query_string=None)",
    "services.apigateway:_invoke_http_proxy": "async (integration, path, method, headers, body, query_params)",
    "services.apigateway:_invoke_lambda_proxy":
        "async (integration, api_id, stage, path, method, headers, body, query_params, route_key='$default', "
        "path_params=None, *, authorizer_claims=None, authorizer_scopes=None, authorizer_lambda_context=None, "
        "authorizer_iam=None, owner_account_id=None, owner_region=None, raw_query_string=None)",
    "services.apigateway:_match_route": "(api_id, method, path)",
    "services.apigateway:_routes": "AccountRegionScopedDict",
    "services.apigateway:decode_http_api_path": "(raw_path)",
    "services.lambda_svc:_execute_function_with_config_scope": "(func, event)",
}


_MARK = "options"
"""What a routed OPTIONS request is called inside of the emulator, whose only look for a preflight is ``"OPTIONS"``."""
_serving: ContextVar[bool] = ContextVar("serving_http_api", default=False)
"""Whether the running task invokes the function of a route (and not, say, that of an authorizer)."""


def apply(settings: Settings) -> None:
    _keep_last_slashes()
    _complete_events()
    _answer_options_routes()
    _fill_in_proxy_paths()


def _keep_last_slashes() -> None:
    """``/admin/`` is not ``/admin``: the emulator takes both for a stage without a path."""
    from ministack import app

    parse, resolve = app._parse_execute_api_url, app._resolve_stage_and_path

    def parse_execute_api_url(host: str, path: str) -> tuple[str, str, str] | None:
        found: tuple[str, str, str] | None = parse(host, path)
        if found is None or found[2] != "/" or path.endswith("/"):
            return found
        return found[0], found[1], ""

    def resolve_stage_and_path(api_id: str, stage: str, rest: str) -> tuple[str, str]:
        """``rest`` is "" if nothing follows the first segment of the path."""
        chosen, path = resolve(api_id, stage, rest or "/")
        slash = "/" if rest == "/" and chosen == "$default" != stage and path == f"/{stage}" else ""
        return chosen, path + slash

    app._parse_execute_api_url = parse_execute_api_url
    app._resolve_stage_and_path = resolve_stage_and_path


def _complete_events() -> None:
    from ministack.services import apigateway, lambda_svc

    invoke, execute = apigateway._invoke_lambda_proxy, lambda_svc._execute_function_with_config_scope

    async def invoke_lambda_proxy(*arguments: Any, **options: Any) -> Any:
        token = _serving.set(True)
        try:
            return await invoke(*arguments, **options)
        finally:
            _serving.reset(token)

    def execute_function(record: Any, event: Any) -> Any:
        if not _serving.get():
            return execute(record, event)
        _serving.set(False)  # in the context of this thread
        _complete(event)
        result = execute(record, event)
        if result.get("error") or malformed(result, url_fault):
            return {"body": {"statusCode": 500, "headers": {"Content-Type": "application/json"},
                             "body": json.dumps({"message": "Internal Server Error"})}}
        return result

    apigateway._invoke_lambda_proxy = invoke_lambda_proxy
    lambda_svc._execute_function_with_config_scope = execute_function


def _complete(event: dict[str, Any]) -> None:
    """What AWS puts into the event and the emulator leaves out; what it sends as null and AWS does not send."""
    from ministack.services import apigateway

    context = event["requestContext"]
    context["http"]["method"] = _real(context["http"]["method"])
    if raw_path := RAW.get()[0]:  # with the stage and the base path of a domain
        event["rawPath"] = context["http"]["path"] = apigateway.decode_http_api_path(raw_path)
        context["domainName"] = event["headers"].get("host", context["domainName"])
    with_cookies(event)
    if variables := apigateway._get_stage_variables(context["apiId"], context["stage"]):
        event["stageVariables"] = variables
    if event.get("pathParameters", ...) is None:
        del event["pathParameters"]
    context.setdefault("domainPrefix", context["apiId"])


class _NoPreflight(Exception):
    """The API has no CORS settings: an OPTIONS request goes to the routes like any other."""


def _answer_options_routes() -> None:
    from ministack.services import apigateway

    preflight, execute = apigateway._cors_preflight_response, apigateway._handle_execute_in_scope
    match = apigateway._match_route

    def cors_preflight_response(settings: Any, origin: str) -> Any:
        if not settings:
            raise _NoPreflight
        return preflight(settings, origin)

    async def handle_execute_in_scope(api_id: str, stage: str, path: str, method: str, *rest: Any) -> Any:
        try:
            return await execute(api_id, stage, path, method, *rest)
        except _NoPreflight:
            return await execute(api_id, stage, path, _MARK, *rest)

    def match_route(api_id: str, method: str, path: str) -> Any:
        return match(api_id, _real(method), path)

    apigateway._cors_preflight_response = cors_preflight_response
    apigateway._handle_execute_in_scope = handle_execute_in_scope
    apigateway._match_route = match_route


def _real(method: str) -> str:
    return "OPTIONS" if method == _MARK else method


def _fill_in_proxy_paths() -> None:
    """``https://example.com/{proxy}``: the integration's own path, with the route's parameters filled in."""
    from ministack.services import apigateway

    forward = apigateway._invoke_http_proxy

    async def invoke_http_proxy(integration: Any, path: str, method: str, headers: Any, body: bytes, query: Any) -> Any:
        method, uri = _real(method), str(integration.get("integrationUri", ""))
        if "{" in uri:
            for route in [r for routes in _routes_to(integration) for r in routes]:
                pattern = str(route.get("routeKey", "")).partition(" ")[2]
                parameters = apigateway._extract_path_params(pattern, path) if pattern else None
                if parameters:
                    for name, value in parameters.items():
                        uri = uri.replace("{" + name + "}", str(value))
                    return await forward({**integration, "integrationUri": uri}, "", method, headers, body, query)
        return await forward(integration, path, method, headers, body, query)

    apigateway._invoke_http_proxy = invoke_http_proxy


def _routes_to(integration: Any) -> Any:
    from ministack.services import apigateway

    identity = str(integration.get("integrationId", ""))
    for routes in apigateway._routes.values():
        yield [r for r in routes.values() if identity and str(r.get("target", "")).endswith(identity)]
