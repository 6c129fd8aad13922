"""REST APIs: a function that failed is answered with AWS's words.

The emulator puts the body of its own error, JSON and all, into the message. Goes when ministack answers a failed
AWS_PROXY integration with ``{"message": "Internal server error"}``; last checked with 1.5.33.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply"]

NEEDS: Mapping[str, str] = {
    "services.apigateway_v1:_lambda_proxy_response": "(result)",
}


def apply(settings: Settings) -> None:
    from ministack.services import apigateway_v1

    shape = apigateway_v1._lambda_proxy_response

    def proxy_response(result: Any) -> tuple[Any, str | None]:
        if result.get("error") and not result.get("throttle"):
            return None, "Internal server error"
        answer: tuple[Any, str | None] = shape(result)
        return answer

    apigateway_v1._lambda_proxy_response = proxy_response
