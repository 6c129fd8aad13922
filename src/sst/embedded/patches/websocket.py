"""WebSocket APIs: handlers run like every other function (logs, errors, concurrency), and messages do not wait for each
other.

Goes when ministack runs handlers of WebSocket APIs by way of `_execute_function` and side by side; last checked with
1.5.33.
"""
from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply"]

NEEDS: Mapping[str, str] = {
    "core.lambda_runtime:get_or_create_worker": "(func_name, config, code_zip, qualifier='$LATEST')",
    "services.apigateway:_invoke_ws_lambda":
        "async (api_id, account_id, region, route, stage, connection_id, event_type, message_id, body_text, "
        "source_ip, headers, query_params=None, **kwargs)",
    "services.apigateway:_ws_connections": "dict",
    "services.lambda_svc:_functions": "AccountRegionScopedDict",
}


def apply(settings: Settings) -> None:
    from ministack.core import lambda_runtime
    from ministack.services import apigateway, lambda_svc

    def get_or_create_worker(name: str, config: Any, code_zip: bytes, qualifier: str = "$LATEST") -> _Worker:
        return _Worker(lambda_svc, {**(lambda_svc._functions.get(name) or {}), "config": config, "code_zip": code_zip})

    lambda_runtime.get_or_create_worker = get_or_create_worker
    invoke = apigateway._invoke_ws_lambda
    running: set[asyncio.Task[None]] = set()

    async def invoke_ws_lambda(api_id: str, account: str, region: str, route: Any, stage: str, connection: str,
                               kind: str,
                               *rest: Any, **options: Any) -> Any:
        if kind != "MESSAGE":
            return await invoke(api_id, account, region, route, stage, connection, kind, *rest, **options)

        async def later() -> None:
            answer = await invoke(api_id, account, region, route, stage, connection, kind, *rest, **options)
            _reply(apigateway, connection, answer)

        task = asyncio.create_task(later())
        running.add(task)
        task.add_done_callback(running.discard)
        return None

    apigateway._invoke_ws_lambda = invoke_ws_lambda


class _Worker:
    """What the emulator takes for a warm worker; it leads to the one way functions are run."""

    def __init__(self, lambda_svc: Any, record: Any) -> None:
        self._lambda_svc, self._record = lambda_svc, record

    def invoke(self, event: Any, message_id: str) -> dict[str, Any]:
        result = self._lambda_svc._execute_function(self._record, event)
        if result.get("error"):
            return {"status": "error", "error": json.dumps({"message": "Internal server error"})}
        return {"status": "ok", "result": result.get("body") if isinstance(result.get("body"), dict) else {}}


def _reply(apigateway: Any, connection: str, answer: Any) -> None:
    body = (answer or {}).get("body")
    record = apigateway._ws_connections.get(connection)
    if body and record:
        record["outbox"].put_nowait(json.dumps(body) if isinstance(body, dict | list) else str(body))
