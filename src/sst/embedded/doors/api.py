"""HTTP, REST and WebSocket APIs of API Gateway, and the domain names that lead to them."""
from __future__ import annotations

import re
from typing import Any

from sst.embedded import emulator
from sst.embedded.doors.door import Request
from sst.embedded.emulator import Answer

__all__ = ["Api", "Domain"]

_AWS_HOST = re.compile(r"([a-z0-9]+)\.(execute-api|lambda-url)\.[a-z0-9.-]+(?::\d+)?")


class Api:
    """``https://ID.execute-api.REGION.amazonaws.com``, or ``wss://`` for ``websocket``."""

    keeps = False

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def identity(self, host: str) -> str | None:
        return host.split(".")[0] if _AWS_HOST.fullmatch(host) else None

    def exists(self, identity: str) -> bool:
        return emulator.find_api(identity)

    async def answer(self, identity: str, request: Request, *, region: str) -> Answer | None:
        return await _answer(f"{identity}.execute-api.localhost", request)

    async def websocket(self, identity: str, scope: Any, receive: Any, send: Any) -> None:
        await emulator.answer_websocket(scope, receive, send, identity)


class Domain:
    """A custom domain name of an API; its identity is the name."""

    kind = "domain"
    keeps = False

    def identity(self, host: str) -> str:
        return host.partition(":")[0]

    def exists(self, identity: str) -> bool:
        return emulator.find_domain(identity)

    async def answer(self, identity: str, request: Request, *, region: str) -> Answer | None:
        return await _answer(identity, request)

    async def websocket(self, identity: str, scope: Any, receive: Any, send: Any) -> None:
        await emulator.answer_websocket(scope, receive, send, identity)


async def _answer(host: str, request: Request) -> Answer | None:
    return await emulator.answer_api(host, request.path, request.method, request.forwarded, request.body,
                                     request.parameters, raw_path=request.raw_path, raw_query=request.query)
