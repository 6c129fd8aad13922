"""Lists in pages of two, whatever the emulator gives at once."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import botocore.session
from botocore.exceptions import UnknownServiceError

from .request import ApiRequest

__all__ = ["Pages"]

PAGE = 2
_SESSION = botocore.session.Session()
NOT_CUT = frozenset({"dynamodb.Query", "dynamodb.Scan"})
"""Data of apps, not lists of resources."""


@lru_cache
def _paginator(service: str, operation: str) -> tuple[str, str, str] | None:
    """Wire names of the token of the request, the token of the answer, and the list, by botocore's paginators."""
    try:
        known = _SESSION.get_paginator_model(service).get_paginator(operation)
    except (ValueError, UnknownServiceError):
        return None
    names = known["input_token"], known["output_token"], known["result_key"]
    if not all(isinstance(n, str) and n.isidentifier() for n in names):
        return None
    model = _SESSION.get_service_model(service).operation_model(operation)
    asked, told = model.input_shape.members, model.output_shape.members
    wire = [m[n].serialization.get("name", n) for m, n in ((asked, names[0]), (told, names[1]), (told, names[2]))]
    return wire[0], wire[1], wire[2]


class Pages:
    """The emulator is asked for all; what does not fit a page waits here for its token."""

    def __init__(self) -> None:
        self._rest: dict[str, tuple[dict[str, Any], list[Any]]] = {}

    def is_list(self, request: ApiRequest) -> bool:
        return (
            request.name not in NOT_CUT
            and request.protocol in ("json", "rest-json")
            and _paginator(request.service, request.operation) is not None
        )

    def next(self, request: ApiRequest) -> bytes | None:
        """The page that a request's token stands for."""
        if not self._rest or not self.is_list(request):
            return None
        names = _paginator(request.service, request.operation)
        assert names
        kept = self._rest.get(str(request.params.get(names[0], "")))
        return json.dumps(self._page(names, dict(kept[0]), kept[1])).encode() if kept else None

    def cut(self, request: ApiRequest, answer: dict[str, Any]) -> dict[str, Any]:
        names = _paginator(request.service, request.operation) if self.is_list(request) else None
        if names is None or not isinstance(items := answer.get(names[2]), list) or answer.get(names[1]):
            return answer
        return self._page(names, answer, items)

    def _page(self, names: tuple[str, str, str], answer: dict[str, Any], items: list[Any]) -> dict[str, Any]:
        _, told, key = names
        answer = {k: v for k, v in answer.items() if k != told} | {key: items[:PAGE]}
        if len(items) > PAGE:
            answer[told] = token = f"page-{len(self._rest)}"
            self._rest[token] = answer, items[PAGE:]
        return answer
