"""A port of a load balancer."""
from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from sst.embedded import emulator
from sst.embedded.containers.balancer import SOCKET
from sst.embedded.containers.websocket import relay
from sst.embedded.doors.door import Request
from sst.embedded.emulator import Answer

__all__ = ["LoadBalancer"]


class LoadBalancer:
    """``http://NAME-ID.REGION.elb.amazonaws.com:8080``; its identity is the host, with the port if the URL has one."""

    kind = "load_balancer"
    keeps = False

    def identity(self, host: str) -> str:
        return host

    def exists(self, identity: str) -> bool:
        return emulator.find_balancer(identity.partition(":")[0])

    async def answer(self, identity: str, request: Request, *, region: str) -> Answer | None:
        host, _, port = identity.partition(":")
        return await emulator.answer_balancer(host, int(port or 80), request.method, request.path, request.headers,
                                              request.body, request.parameters, raw_path=request.raw_path,
                                              raw_query=request.query)

    async def websocket(self, identity: str, scope: Any, receive: Any, send: Any) -> None:
        """To a target of the rule that fits the request that opens it."""
        host, _, port = identity.partition(":")
        query = scope["query_string"].decode("latin-1")
        headers = {n.decode("latin-1").lower(): v.decode("latin-1") for n, v in scope["headers"]}
        token = SOCKET.set(True)
        try:
            answer = await emulator.answer_balancer(
                host, int(port or 80), "GET", scope["path"], headers, b"", parse_qs(query, keep_blank_values=True),
                raw_path=scope["path"], raw_query=query)
        finally:
            SOCKET.reset(token)
        if answer is None or answer[0] != 101:
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        await relay(int(answer[2]), scope, receive, send)
