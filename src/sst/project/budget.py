"""The budget of a stage: how much fixed cost it may have in a month."""
from __future__ import annotations

from collections.abc import Callable

from ..core.units import dollars
from ..engine.plan import Plan
from ..errors import UserError
from .project import Project

__all__ = ["keep_within"]


def keep_within(project: Project, plan: Plan, warn: Callable[[str], None], *, refuse: bool = True) -> None:
    """Raise ``UserError`` for a plan that adds fixed cost and ends above the budget, or warn of it, as the config asks
    for; with ``refuse=False`` only warn. Stage ``local`` costs nothing."""
    budget = project.config.budget
    if not budget or project.is_local:
        return
    from ..engine.cost import cost_of

    cost, limit = cost_of(plan), dollars(budget["monthly"])
    if cost.total <= limit:
        if cost.unknown:
            warn(f"whether the stage stays within its budget of {limit:.2f} USD a month is not known: there is no "
                 f"price of {', '.join(cost.unknown)}")
        return
    text = f"the fixed cost of the stage would be {cost.total:.2f} USD a month, above its budget of {limit:.2f} USD"
    if refuse and budget.get("above") == "refuse" and cost.added > cost.removed:
        raise UserError(f"{text}; nothing was changed", hint="`sst diff` shows what costs how much; raise "
                                                             "budget= in the config if that is right",
                        code="over-budget")
    warn(text)
