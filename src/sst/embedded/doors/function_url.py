"""A Lambda function URL."""
from __future__ import annotations

from sst.embedded import emulator
from sst.embedded.doors.door import HttpOnly, Request
from sst.embedded.emulator import Answer

__all__ = ["FunctionUrl"]


class FunctionUrl(HttpOnly):
    """``https://ID.lambda-url.REGION.on.aws``."""

    kind = "function_url"
    keeps = False

    def identity(self, host: str) -> str:
        return host.split(".")[0]

    def exists(self, identity: str) -> bool:
        return emulator.find_function_url(identity)

    async def answer(self, identity: str, request: Request, *, region: str) -> Answer | None:
        return await emulator.answer_function_url(f"{identity}.lambda-url.{region}.on.aws", request.path,
                                                  request.method, request.forwarded, request.body, request.parameters)
