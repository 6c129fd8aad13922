"""Resources that depend on a value known after deploy."""
from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..errors import UserError
from .graph import current
from .output import Input, Output, call_site

__all__ = ["later"]

T = TypeVar("T")


def later(value: Input[T], declare: Callable[[T], object]) -> None:
    """Call ``declare`` with the plain value as soon as it is known, to declare more resources.

    The engine deploys in rounds: first what does not wait, then what ``declare`` adds; only the last round deletes
    resources. Use it where the *number* of resources depends on a deploy-time value; everything else takes outputs.

        subscribers = queue.url.apply(lambda url: ["a", "b"])       # any value known after deploy
        sst.later(subscribers, lambda names: [aws.Queue(f"Inbox-{name}") for name in names])
    """
    graph = current()
    if graph.frozen:
        raise UserError("later can't be called after the program has ended", where=call_site(2))
    known = value if isinstance(value, Output) else Output(lambda _look: value)
    graph.laters.append((known, declare, graph.scope, graph.stack))
