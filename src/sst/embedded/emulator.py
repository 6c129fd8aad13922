"""The emulator behind one door: every name of the package ``ministack`` that we use outside of `patches` stands here.

What is used is listed in ``NEEDS`` (here, and in each patch for what it uses itself), with the signature it must have:
`check` looks at all of them before anything is patched or served, so another version of the emulator fails at the start
with the name of what changed, never half way through a request. A test finds names that are used and not listed.
"""
from __future__ import annotations

import importlib
import inspect
import re
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

from sst.embedded.settings import Settings
from sst.errors import InternalError

__all__ = ["MAILS", "MESSAGES", "NEEDS", "answer_api", "answer_balancer", "answer_bucket", "answer_function_url",
           "answer_websocket", "append_log_lines", "application", "check", "container_definition",
           "enter_region", "environment", "execution_environment", "find_api", "find_balancer",
           "find_bucket", "find_domain", "find_function_url", "function_code", "function_owner",
           "is_control_path", "pin_body", "pin_request", "present_scope", "read_body", "scope_of",
           "send_answer", "signature_of", "target_groups", "targets_of", "task_credentials"]

NEEDS: Mapping[str, str] = {
    "app:_IncompleteRequestBody": "class",
    "app:_RequestBodyDisconnected": "class",
    "app:_dispatch_service_request": "async (method, path, headers, body, query_params, request_id)",
    "app:_handle_execute_api_request":
        "async (host, path, method, headers, body, query_params, raw_path=None, raw_query_string=None)",
    "app:_handle_lambda_url_request": "async (host, path, method, headers, body, query_params, source_ip=None)",
    "app:_read_request_body": "async (receive, method, headers)",
    "app:_resolve_custom_domain_request": "(host, path)",
    "app:_send_if_handled": "async (send, response, receive=None, *, head=False)",
    "app:app": "async (scope, receive, send)",
    "core.responses:get_account_id": "()",
    "core.responses:get_region": "()",
    "app:detect_service": "(method, path, headers, query_params)",
    "app:pin_signed_body": "(body)",
    "app:pin_request_origin": "(source_ip, secure_transport)",
    "app:pin_signed_request": "(method, raw_path, query_params, raw_headers, handshake=False)",
    "core.lambda_runtime:execution_credentials": "(config)",
    "core.responses:request_scope": "(account_id, region)",
    "core.responses:set_request_account_id": "(access_key_id)",
    "core.responses:set_request_client_ip": "(address)",
    "core.responses:set_request_region": "(region)",
    "services.alb:_targets": "AccountScopedDict",
    "services.alb:_tgs": "AccountRegionScopedDict",
    "services.alb:_lbs": "AccountRegionScopedDict",
    "services.alb:dispatch_request": "async (lb, method, path, headers, body, query_params, port=80, client_ip=None, "
                                     "raw_query_string=None, raw_path=None)",
    "services.apigateway:find_api_scope": "(api_id)",
    "services.apigateway:handle_websocket": "async (scope, receive, send, api_id, path_override=None)",
    "services.apigateway_v1:find_api_scope": "(api_id)",
    "services.cloudwatch_logs:_append_log_events": "(stream, events)",
    "services.cloudwatch_logs:_fanout_to_subscription_filters": "(group_name, stream_name, events)",
    "services.cloudwatch_logs:_log_groups": "AccountRegionScopedDict",
    "services.cloudwatch_logs:_make_group_arn": "(name)",
    "services.ecs:_task_defs": "AccountRegionScopedDict",
    "services.lambda_svc:_account_region_from_function_config": "(config)",
    "services.lambda_svc:_functions": "AccountRegionScopedDict",
    "services.lambda_svc:_resolve_layer_zip": "(attachment)",
    "services.lambda_svc:_runtime_env_vars": "(config)",
    "services.lambda_svc:resolve_function_url": "(url_id)",
    "services.s3:_buckets": "AccountScopedDict",
    "services.s3:cors_preflight": "(bucket_name, key, headers)",
    "services.s3:cors_response_headers": "(bucket_name, method, headers)",
    "services.s3:format_head_response": "(path, headers, response)",
    "services.s3:is_standard_object_request": "(method, path, headers, query_params)",
}

