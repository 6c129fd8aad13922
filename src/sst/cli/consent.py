"""Confirmations before data is lost, imported resources are changed or a stage is removed."""
from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from ..engine.adopt import Difference
from ..engine.plan import Plan, Step
from ..errors import UserError
from .ui.cost import show_cost

if TYPE_CHECKING:
    from ..project.project import Project
    from .ui.screen import Screen

__all__ = ["agree_to_adopt", "agree_to_deploy", "agree_to_remove", "names"]


def agree_to_deploy(screen: Screen, project: Project, *, allow: Collection[str], yes: bool) -> Callable[[Plan], None]:
    """Asks before data is lost, or an empty resource takes the place of one that holds data: on a terminal its name
    must be typed, without one ``--allow-destroy`` must name it. On stage ``local`` a yes, or ``--yes``, is enough.

    On a protected stage nobody is asked: it is refused, whatever the flags say. On AWS the change of the fixed cost is
    shown first.
    """
    def agree(plan: Plan) -> None:
        show_cost(project, plan, lambda line: screen.note(screen.err_paint.line(line)))
        lost = list(plan.needs_consent)
        if lost and project.config.protect:
            raise UserError(f'stage "{project.stage}" is protected; {_losing(lost)}', where=lost[0].where,
                            hint="undo that change, or set protect=False for this stage in the config",
                            code="protected")
        lost = [s for s in lost if s.name not in allow and s.name.partition("/")[0] not in allow]
        if not lost:
            return
        if project.is_local and yes:
            return
        flags = "--yes" if project.is_local else " ".join(f"--allow-destroy {n}" for n in _tops(lost))
        if not screen.asks:
            raise UserError(_losing(lost), where=lost[0].where, hint=f"to confirm, pass {flags}", code="data-loss")
        _show(screen, lost)
        word = "" if project.is_local else _tops(lost)[0] if len(_tops(lost)) == 1 else project.stage
        question = ("Their data will be lost. Continue?" if any(s.loses_data for s in lost)
                    else "They will start empty; the old ones are kept. Continue?")
        if not screen.confirm(question, flag=flags, word=word):
            raise UserError("nothing was changed: not confirmed", code="not-confirmed")
    return agree


def agree_to_adopt(screen: Screen, *, yes: bool) -> Callable[[Sequence[Difference]], None]:
    """Shows what a deploy would change of imported resources, and asks; without a terminal ``--yes`` is needed."""
    def agree(found: Sequence[Difference]) -> None:
        from .ui.drift import difference_lines

        for line in difference_lines(found):
            screen.note(screen.err_paint.line(line))
        if not yes and not screen.confirm("Change the imported resources?", flag="--yes"):
            raise UserError("nothing was changed: not confirmed", hint="set the same values in the program",
                            code="not-confirmed")
    return agree


def agree_to_remove(screen: Screen, project: Project, *, yes: bool) -> Callable[[Plan], None]:
    """Asks before a stage is removed: on a terminal, on a stage in AWS its name must be typed; without one ``--yes``
    is needed."""
    def agree(plan: Plan) -> None:
        if yes:
            return
        if screen.asks:
            _show(screen, plan.data_loss)
        question = f'Remove all {len(plan.changes)} resources of "{project.name}" on stage "{project.stage}"?'
        if not screen.confirm(question, flag="--yes", word="" if project.is_local else project.stage):
            raise UserError("nothing was removed: not confirmed", code="not-confirmed")
    return agree


def names(given: Collection[str]) -> tuple[str, ...]:
    """``--target A,B --target C`` → ``("A", "B", "C")``."""
    return tuple(n for text in given for n in (part.strip() for part in text.split(",")) if n)


def _tops(steps: Collection[Step]) -> list[str]:
    return sorted({s.name.partition("/")[0] for s in steps})


def _losing(steps: Collection[Step]) -> str:
    lost = [s for s in steps if s.loses_data]
    empty = [s for s in steps if not s.loses_data]
    parts = []
    if lost:
        parts.append(f"delete {_words(lost)} with {'its' if len(lost) == 1 else 'their'} data")
    if empty:
        one = len(empty) == 1
        kept = ", ".join(s.old.id for s in empty if s.old)
        parts.append(f"replace {_words(empty)} by {'an empty one' if one else 'empty ones'}, and keep {kept} with "
                     f"{'its' if one else 'their'} data aside")
    return f"this deploy would {', and '.join(parts)}"


def _words(steps: Collection[Step]) -> str:
    return ", ".join(f'"{s.name}" ({s.type})' for s in steps)


def _show(screen: Screen, lost: Collection[Step]) -> None:
    from .ui.plan import loss_lines

    for line in loss_lines(lost):
        screen.note(screen.err_paint.line(line))
