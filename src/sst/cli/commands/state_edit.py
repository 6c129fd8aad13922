"""The parts of ``sst state`` that write the state, or compare two of its versions."""
from __future__ import annotations

from collections.abc import Sequence

import click

from ..call import Call, pass_call
from .state import state

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
            raise UserError("nothing was changed: not confirmed", code="not-confirmed")

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
