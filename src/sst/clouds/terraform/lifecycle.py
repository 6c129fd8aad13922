"""What a program says of when a resource of a plugin is replaced, and in which order."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...core.model import State
from ...core.resource import Resource

__all__ = ["OWN", "REPLACE", "REPLACE_WHEN", "Replaceable", "is_noted", "is_triggered"]

REPLACE, REPLACE_WHEN = "replace", "replace_when"
OWN = frozenset({REPLACE, REPLACE_WHEN})
"""Arguments that are ours and no provider is sent. ``replace_when`` is recorded with the others, to be compared."""
_ORDERS = ("create_first", "delete_first")


class Replaceable(Resource):
    """Base of the classes of resources that a plugin manages."""

    if not TYPE_CHECKING:
        def _declare(self, graph, name, given, where):
            order, when = given.pop(REPLACE, None), given.get(REPLACE_WHEN)
            what = f'{type(self).type} "{name}"'
            if order not in (None, *_ORDERS):
                graph.problem(f"replace of {what} can't be {order!r}", hint=f"one of {', '.join(_ORDERS)}", where=where)
            if when is not None and not isinstance(when, list | tuple):
                graph.problem(f"replace_when of {what} takes a list of values", where=where,
                              hint="it is replaced when one of them changes: replace_when=[image.digest]")
                del given[REPLACE_WHEN]
            super()._declare(graph, name, given, where)
            if order in _ORDERS and (goal := graph.goals.get(self.__sst__.urn)):
                graph.goals[goal.urn] = replace(goal, order=order)


def is_noted(prior: State, inputs: Mapping[str, Any]) -> bool:
    """Whether what the state has of ``replace_when`` is to be written anew."""
    return prior.inputs.get(REPLACE_WHEN) != inputs.get(REPLACE_WHEN)


def is_triggered(prior: State | None, inputs: Mapping[str, Any]) -> bool:
    """Whether a value of ``replace_when`` is another one than when the resource was last deployed."""
    was = prior.inputs.get(REPLACE_WHEN) if prior else None
    return was is not None and REPLACE_WHEN in inputs and list(inputs[REPLACE_WHEN]) != list(was)
