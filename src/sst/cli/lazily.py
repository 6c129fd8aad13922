"""A sink that shows nothing until something happens."""
from __future__ import annotations

from contextlib import ExitStack

from ..events import Event, Sink
from .ui.screen import Screen

__all__ = ["lazily"]


def lazily(screen: Screen, stack: ExitStack, *, silent: bool = False) -> Sink:
    """Opens ``screen.watch()`` in ``stack`` with the first event, so that questions asked before it have the screen to
    themselves."""
    opened: list[Sink] = []

    def sink(event: Event) -> None:
        if silent:
            return
        if not opened:
            opened.append(stack.enter_context(screen.watch()))
        opened[0](event)
    return sink
