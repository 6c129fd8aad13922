"""Two apps that do nothing, and what makes one."""
from __future__ import annotations

from typing import Any


def flat(environ: dict[str, Any], start: Any) -> list[bytes]:
    return []


async def asynchronous(scope: Any, receive: Any, send: Any) -> None:
    pass


def create_app() -> Any:
    return flat
