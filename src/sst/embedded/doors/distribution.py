"""A CloudFront distribution, which serves its connections itself."""
from __future__ import annotations

import asyncio
import ssl
from socket import socket

from sst.embedded import emulator
from sst.embedded.cdn.distribution import Distribution, Later
from sst.embedded.cdn.message import Answer, Head
from sst.embedded.cdn.server import serve
from sst.embedded.doors.door import HttpOnly, Request
from sst.embedded.gate import LOOPBACK
from sst.embedded.patches import cdn
from sst.embedded.settings import Settings

__all__ = ["DistributionDoor"]


class DistributionDoor(HttpOnly):
    """``https://LABEL.cloudfront.net``. ``http://app.example.com.localhost:PORT`` is its alias ``app.example.com``."""

    kind = "distribution"
    keeps = False

    def __init__(self) -> None:
        self._open: dict[str, Distribution] = {}

    def identity(self, host: str) -> str:
        return host.split(".")[0]

    def exists(self, identity: str) -> bool:
        return cdn.find(identity) is not None

    async def serve(self, identity: str, line: socket, settings: Settings, ended: asyncio.Event,
                    grace: float, tls: ssl.SSLContext | None) -> None:
        """Answer on ``line`` until ``ended``; HTTPS too, with ``tls``."""
        emulator.enter_region(settings.region)
        found = self._open[identity] = Distribution(cdn.find(identity) or "", settings)

        def answers(head: Head) -> Answer | Later:
            if not LOOPBACK.fullmatch(head.get("host")):
                return Answer(403, [], b"this host name is not answered here")
            emulator.enter_region(settings.region)
            return found.answer(head)

        await serve(line, answers, ended, grace, tls)
        found.close()

    def usage(self) -> dict[str, dict[str, float]]:
        """What edge functions have used so far, by their names."""
        return {name: used for one in self._open.values() for name, used in one.functions().items()}

    async def answer(self, identity: str, request: Request, *, region: str) -> emulator.Answer | None:
        """Never called: its connections are its own."""
        return None
