"""Functions behind a plain HTTP server: the request as the emulator takes it, its answer as the server sends it."""
from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from email.utils import formatdate
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, unquote

from sst.embedded import emulator, trace
from sst.embedded.cdn.message import Answer, Head, Headers
from sst.embedded.cdn.origin import OriginError
from sst.embedded.doors.door import Door, Request
from sst.embedded.gate import LOOPBACK
from sst.embedded.patches.function_url import RAW

__all__ = ["plain_answer"]

async def plain_answer(door: Door, identity: str, head: Head, region: str) -> Answer:
    """Runs in a task of its own: what it notes of the request is forgotten with it."""
    headers = _joined(head.headers)
    if not LOOPBACK.fullmatch(headers.get("host", "")):  # a page elsewhere that made its own name point here
        return Answer(403, [], b"this host name is not answered here")
    parameters = parse_qs(head.query, keep_blank_values=True) if head.query else {}
    if "authorization" in headers or "X-Amz-" in head.query:
        emulator.pin_request(head.method, head.path, parameters, _raw(head.headers), region)
        emulator.pin_body(head.body)
    else:
        emulator.enter_region(region)
    RAW.set((head.path, head.query))
    request = Request(head.method, unquote(head.path), head.path, head.query, parameters, headers, head.body)
    with trace.continued(headers.get("x-amzn-trace-id", "")) as header:  # begins here, unless the caller has one
        headers.setdefault("x-amzn-trace-id", f"Root={trace.parse(header)[0]}")
        status, answered, body = await door.answer(identity, request, region=region) or (
            404, {"content-type": "application/json"}, b'{"message":"Not Found"}')
    made = Answer(status, [*_listed(answered), ("date", _date(int(time.time())))])
    if isinstance(body, bytes | str):
        made.body = body if isinstance(body, bytes) else body.encode()
    else:
        made.stream = _streamed(body)
    return made


async def _streamed(body: Any) -> AsyncIterator[bytes]:
    """The parts of a function's stream. One that fails in the middle must not look complete."""
    try:
        async with contextlib.aclosing(aiter(body.runner)) as parts:
            async for part in parts:
                if part:
                    yield part
    except Exception as error:
        raise OriginError(str(error)) from error


def _joined(raw: Headers) -> dict[str, str]:
    """Headers with repeated ones joined as HTTP says: cookies by semicolons, all others by commas."""
    headers: dict[str, str] = {}
    for name, text in raw:
        headers[name] = headers[name] + ("; " if name == "cookie" else ",") + text if name in headers else text
    return headers


def _raw(headers: Headers) -> list[tuple[bytes, bytes]]:
    """As they came, for the check of a signature."""
    return [(name.encode("latin-1"), text.encode("latin-1")) for name, text in headers]


def _listed(answered: Mapping[str, Any]) -> Headers:
    listed: Headers = []
    for name, value in answered.items():
        name = name.lower()
        if name not in ("content-length", "date", "connection", "transfer-encoding"):
            listed += ((name, str(v)) for v in (value if isinstance(value, list | tuple) else (value,)))
    return listed


@lru_cache(2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
