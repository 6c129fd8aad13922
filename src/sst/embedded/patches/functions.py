"""Every invocation, whoever asks for it, goes through one place: runtimes that can't run say so, the rest goes to our executor."""
from __future__ import annotations

import importlib
import importlib.util
import time
from typing import Any

from sst.embedded import functions, logs
from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply", "close"]

NEEDS = ("services.lambda_svc:_execute_function_dispatch", "services.lambda_svc:_runtime_env_vars",
         "services.lambda_svc:_resolve_layer_zip",
         "services.lambda_svc:_account_region_from_function_config", "core.lambda_runtime:execution_credentials",
         "services.cloudwatch_logs:_append_log_events", "services.cloudwatch_logs:_fanout_to_subscription_filters",
         "services.cloudwatch_logs:_log_groups", "services.cloudwatch_logs:_make_group_arn")

_bridge: Any = None


def apply(settings: Settings) -> None:
    global _bridge
    from ministack.services import lambda_svc

    theirs = lambda_svc._execute_function_dispatch
    if importlib.util.find_spec("sst.embedded.bridge"):
        _bridge = importlib.import_module("sst.embedded.bridge").Bridge(settings)

    def dispatch(record: Any, config: Any, event: Any, request_id: str, started: float) -> dict[str, Any]:
        if reason := functions.refusal(config):
            _say(config, request_id, reason)
            return {"body": {"errorType": "Runtime.Unsupported", "errorMessage": reason}, "error": True, "function_error": "Unhandled",
                    "log": reason}
        if _bridge is not None:
            return dict(_bridge.run(record, config, event, request_id))
        return dict(theirs(record, config, event, request_id, started))

    lambda_svc._execute_function_dispatch = dispatch


def close() -> None:
    """End all sandboxes."""
    if _bridge is not None:
        _bridge.close()


def _say(config: Any, request_id: str, reason: str) -> None:
    from ministack.services import lambda_svc

    account, region = lambda_svc._account_region_from_function_config(config)
    name, version = config["FunctionName"], config.get("Version", "$LATEST")
    group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
    logs.write(account, region, group, logs.stream_name(version, "refused"),
               [(int(time.time() * 1000), f"RequestId: {request_id} Error: {reason}")])
