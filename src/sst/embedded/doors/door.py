"""What every kind of front door does, and the request that it answers."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sst.embedded.emulator import Answer

__all__ = ["Door", "Request"]


@dataclass(frozen=True)
class Request:
    """One HTTP request, read to its end."""

    method: str
    path: str
    """Decoded; ``raw_path`` and ``query`` are as they came over the wire."""
    raw_path: str
    query: str
    parameters: Mapping[str, Sequence[str]]
    """Of the query."""
    headers: dict[str, str]
    """Names in lower case; repeated ones are joined."""
    body: bytes

    @property
    def reads(self) -> bool:
        """Whether it changes nothing in S3's terms: GET, HEAD and OPTIONS."""
        return self.method in ("GET", "HEAD", "OPTIONS")


    @property
    def forwarded(self) -> dict[str, str]:
        """The headers, with those that AWS's front ends add: host, port and scheme are what the caller used.

        A dev server in between may say with ``X-Forwarded-Proto`` that a browser came by https.
        """
        host, scheme = self.headers.get("host", ""), self.headers.get("x-forwarded-proto", "")
        scheme = scheme if scheme in ("http", "https") else "http"
        port = host.rpartition(":")[2]
        return {**self.headers, "x-forwarded-proto": scheme,
                "x-forwarded-port": port if port.isdigit() else "443" if scheme == "https" else "80",
                "x-forwarded-for": self.headers.get("x-forwarded-for") or "127.0.0.1"}


class Door(Protocol):
    """One kind of public address. It has no state: whose door it is comes with each call as ``identity``."""

    @property
    def kind(self) -> str:
        """``function_url``, ``http_api``...: the word in ``ports.json`` and in `Cloud.address`."""
        ...

    @property
    def keeps(self) -> bool:
        """Whether an answer to a changing request waits until the change is on disk."""
        ...

    def identity(self, host: str) -> str | None:
        """What stands behind an AWS-shaped host name; None if the host is of another kind (see `DOORS`)."""
        ...

    def exists(self, identity: str) -> bool: ...

    async def answer(self, identity: str, request: Request, *, region: str) -> Answer | None:
        """None is a 404."""
        ...

    async def websocket(self, identity: str, scope: Any, receive: Any, send: Any) -> None:
        """Serve a connection to its end; a kind without WebSockets refuses it."""
        ...


class HttpOnly:
    """The refusal of WebSockets, for kinds that have none."""

    async def websocket(self, identity: str, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.close", "code": 1008})
