"""Two apps that do nothing."""
from __future__ import annotations

from typing import Any


def flat(environ: dict[str, Any], start: Any) -> list[bytes]:
    return []


async def asynchronous(scope: Any, receive: Any, send: Any) -> None:
    pass
