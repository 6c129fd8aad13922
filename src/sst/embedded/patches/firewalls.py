"""Logging configurations of firewalls, which the emulator of AWS WAF does not have. Nothing is written to the log
group: no request is refused on stage ``local`` either. Goes when ministack has PutLoggingConfiguration; last checked
with 1.5.33.

Source: https://docs.aws.amazon.com/waf/latest/APIReference/API_PutLoggingConfiguration.html
"""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply"]

NEEDS: Mapping[str, str] = {
    "services.waf:handle_request": "async (method, path, headers, body, query_params)",
    "services.waf:_resolve_local_web_acl": "(web_acl_arn)",
    "services.waf:_waf_err": "(code, message)",
}
Answer = tuple[int, dict[str, str], bytes]
_KEY = "sstLogging"


def apply(settings: Settings) -> None:
    from ministack.services import waf

    others = waf.handle_request

    async def handle_request(method: Any, path: Any, headers: Any, body: Any, query_params: Any) -> Any:
        act = _ACTIONS.get(headers.get("x-amz-target", "").rpartition(".")[2])
        if act is None:
            return await others(method, path, headers, body, query_params)
        return act(json.loads(body or b"{}"))

    waf.handle_request = handle_request


def _put(data: Mapping[str, Any]) -> Any:
    from ministack.services import waf

    given = data.get("LoggingConfiguration") or {}
    acl, error = waf._resolve_local_web_acl(given.get("ResourceArn"))
    if error:
        return error
    places = given.get("LogDestinationConfigs") or [""]
    if not places[0].rpartition("log-group:")[2].startswith("aws-waf-logs-"):
        return waf._waf_err("WAFInvalidParameterException", "Error reason: The ARN isn't valid. A valid ARN begins "
                            "with arn: and includes other information separated by colons or slashes., field: "
                            f"LOG_DESTINATION, parameter: {places[0]}")
    acl[_KEY] = given
    return _answer({"LoggingConfiguration": given})


def _get(data: Mapping[str, Any]) -> Any:
    from ministack.services import waf

    acl, error = waf._resolve_local_web_acl(data.get("ResourceArn"))
    if error or _KEY not in acl:
        return error or waf._waf_err("WAFNonexistentItemException", "AWS WAF couldn't perform the operation because "
                                     "your resource doesn't exist.")
    return _answer({"LoggingConfiguration": acl[_KEY]})


def _delete(data: Mapping[str, Any]) -> Any:
    from ministack.services import waf

    found = _get(data)
    if found[0] != 200:
        return found
    del waf._resolve_local_web_acl(data["ResourceArn"])[0][_KEY]
    return _answer({})


def _answer(data: Mapping[str, Any]) -> Answer:
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(data).encode()


_ACTIONS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "PutLoggingConfiguration": _put, "GetLoggingConfiguration": _get, "DeleteLoggingConfiguration": _delete}
