"""``sst adopt``"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from ..call import Call, command

if TYPE_CHECKING:
    from ...engine.adopt import Adoption
    from ...project.project import Project
    from ...project.run import Run
    from ..ui.screen import Screen

__all__ = ["adopt", "agree_to_write", "state_run", "tell"]


@command("adopt")
@click.argument("name")
@click.argument("id")
@click.option("--yes", is_flag=True, help="Don't ask; needed without a terminal.")
def adopt(call: Call, name: str, id: str, yes: bool) -> None:
    """Adopt an existing resource.

    NAME is a resource that the program declares and the state does not contain: Jobs, Api/Role.
    Shows how the existing resource with this ID differs from the program, and records it in the
    state. Nothing changes in the cloud; the next deploy updates the resource.
    """
    from ...project.adopt import adopt as run_adopt

    screen, project = call.screen, call.project()
    with screen.result_only():
        found = run_adopt(call.backend(project), state_run(screen), lambda plan, snapshot: {name: id},
                          agree_to_write(screen, project, yes))
    tell(screen, found)


def state_run(screen: Screen) -> Run:
    """For commands that write the state alone."""
    from ...project.run import Run

    return Run(lambda event: None, lambda plan: None, warn=screen.warn, hide=screen.hide)


def agree_to_write(screen: Screen, project: Project, yes: bool) -> Callable[[Sequence[Adoption]], None]:
    from ...errors import UserError
    from ..ui.drift import difference_lines

    def agree(found: Sequence[Adoption]) -> None:
        if not screen.as_json:
            for one in found:
                if not one.differences:
                    screen.line(f"« {one.state.urn.rpartition('::')[2]}  {one.state.type}  {one.state.id}")
                for line in difference_lines(one.differences):
                    screen.line(screen.paint.line(line))
            screen.out.flush()
        question = (f'Write to the state of "{project.name}" on stage "{project.stage}" that {len(found)} of these '
                    'exist?')
        if not yes and not screen.confirm(question, flag="--yes"):
            raise UserError("nothing was changed: not confirmed")
    return agree


def tell(screen: Screen, found: Sequence[Adoption]) -> None:
    """What was written, and what the next deploy would do."""
    from ..ui.drift import difference_data

    if screen.as_json:
        screen.data({"adopted": [{"urn": a.state.urn, "type": a.state.type, "id": a.state.id,
                                  "differences": difference_data(a.differences)} for a in found]})
        return
    n = sum(len(a.differences) for a in found)
    after = f"; `sst deploy` changes {n} {'property' if n == 1 else 'properties'} there" if n else ""
    screen.done(f"{len(found)} adopted into the state{after}")