Answer = tuple[int, Mapping[str, Any], Any]
"""Status, headers, and the body (bytes, or a stream of the emulator's own)."""
Parameters = Mapping[str, Sequence[str]]
_PACKAGE = "ministack"
MESSAGES, MAILS = "/_ministack/sqs/messages", "/_ministack/ses/messages"
"""The control endpoints that show the messages of a queue, and the mails that were sent."""
_CONTROL = ("/_ministack/", "/_localstack/")
_OPEN = ("/_ministack/health", "/_ministack/ready", "/_ministack/cfn-")


# The process --------------------------------------------------------------------------------------------------------

def environment(settings: Settings) -> dict[str, str]:
    """The whole environment of the emulator: it reads its settings from there, and hands nothing else on."""
    data = settings.folder
    return {
        "GATEWAY_PORT": str(settings.port), "BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "localhost",
        "MINISTACK_ACCOUNT_ID": settings.account, "MINISTACK_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region, "AWS_ACCESS_KEY_ID": settings.keys.access_key,
        "AWS_SECRET_ACCESS_KEY": settings.keys.secret_key, "AUTH": "true" if settings.iam else "false",
        "PERSIST_STATE": "1", "STATE_DIR": str(data / "state"), "S3_PERSIST": "1", "S3_DATA_DIR": str(data / "s3"),
        "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0", "DOCKER_HOST": f"unix://{data}/no-container-engine",
        "AWS_CONFIG_FILE": str(data / "none"), "AWS_SHARED_CREDENTIALS_FILE": str(data / "none"),
        "LOG_LEVEL": "WARNING", "TMPDIR": str(data / "tmp"),
    }


def application() -> Any:
    """The ASGI app that answers for all of AWS."""
    from ministack import app

    return app.app


def is_control_path(path: str) -> bool:
    """Whether the emulator's own control endpoints answer there (health checks are open to everybody)."""
    return path.startswith(_CONTROL) and not path.startswith(_OPEN)


def check(user: str, needs: Mapping[str, str]) -> None:
    """Raise `InternalError` that names the first thing that is gone or has another signature than ``needs`` says."""
    for need, wanted in needs.items():
        try:
            found = signature_of(_look_up(need))
        except (ImportError, AttributeError) as error:
            raise _mismatch(f"the emulator has no {need}, which {user} needs") from error
        if found != wanted:
            raise _mismatch(f"the emulator's {need} is {found}, and {user} needs {wanted}")


def signature_of(thing: object) -> str:
    """What `check` compares: the parameters of what can be called, the type of anything else.

        def act(key: str, *, loud: bool = False) -> None: ...      "(key, *, loud=False)"
    """
    if isinstance(thing, ModuleType):
        return "module"
    if isinstance(thing, type):
        made = vars(thing).get("__init__")
        return f"class {signature_of(made)}" if inspect.isfunction(made) else "class"
    if not callable(thing):
        return type(thing).__name__
    parameters = [p.replace(annotation=p.empty, default=p.default if p.default is p.empty else _Default(p.default))
                  for p in inspect.signature(thing).parameters.values()]
    kind = "async " if inspect.iscoroutinefunction(thing) else ""
    return kind + str(inspect.Signature(parameters))


class _Default:
    """A default value as it is written: an object without a stable text is ``...``."""

    def __init__(self, value: object) -> None:
        self._text = "..." if " at 0x" in repr(value) else repr(value)

    def __repr__(self) -> str:
        return self._text


def _look_up(need: str) -> object:
    module, _, name = need.partition(":")
    found: object = importlib.import_module(f"{_PACKAGE}.{module}")
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _mismatch(text: str) -> InternalError:
    return InternalError(text, hint="another version of the emulator is installed than the one in requirements.lock: "
                                    "delete its environment below ~/.cache/sst, and run the command again")


# Functions and their logs -------------------------------------------------------------------------------------------

def function_owner(config: Mapping[str, Any]) -> tuple[str, str]:
    """Account and region of a function."""
    from ministack.services import lambda_svc

    account, region = lambda_svc._account_region_from_function_config(config)
    return str(account), str(region)


