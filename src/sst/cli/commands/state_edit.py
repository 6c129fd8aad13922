"""The parts of ``sst state`` that write the state, or compare two of its versions."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..call import Call, pass_call
from .state import state

if TYPE_CHECKING:
    from ...core.model import Snapshot
    from ...engine.plan import Plan

_YES = click.option("--yes", is_flag=True, help="Don't ask; needed without a terminal.")


@state.command("diff")
@click.argument("a", type=click.IntRange(min=0))
@click.argument("b", type=click.IntRange(min=0), required=False)
@pass_call
def diff(call: Call, a: int, b: int | None) -> None:
    """Compare two versions, by their numbers in `sst state history`.

    Without B, compares version A with the current state. 0 is the empty state.
    """
    from ...project.versions import compare
    from ..ui.plan import change_lines

    project, screen = call.project(broken=True), call.screen
    changes = compare(call.backend(project), a, b, hide=screen.hide)
    if screen.as_json:
        screen.data({"a": a, "b": b, "changes": changes})
        return
    for change in changes:
        for line in change_lines(change):
            screen.line(screen.paint.line(line))
    to = f"version {b}" if b is not None else "the state as it is now"
    screen.dim(f"{len(changes) or 'no'} {'difference' if len(changes) == 1 else 'differences'} between version {a} and "
               f"{to}")


@state.command("repair")
@click.option("--drop-secrets", is_flag=True, help="If the values of sst secret set can't be read, start without them.")
@pass_call
def repair(call: Call, drop_secrets: bool) -> None:
    """Check every object of the state; repair the newest version if it is damaged.

    Restores the content from the last good version and the journal since then. If that is not possible,
    nothing is written and the damaged object is named.
    """
    from ...project.versions import repair as run_repair

    project, screen = call.project(broken=True), call.screen
    done = run_repair(call.backend(project), drop_secrets=drop_secrets)
    if screen.as_json:
        screen.data({"repaired": done.serial, "from": list(done.used), "damaged": list(done.damaged)})
        return
    for text in done.used:
        screen.warn(text)
    for text in done.damaged:
        screen.warn(f"{text}; only `sst state restore` and `sst rollback` need it")
    screen.done(f"version {done.serial} is complete" if done.serial else "nothing needs repair")


@state.command("rm")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@_YES
@pass_call
def rm(call: Call, names: tuple[str, ...], yes: bool) -> None:
    """Remove resources from the state without deleting them.

    NAME is a resource, a component with all its resources, or a URN. If the program still declares them,
    the next deploy creates new ones.
    """
    from ...errors import UserError
    from ...project.adopt import forget
    from .adopt import state_run

    project, screen = call.project(broken=True), call.screen

    def agree(shown: Sequence[str]) -> None:
        if yes:
            return
        for text in shown:
            screen.note(f"  {text}")
        if not screen.confirm(f"Remove {len(shown)} from the state? They stay in the cloud.", flag="--yes"):
            raise UserError("nothing was changed: not confirmed")

    gone = forget(call.backend(project), state_run(screen), names, agree)
    if screen.as_json:
        screen.data({"dropped": gone})
    else:
        screen.done(f"{len(gone)} removed from the state; the cloud was not changed")


@state.command("resolve")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--absent", is_flag=True, required=True, help="They do not exist: the next deploy creates them.")
@pass_call
def resolve(call: Call, names: tuple[str, ...], absent: bool) -> None:
    """Resolve unfinished creates whose result can't be looked up.

    A deploy names these resources, and skips them and their dependents. If such a resource exists, adopt it with
    `sst adopt NAME ID` instead.
    """
    from ...project.adopt import resolve_absent
    from .adopt import state_run

    project, screen = call.project(broken=True), call.screen
    done = resolve_absent(call.backend(project), state_run(screen), names)
    if screen.as_json:
        screen.data({"absent": done})
    else:
        screen.done(f"{', '.join(done)}: recorded as not created")


@state.command("mv")
@click.argument("old")
@click.argument("new")
@pass_call
def mv(call: Call, old: str, new: str) -> None:
    """Rename a resource or component in the state.

    Use the new name in the program too; then nothing is re-created. OLD and NEW are names, or two URNs.
    """
    from ...project.adopt import rename
    from .adopt import state_run

    project, screen = call.project(broken=True), call.screen
    moved = rename(call.backend(project), state_run(screen), old, new)
    if screen.as_json:
        screen.data({"moved": [{"from": a, "to": b} for a, b in moved]})
    else:
        screen.done(f"{len(moved)} moved from {old} to {new}")


@state.command("import")
@click.argument("file")
@click.option("--as", "named", multiple=True, metavar="THERE=HERE",
              help="The resource named THERE in the file is HERE in the program.")
@_YES
@pass_call
def import_(call: Call, file: str, named: tuple[str, ...], yes: bool) -> None:
    """Adopt the resources in a state file of SST v3/v4, Pulumi or Terraform.

    A resource in the file is adopted by the resource of the same type and name in the program; all
    others are listed. Writes only the state of this stage; the cloud and FILE are not changed.
    """
    from ...errors import UserError
    from ...project.adopt import adopt
    from ...project.foreign import match, read_foreign
    from ..ui.drift import difference_data
    from .adopt import agree_to_write, state_run, tell

    screen = call.screen
    try:
        text = Path(call.cwd, file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise UserError(f"{file} can't be read: {getattr(e, 'strerror', None) or 'it is not UTF-8 text'}") from e
    foreign = read_foreign(text, file)
    pairs = _pairs(named)
    project = call.project()
    left: list[tuple[str, str, str]] = list(foreign.others)

    def wanted(plan: Plan, snapshot: Snapshot) -> Mapping[str, str]:
        matched = match(foreign.things, plan, pairs)
        left.extend((t.name, t.type, f"{why}; its id is {t.id}") for t, why in matched.rest)
        return matched.ids

    with screen.result_only():
        found = adopt(call.backend(project), state_run(screen), wanted, agree_to_write(screen, project, yes))
    if screen.as_json:
        screen.data({"adopted": [{"urn": a.state.urn, "type": a.state.type, "id": a.state.id,
                                  "differences": difference_data(a.differences)} for a in found],
                     "left": [{"name": n, "type": t, "why": w} for n, t, w in left]})
        return
    for name, type, why in left:
        screen.warn(f"{name}  {type}  not adopted: {why}")
    tell(screen, found)


def _pairs(named: Sequence[str]) -> dict[str, str]:
    from ...errors import UserError

    pairs: dict[str, Any] = {}
    for text in named:
        there, _, here = text.rpartition("=")
        if not there or not here:
            raise UserError(f'--as takes THERE=HERE, not "{text}"', hint="--as JobsQueue=Jobs")
        pairs[there] = here
    return pairs
