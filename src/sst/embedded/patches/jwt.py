"""JWT authorizers: what is no token of a live issuer is a 401, also where the emulator would take it or fail.

It takes tokens without an expiry and such whose header names another algorithm, and answers 500 where times are no
numbers or the claims are no object. Source:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html. Goes when ministack refuses
these by itself; last checked with 1.5.33.
"""
from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply"]

NEEDS: Mapping[str, str] = {
    "services.apigateway:_extract_token_from_identity_source": "(identity_source, headers, query_params)",
    "services.apigateway:_jwt_unauthorized": "(message='Unauthorized')",
    "services.apigateway:_validate_jwt_authorizer": "async (route, authorizer, headers, query_params)",
}


def apply(settings: Settings) -> None:
    from ministack.services import apigateway

    validate, token_of = apigateway._validate_jwt_authorizer, apigateway._extract_token_from_identity_source

    async def validate_jwt_authorizer(route: Any, authorizer: Any, headers: Any, query_params: Any) -> Any:
        token = token_of(authorizer.get("identitySource", []), headers, query_params)
        if token and not _well_formed(token):
            return None, None, apigateway._jwt_unauthorized()
        return await validate(route, authorizer, headers, query_params)

    apigateway._validate_jwt_authorizer = validate_jwt_authorizer


def _well_formed(token: str) -> bool:
    """Signed by an RSA key, and with times that are numbers, an expiry among them."""
    try:
        header, claims = (json.loads(base64.urlsafe_b64decode(f"{part}==")) for part in token.split(".")[:2])
    except (ValueError, RecursionError):
        return False
    if not (isinstance(header, dict) and isinstance(claims, dict) and str(header.get("alg", "")).startswith("RS")):
        return False
    times = [claims.get("exp"), *(claims[k] for k in ("nbf", "iat") if k in claims)]
    return all(isinstance(t, int | float) and not isinstance(t, bool) and math.isfinite(t) for t in times)