def function_code(record: Mapping[str, Any], config: Mapping[str, Any]) -> tuple[bytes | None, list[bytes]]:
    """The archives of a function: its code, and its layers in the order in which they are merged."""
    from ministack.services import lambda_svc

    code = record.get("code_zip")
    layers = [lambda_svc._resolve_layer_zip(layer) for layer in config.get("Layers") or []]
    return code if isinstance(code, bytes) else None, [layer for layer in layers if layer]


def execution_environment(config: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """A function's own variables, and the credentials of its role as variables."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    own = {str(key): str(value) for key, value in lambda_svc._runtime_env_vars(config).items()}
    return own, lambda_runtime.execution_credentials(dict(config))


def scope_of(account: str, region: str) -> AbstractContextManager[None]:
    """Everything inside of ``with`` belongs to that account and region."""
    from ministack.core import responses

    scope: AbstractContextManager[None] = responses.request_scope(account, region)
    return scope


def append_log_lines(group: str, stream: str, lines: Sequence[tuple[int, str]], now: int, forget: Any,
                     function: str) -> None:
    """Append to a log stream of the current account and region, and pass on to its subscribers. Makes the group and
    the stream on the first line, but no group for a ``function`` that is gone. ``forget`` may delete old lines."""
    from ministack.services import cloudwatch_logs as logs
    from ministack.services import lambda_svc

    if (kept := logs._log_groups.get(group)) is None and function and function not in lambda_svc._functions:
        return
    if kept is None:
        kept = {"arn": logs._make_group_arn(group), "creationTime": now, "retentionInDays": None, "tags": {},
                "subscriptionFilters": {}, "streams": {}}
        logs._log_groups[group] = kept
    target: Any = kept["streams"].setdefault(stream, {
        "events": [], "uploadSequenceToken": "1", "creationTime": now, "firstEventTimestamp": None,
        "lastEventTimestamp": None, "lastIngestionTime": None})
    forget(kept["streams"], target)
    logs._append_log_events(target, [{"timestamp": at, "message": text, "ingestionTime": now} for at, text in lines])
    logs._fanout_to_subscription_filters(group, stream, [{"timestamp": at, "message": text} for at, text in lines])


# Containers ---------------------------------------------------------------------------------------------------------

def present_scope() -> tuple[str, str]:
    """Account and region of what runs now."""
    from ministack.core import responses

    return str(responses.get_account_id()), str(responses.get_region())


def container_definition(labels: Mapping[str, str]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The task definition and its container that the labels of a container name, in the current scope."""
    from ministack.services import ecs

    prefix = "com.amazonaws.ecs."
    key = f"{labels[prefix + 'task-definition-family']}:{labels[prefix + 'task-definition-version']}"
    definition = ecs._task_defs[key]
    return definition, next(c for c in definition["containerDefinitions"]
                            if c["name"] == labels[prefix + "container-name"])


def task_credentials(definition: Mapping[str, Any], task: str, account: str, region: str) -> dict[str, str]:
    """Credentials of a task's role, as variables."""
    from ministack.core import lambda_runtime

    name = task.rpartition("/")[2]
    return dict(lambda_runtime.execution_credentials({
        "Role": definition.get("taskRoleArn") or "", "FunctionName": name,
        "FunctionArn": f"arn:aws:lambda:{region}:{account}:function:task-{name}"}))


def target_groups() -> list[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
    """All target groups, with their targets."""
    from ministack.services import alb

    targets = {key[-1]: list(found) for key, found in list(alb._targets._data.items())}
    return [(group, targets.get(group["TargetGroupArn"], [])) for group in list(alb._tgs._data.values())]


def targets_of(group: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    from ministack.services import alb

    return list(alb._targets.get(group["TargetGroupArn"]) or [])


def _balancer(host: str) -> Any:
    from ministack.services import alb

    return next((lb for lb in list(alb._lbs._data.values()) if lb["DNSName"].lower() == host), None)


def find_balancer(host: str) -> bool:
    return _balancer(host) is not None


async def answer_balancer(host: str, port: int, method: str, path: str, headers: Mapping[str, str], body: bytes,
                          parameters: Parameters, *, raw_path: str, raw_query: str) -> Answer | None:
    """A port of a load balancer: its rules, and what they lead to."""
    from ministack.services import alb

    if (found := _balancer(host)) is None:
        return None
    answer: Answer = await alb.dispatch_request(found, method, path, dict(headers), body, parameters, port=port,
                                                client_ip="127.0.0.1", raw_query_string=raw_query, raw_path=raw_path)
    return answer


# Front doors: what is public, and its answers -----------------------------------------------------------------------

def find_function_url(identity: str) -> bool:
    from ministack.services import lambda_svc

    return lambda_svc.resolve_function_url(identity) is not None


def find_bucket(name: str) -> bool:
    from ministack.services import s3

    return any(key[-1] == name for key in list(s3._buckets._data))


def find_api(identity: str) -> bool:
    from ministack.services import apigateway, apigateway_v1

    return (apigateway.find_api_scope(identity) or apigateway_v1.find_api_scope(identity)) is not None


def find_domain(host: str) -> bool:
    from ministack import app

    return app._resolve_custom_domain_request(host, "/") is not None


def enter_region(region: str) -> None:
    """The request that runs now belongs to this cloud's account and that region, whoever signed it."""
    from ministack.core import responses

    responses.set_request_account_id("")
    responses.set_request_region(region)
    responses.set_request_client_ip("127.0.0.1")


def pin_request(method: str, raw_path: str, parameters: Parameters, headers: Any, region: str) -> None:
    """Note what a signature is checked against, and see `enter_region`."""
    from ministack import app

    enter_region(region)
    app.pin_request_origin("127.0.0.1", False)
    app.pin_signed_request(method, raw_path, parameters, headers)


def pin_body(body: bytes) -> None:
    """Note the body that a signature covers."""
    from ministack import app

    app.pin_signed_body(body)


async def read_body(receive: Any, method: str, headers: Mapping[str, str]) -> bytes | None:
    """The whole body, decoded; None if the caller went away."""
    from ministack import app

    try:
        return bytes(await app._read_request_body(receive, method, headers))
    except (app._RequestBodyDisconnected, app._IncompleteRequestBody):
        return None


async def send_answer(send: Any, receive: Any, answer: Answer, *, head: bool) -> None:
    from ministack import app

    await app._send_if_handled(send, answer, receive, head=head)


async def answer_function_url(host: str, path: str, method: str, headers: Mapping[str, str], body: bytes,
                              parameters: Parameters) -> Answer | None:
    from ministack import app

    answer: Answer | None = await app._handle_lambda_url_request(host, path, method, headers, body, parameters)
    return answer


async def answer_api(host: str, path: str, method: str, headers: Mapping[str, str], body: bytes,
                     parameters: Parameters, *, raw_path: str, raw_query: str) -> Answer | None:
    """An HTTP or REST API, or the domain of one."""
    from ministack import app

    answer: Answer | None = await app._handle_execute_api_request(
        host, path, method, headers, body, parameters, raw_path=raw_path, raw_query_string=raw_query)
    return answer


async def answer_websocket(scope: Any, receive: Any, send: Any, identity: str) -> None:
    from ministack.services import apigateway

    await apigateway.handle_websocket(scope, receive, send, identity, path_override=scope["path"])


async def answer_bucket(path: str, method: str, headers: dict[str, str], body: bytes,
                        parameters: Parameters) -> Answer | None:
    """S3 as a browser sees it: signed and presigned calls, public objects, and the bucket's own CORS rules.

    ``path`` begins with the bucket's name. None if it is no call of S3.
    """
    from ministack import app
    from ministack.services import s3

    bucket, _, key = path.lstrip("/").partition("/")
    if method == "OPTIONS":
        preflight: Answer = s3.cors_preflight(bucket, key, headers)
        return preflight
    if app.detect_service(method, path, headers, parameters) != "s3":
        return None
    status, answered, content = await app._dispatch_service_request(method, path, headers, body, parameters,
                                                                    str(uuid.uuid4()))
    if method == "HEAD" and s3.is_standard_object_request(method, path, headers, parameters):
        status, answered, content = s3.format_head_response(path, headers, (status, answered, content))
    answered = {k: v for k, v in answered.items() if not re.match("access-control-", k, re.IGNORECASE)}
    return status, {**answered, **s3.cors_response_headers(bucket, method, headers)}, content
