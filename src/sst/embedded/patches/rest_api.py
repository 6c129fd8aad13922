"""REST APIs: a function that failed, is throttled or answers in another form is answered with AWS's words.

The emulator puts the body of its own error, JSON and all, into the message, and sends what has no form of an answer as
one. Source: https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway-errors.html. Goes when ministack answers
such an AWS_PROXY integration with ``{"message": "Internal server error"}``; last checked with 1.5.33.
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sst.embedded.responses import malformed, rest_fault
from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply"]

NEEDS: Mapping[str, str] = {
    "services.apigateway_v1:_lambda_proxy_response": "(result)",
}


def apply(settings: Settings) -> None:
    from ministack.services import apigateway_v1

    shape = apigateway_v1._lambda_proxy_response

    def proxy_response(result: Any) -> tuple[Any, str | None]:
        if result.get("throttle"):
            return {"statusCode": 500, "body": json.dumps({"message": "Internal server error"})}, None
        if result.get("error") or malformed(result, rest_fault):
            return None, "Internal server error"
        answer: tuple[Any, str | None] = shape(result)
        return answer

    apigateway_v1._lambda_proxy_response = proxy_response
