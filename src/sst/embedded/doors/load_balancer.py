"""A port of a load balancer."""
from __future__ import annotations

from sst.embedded import emulator
from sst.embedded.doors.door import HttpOnly, Request
from sst.embedded.emulator import Answer

__all__ = ["LoadBalancer"]


class LoadBalancer(HttpOnly):
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
