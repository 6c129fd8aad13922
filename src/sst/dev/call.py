"""A call of a deployed function that is to run on the developer's machine: data, and who runs it."""
from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from ..executor import Invocation

__all__ = ["CallRunner", "LiveCall", "RunningCall"]


@dataclass(frozen=True, slots=True)
class LiveCall:
    """One invocation, with what the deployed function knows and its source does not."""

    function: str
    """The function's ARN without version or alias."""
    event: bytes
    request_id: str
    environment: Mapping[str, str]
    """The deployed function's own: variables, region, credentials; without what is about the machine it runs on."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What lies beside the deployed code and is not in the source: ``resource.enc``."""
    trace_id: str = ""
    client_context: str = ""
    deadline: float = 0
    """Seconds since 1970."""


class RunningCall(Protocol):
    """An answer on its way; ``executor.Streaming`` is one. ``kind`` "": no parts, all is in ``result`` at once."""

    @property
    def kind(self) -> str: ...
    @property
    def result(self) -> Invocation | None:
        """There after the last part."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class CallRunner(Protocol):
    """Runs functions from their source."""

    def stream(self, call: LiveCall) -> AbstractAsyncContextManager[RunningCall]: ...
