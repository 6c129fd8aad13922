"""APIs, load balancers and state machines call a function only if its policy, or the role they were given, lets them.

HTTP, REST and WebSocket APIs answer 500 otherwise (their authorizers too), a load balancer 502 (so too if the function
fails, is throttled or gives no answer in its form), and a task of a state machine fails with
``Lambda.AWSLambdaException``. The emulator calls whatever is named. Source:
https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html#apigateway-permissions. Goes when ministack asks;
last checked with 1.5.33.
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from sst.embedded.patches.rights import Delivery, refused
from sst.embedded.responses import balancer_fault, malformed
from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply"]

_REST = ("async (integration, api_id, stage_name, stage, resource, request_path, method, headers, body, query_params, "
         "path_params, *, owner_account_id=None, owner_region=None, binary_media_types=None, authorizer_context=None, "
         "caller_identity=None)")
NEEDS: Mapping[str, str] = {
    "core.responses:get_account_id": "()",
    "core.responses:get_region": "()",
    "core.responses:request_scope": "(account_id, region)",
    "services.alb:_invoke_lambda_target":
        "async (function_ref, tg_arn, method, path, headers, body, query_params, raw_query_string=None)",
    "services.apigateway:_extract_lambda_ref_from_integration_uri": "(uri)",
    "services.apigateway:_integrations": "AccountRegionScopedDict",
    "services.apigateway:_invoke_lambda_proxy":
        "async (integration, api_id, stage, path, method, headers, body, query_params, route_key='$default', "
        "path_params=None, *, authorizer_claims=None, authorizer_scopes=None, authorizer_lambda_context=None, "
        "authorizer_iam=None, owner_account_id=None, owner_region=None, raw_query_string=None)",
    "services.apigateway:_invoke_request_authorizer_lambda": "async (authorizer, event, account_id, region)",
    "services.apigateway:_invoke_ws_lambda":
        "async (api_id, account_id, region, route, stage, connection_id, event_type, message_id, body_text, "
        "source_ip, headers, query_params=None, **kwargs)",
    "services.apigateway_v1:_gw_error": "(response_type, message)",
    "services.apigateway_v1:_invoke_authorizer_lambda": "async (authorizer, event, account_id, region)",
    "services.apigateway_v1:_invoke_lambda_custom_v1": _REST,
    "services.apigateway_v1:_invoke_lambda_proxy_v1": _REST,
    "services.lambda_svc:_get_func_record_for_ref": "(function_ref)",
    "services.lambda_svc:lambda_execute_result_to_api_proxy_response": "(exec_result)",
    "services.stepfunctions:_ExecutionError": "class (self, error, cause)",
    "services.stepfunctions:_call_lambda": "(func_ref, event)",
    "services.stepfunctions:_executions": "AccountRegionScopedDict",
    "services.stepfunctions:_run_execution": "(exec_arn)",
    "services.stepfunctions:_state_machines": "AccountRegionScopedDict",
}

_API, _INVOKE = "apigateway.amazonaws.com", "lambda:InvokeFunction"
_BAD_GATEWAY = 502, {"Content-Type": "text/html"}, b"<html><body><h1>502 Bad Gateway</h1></body></html>"
_execution: ContextVar[str] = ContextVar("state_machine_execution", default="")
_balancing: ContextVar[bool] = ContextVar("load_balancer", default=False)


class _BadGateway(Exception):
    """What the function gave is no answer of a load balancer."""


def apply(settings: Settings) -> None:
    _http()
    _rest()
    _websocket()
    _authorizers()
    _balancers()
    _state_machines()


def _call(uri: object, caller: str, role: object = None) -> str:
    """Why API Gateway may not call the function in ``uri``; ``caller`` is what of which API calls it."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import apigateway

    source = f"arn:aws:execute-api:{get_region()}:{get_account_id()}:{caller}"
    target = _function(str(apigateway._extract_lambda_ref_from_integration_uri(uri)))
    given = str(role or "") if str(role or "").startswith("arn:") and ":role/" in str(role) else ""
    return refused(Delivery(_API, source, _INVOKE, target, given)) if target else ""


def _function(reference: str) -> str:
    """The ARN of a function; "" if there is none of that name."""
    from ministack.services import lambda_svc

    if reference.startswith("arn:"):
        return reference
    _, config, _ = lambda_svc._get_func_record_for_ref(reference)
    return str(config["FunctionArn"]) if config else ""


def _http() -> None:
    from ministack.services import apigateway

    invoke = apigateway._invoke_lambda_proxy

    async def invoke_lambda_proxy(integration: Any, api: str, stage: str, path: str, method: str, *rest: Any,
                                  **options: Any) -> Any:
        verb, _, pattern = str(rest[3] if len(rest) > 3 else options.get("route_key", "$default")).partition(" ")
        route = f"{method.upper()}{pattern}" if pattern else verb
        if _call(integration.get("integrationUri"), f"{api}/{stage}/{route}", integration.get("credentialsArn")):
            return 500, {"Content-Type": "application/json"}, b'{"message":"Internal Server Error"}'
        return await invoke(integration, api, stage, path, method, *rest, **options)

    apigateway._invoke_lambda_proxy = invoke_lambda_proxy


