"""``sst adopt``"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..call import Call, command

if TYPE_CHECKING:
    from ...core.model import Snapshot
    from ...core.provider import Existing
    from ...engine.adopt import Adoption
    from ...engine.plan import Plan
    from ...project.project import Project
    from ...project.run import Run
    from ..ui.screen import Screen

__all__ = ["adopt", "adopt_file", "agree_to_write", "state_run", "tell"]


@command("adopt")
@click.argument("name", required=False)
@click.argument("id", required=False)
@click.option("--from", "file", metavar="FILE",
              help="Adopt what a state file of Terraform, Pulumi or SST v3/v4 holds.")
@click.option("--as", "named", multiple=True, metavar="THERE=HERE",
              help="The resource named THERE in FILE is HERE in the program.")
@click.option("--yes", is_flag=True, help="Don't ask; needed without a terminal.")
def adopt(call: Call, name: str | None, id: str | None, file: str | None, named: tuple[str, ...], yes: bool) -> None:
    """Adopt an existing resource, or all of a state file.

    NAME is a resource that the program declares and the state does not contain: Jobs, Api/Role. ID is
    that of the existing resource. With --from, each resource of FILE is adopted by the resource of the
    same type and name in the program, and all others are listed with the reason.

    Shows how what exists differs from the program, and records it in the state. Nothing changes in the
    cloud or in FILE; the next deploy updates the resources.
    """
    from ...errors import UserError
    from ...project.adopt import adopt as run_adopt

    if (file is None) == (name is None or id is None) or (file is not None and name is not None):
        raise UserError("give NAME and ID, or --from FILE", hint="sst adopt --help")
    screen, project = call.screen, call.project()
    if file is not None:
        adopt_file(call, project, file, named, yes)
        return
    with screen.result_only():
        found = run_adopt(call.backend(project), state_run(screen), lambda plan, snapshot: {str(name): str(id)},
                          agree_to_write(screen, project, yes))
    tell(screen, found)


def adopt_file(call: Call, project: Project, file: str, named: Sequence[str], yes: bool) -> None:
    """``--from``: what fits is adopted, all else is listed."""
    from ...errors import UserError
    from ...project.adopt import adopt as run_adopt
    from ...project.foreign import match, read_foreign

    screen, pairs = call.screen, _pairs(named)
    try:
        text = Path(call.cwd, file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise UserError(f"{file} can't be read: {getattr(e, 'strerror', None) or 'it is not UTF-8 text'}") from e
    foreign = read_foreign(text, file)
    left, agree = list(foreign.others), agree_to_write(screen, project, yes)

    def wanted(plan: Plan, snapshot: Snapshot) -> Mapping[str, Existing]:
        matched = match(foreign.things, plan, pairs, snapshot)
        left.extend((t.name, t.type, f"{why}; its id is {t.id}") for t, why in matched.rest)
        return matched.ids

    def list_and_agree(found: Sequence[Adoption]) -> None:
        _list(screen, left)
        agree(found)

    with screen.result_only():
        found = run_adopt(call.backend(project), state_run(screen), wanted, list_and_agree,
                          lambda step, e: left.append((step.name, step.type, e.message)))
    if not found:
        _list(screen, left)
    tell(screen, found, left)


def _list(screen: Screen, left: Sequence[tuple[str, str, str]]) -> None:
    for name, type, why in () if screen.as_json else left:
        screen.warn(f"{name}  {type}  not adopted: {why}")


def _pairs(named: Sequence[str]) -> dict[str, str]:
    from ...errors import UserError

    pairs: dict[str, str] = {}
    for text in named:
        there, _, here = text.rpartition("=")
        if not there or not here:
            raise UserError(f'--as takes THERE=HERE, not "{text}"', hint="--as JobsQueue=Jobs")
        pairs[there] = here
    return pairs


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
            raise UserError("nothing was changed: not confirmed", code="not-confirmed")
    return agree


def tell(screen: Screen, found: Sequence[Adoption], left: Sequence[tuple[str, str, str]] | None = None) -> None:
    """What was written, and what the next deploy would do. ``left``: name, type and reason of what was not adopted."""
    from ..ui.drift import difference_data

    if screen.as_json:
        screen.data({"adopted": [{"urn": a.state.urn, "type": a.state.type, "id": a.state.id,
                                  "differences": difference_data(a.differences)} for a in found],
                     **({} if left is None else {"left": [{"name": n, "type": t, "why": w} for n, t, w in left]})})
        return
    n = sum(len(a.differences) for a in found)
    after = f"; `sst deploy` changes {n} {'property' if n == 1 else 'properties'} there" if n else ""
    screen.done(f"{len(found)} adopted into the state{after}")
