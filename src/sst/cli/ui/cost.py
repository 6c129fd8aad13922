"""How the fixed cost of a plan looks."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ...engine.cost import Cost, cost_of
from ...engine.plan import Plan
from ...project.project import Project
from .style import Line

__all__ = ["cost_data", "cost_lines", "show_cost"]


def show_cost(project: Project, plan: Plan, show: Callable[[Line], None]) -> None:
    """Line by line, unless the stage is on this machine and costs nothing."""
    for line in () if project.is_local else cost_lines(cost_of(plan)):
        show(line)


def cost_data(project: Project, plan: Plan) -> dict[str, Any]:
    return {} if project.is_local else {"cost": cost_of(plan).data()}


def cost_lines(cost: Cost) -> Iterator[Line]:
    """Nothing if the plan changes no fixed cost.

        Fixed cost a month: 61.32 USD added, 0.00 USD removed, 61.32 USD in all
          +36.50  Network
          +24.82  Orders
    """
    if not cost.changes:
        return
    yield [("Fixed cost a month: ", "bold"),
           (f"{cost.added:.2f} USD added, {cost.removed:.2f} USD removed, {cost.total:.2f} USD in all", "")]
    tops: dict[str, float] = {}
    for item in cost.changes:
        top = item.name.partition("/")[0]
        tops[top] = tops.get(top, 0) + item.more
    for name, more in tops.items():
        if round(more, 2):
            yield [(f"  {more:+.2f}", "yellow" if more > 0 else "green"), (f"  {name}", "")]
    for text in cost.unknown:
        yield [("  unknown", "yellow"), (f"  {text}", "")]
    yield [(f"  {'; '.join(cost.sources)}. Usage comes on top.", "dim")]