def _rest() -> None:
    from ministack.services import apigateway_v1

    def asking(invoke: Any) -> Any:
        async def invoke_lambda(integration: Any, api: str, stage: str, settings: Any, resource: Any, path: str,
                                method: str, *rest: Any, **options: Any) -> Any:
            caller = f"{api}/{stage}/{method.upper()}{resource['path']}"
            if _call(integration.get("uri"), caller, integration.get("credentials")):
                return apigateway_v1._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
            return await invoke(integration, api, stage, settings, resource, path, method, *rest, **options)

        return invoke_lambda

    apigateway_v1._invoke_lambda_proxy_v1 = asking(apigateway_v1._invoke_lambda_proxy_v1)
    apigateway_v1._invoke_lambda_custom_v1 = asking(apigateway_v1._invoke_lambda_custom_v1)


def _websocket() -> None:
    from ministack.core.responses import request_scope
    from ministack.services import apigateway

    invoke = apigateway._invoke_ws_lambda

    async def invoke_ws_lambda(api: str, account: str, region: str, route: Any, stage: str, connection: str,
                               kind: str, request: str, *rest: Any, **options: Any) -> Any:
        with request_scope(account, region):
            found = (apigateway._integrations.get(api) or {}).get(str(route.get("target", "")).rpartition("/")[2]) or {}
            closed = str(found.get("integrationType", "")).startswith("AWS") and _call(
                found.get("integrationUri"), f"{api}/{stage}/{route.get('routeKey', '$default')}",
                found.get("credentialsArn"))
        if closed:
            return {"statusCode": 500, "body": json.dumps({"message": "Internal server error",
                                                           "connectionId": connection, "requestId": request})}
        return await invoke(api, account, region, route, stage, connection, kind, request, *rest, **options)

    apigateway._invoke_ws_lambda = invoke_ws_lambda


def _authorizers() -> None:
    """A failed authorizer is None to the emulator, which answers 500."""
    from ministack.core.responses import request_scope
    from ministack.services import apigateway, apigateway_v1

    def asking(invoke: Any) -> Any:
        async def invoke_authorizer(authorizer: Any, event: Any, account: str, region: str) -> Any:
            method = str(event.get("methodArn") or event.get("routeArn") or "")
            api = method.split(":")[-1].partition("/")[0]
            caller = f"{api}/authorizers/{authorizer.get('authorizerId') or authorizer.get('id')}"
            with request_scope(account, region):
                closed = _call(authorizer.get("authorizerUri"), caller,
                               authorizer.get("authorizerCredentialsArn") or authorizer.get("authorizerCredentials"))
            return None if closed else await invoke(authorizer, event, account, region)

        return invoke_authorizer

    apigateway._invoke_request_authorizer_lambda = asking(apigateway._invoke_request_authorizer_lambda)
    apigateway_v1._invoke_authorizer_lambda = asking(apigateway_v1._invoke_authorizer_lambda)


def _balancers() -> None:
    from ministack.services import alb, lambda_svc

    invoke, shape = alb._invoke_lambda_target, lambda_svc.lambda_execute_result_to_api_proxy_response

    async def invoke_lambda_target(reference: str, group: str, *rest: Any, **options: Any) -> Any:
        target = _function(reference)
        if target and refused(Delivery("elasticloadbalancing.amazonaws.com", group, _INVOKE, target)):
            return _BAD_GATEWAY
        token = _balancing.set(True)
        try:
            return await invoke(reference, group, *rest, **options)
        except _BadGateway:
            return _BAD_GATEWAY
        finally:
            _balancing.reset(token)

    def response(result: dict[str, Any]) -> Any:
        if _balancing.get() and (result.get("error") or malformed(result, balancer_fault)):
            raise _BadGateway
        return shape(result)

    alb._invoke_lambda_target = invoke_lambda_target
    lambda_svc.lambda_execute_result_to_api_proxy_response = response


def _state_machines() -> None:
    from ministack.services import stepfunctions

    run, call = stepfunctions._run_execution, stepfunctions._call_lambda

    def run_execution(execution: str) -> None:
        token = _execution.set(execution)
        try:
            run(execution)
        finally:
            _execution.reset(token)

    def call_lambda(reference: str, event: Any) -> Any:
        machine = str((stepfunctions._executions.get(_execution.get()) or {}).get("stateMachineArn", ""))
        role, target = (stepfunctions._state_machines.get(machine) or {}).get("roleArn"), _function(reference)
        if role and target and (why := refused(Delivery("states.amazonaws.com", machine, _INVOKE, target, str(role)))):
            raise stepfunctions._ExecutionError("Lambda.AWSLambdaException", f"AccessDenied: {why}")
        return call(reference, event)

    stepfunctions._run_execution, stepfunctions._call_lambda = run_execution, call_lambda
