"""One trace over all hops: who caused what, in the header that AWS uses for it.

A header is ``Root=R;Parent=P;Sampled=1``. Each invocation gets a span, and the function is started with it as its
``Parent``. The SDKs of Python and Node send the header of the running invocation with each call (recursion detection),
so a call names its invocation; the call gets a span of its own, which what it sets off has as its parent.
"""
from __future__ import annotations

import random
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

__all__ = ["CURRENT", "REPLAY", "RecordOrigins", "continued", "header", "headers_of", "last_invocation", "new_root",
           "new_span", "parse", "set_last_invocation"]

CURRENT: ContextVar[str] = ContextVar("sst_trace", default="")
"""The header of what is being done now: what it causes has the same root, and its parent."""
REPLAY: ContextVar[str] = ContextVar("sst_replay", default="")
"""The request id of the invocation whose event is sent again."""
_LAST: ContextVar[str] = ContextVar("sst_last_invocation", default="")


def new_root() -> str:
    return f"1-{int(time.time()):08x}-{random.getrandbits(96):024x}"


def new_span() -> str:
    return f"{random.getrandbits(64):016x}"


def header(root: str, span: str) -> str:
    return f"Root={root};Parent={span};Sampled=1"


@lru_cache(1024)
def parse(text: str) -> tuple[str, str]:
    """The root and the parent in a header; "" for what is not in it.

    >>> parse("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
    ('1-5759e988-bd862e3fe1be46a994272793', '53995c3f42cd8ad8')
    """
    found = dict(part.strip().split("=", 1) for part in text.split(";") if "=" in part)
    return found.get("Root", ""), found.get("Parent", "")


@contextmanager
def continued(text: str) -> Iterator[str]:
    """What is done inside has this header; without one it begins a trace of its own. Gives the header."""
    current = text if parse(text)[0] else header(new_root(), new_span())
    token = CURRENT.set(current)
    try:
        yield current
    finally:
        CURRENT.reset(token)


def set_last_invocation(text: str) -> None:
    _LAST.set(text)


def last_invocation() -> str:
    """The header of the function that ran last in this context: what its destination gets is its consequence."""
    return _LAST.get() or CURRENT.get()


class RecordOrigins:
    """Who wrote the records of a stream, by sequence number: they have no place for a header."""

    def __init__(self, limit: int = 10_000) -> None:
        self._known: OrderedDict[str, str] = OrderedDict()
        self._limit, self._lock = limit, threading.Lock()

    def note(self, number: str) -> None:
        if current := CURRENT.get():
            with self._lock:
                self._known[number] = current
                while len(self._known) > self._limit:
                    self._known.popitem(last=False)

    def of(self, number: str) -> str:
        return self._known.get(number, "")


def headers_of(event: Any, origins: RecordOrigins) -> list[str]:
    """The headers that came with the messages or records of an event, each once; else that of the present context."""
    found: dict[str, None] = {}
    records = event.get("Records") if isinstance(event, Mapping) else None
    for record in records if isinstance(records, list) else ():
        if isinstance(record, Mapping) and (origin := _origin(record, origins)):
            found[origin] = None
    return list(found) or [CURRENT.get()]


def _origin(record: Mapping[str, Any], origins: RecordOrigins) -> str:
    for part, name in (("attributes", "AWSTraceHeader"), ("dynamodb", "SequenceNumber"), ("kinesis", "sequenceNumber")):
        inner = record.get(part)
        if isinstance(inner, Mapping) and (value := str(inner.get(name) or "")):
            return value if part == "attributes" else origins.of(value)
    return ""
