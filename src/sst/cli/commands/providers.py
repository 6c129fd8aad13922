"""``sst providers``"""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..call import Call, group, pass_call

if TYPE_CHECKING:
    from ...plugins.lock import Locked
    from ...project.providers import ProjectProviders
    from ...project.rehearsal import Rehearsal


NONE = "no providers; `sst add NAME` adds one"


def opened(call: Call) -> ProjectProviders:
    """The providers of the project here."""
    from ...project.dotenv import merge
    from ...project.find import find_config
    from ...project.providers import ProjectProviders

    call.root = find_config(call.cwd, call.config).parent
    return ProjectProviders(call.root, merge(call.environ, call.root), call.screen.note)


def keep_types(call: Call, here: ProjectProviders) -> None:
    """Bring the types of `sst.providers` up to date, and say so if that is not possible."""
    if told := here.write_types():
        call.screen.note(told)


@group("providers")
def providers() -> None:
    """Manage the providers of sst.lock.

    `sst add` adds one, `sst install` installs what is locked.
    """


@providers.command("list")
@click.option("--newer", is_flag=True, help="Ask the registries for newer versions.")
@pass_call
def list_(call: Call, newer: bool) -> None:
    """List the providers."""
    found = opened(call).listed(ask=newer)
    if call.screen.as_json:
        call.screen.data([{"name": f.locked.name, "source": str(f.locked.source), "version": f.locked.version,
                           "constraint": f.locked.constraint, "key": f.locked.key, "bytes": f.size,
                           "newer": f.newest} for f in found])
        return
    call.screen.table([(f.locked.name, f.locked.version + (f" (newer: {f.newest})" if f.newest else ""),
                        str(f.locked.source), f.locked.key or "not signed",
                        f"{f.size / 1e6:.1f} MB" if f.size else "not installed") for f in found])
    if not found:
        call.screen.note(NONE)


@providers.command("why")
@click.argument("name")
@pass_call
def why(call: Call, name: str) -> None:
    """Show what needs a provider.

    Each resource of the program with its file and line, what only the stage's state still has, and the
    constraint of sst.lock.
    """
    from ...project.providers import uses
    from ...project.run import prepared_graph

    one = opened(call).lock.named(name)
    project = call.project()
    backend = call.backend(project)
    graph = prepared_graph(backend, call.screen.hide, only_plan=True)
    project.declare(graph)
    found = uses(name, graph, backend.stage.load())
    if call.screen.as_json:
        call.screen.data({"name": name, "version": one.version, "constraint": one.constraint,
                          "uses": [{"name": u.name, "type": u.type, "where": u.where, "instance": u.instance}
                                   for u in found]})
        return
    call.screen.note(f"{one}, locked {f'for {one.constraint}' if one.constraint else 'without a constraint'}")
    call.screen.table([(u.name, u.type, u.where, f"through {u.instance}" if u.instance else "") for u in found])
    if not found:
        call.screen.note(f"nothing in stage {project.stage} needs it; `sst providers remove {name}` removes it")


@providers.command("upgrade")
@click.argument("names", metavar="[NAME[@VERSION]]...", nargs=-1)
@click.option("--yes", is_flag=True, help="Don't ask; needed without a terminal.")
@pass_call
def upgrade(call: Call, names: tuple[str, ...], yes: bool) -> None:
    """Lock newer versions.

    All providers, or those that are named. Without VERSION it is the newest that fits the constraint in
    sst.lock. Before sst.lock is changed, the stage is planned with the new versions: what their types do
    not have any more or need now, how many states they convert, and what a deploy would change.
    """
    from ...errors import UserError

    here, screen = opened(call), call.screen
    found = here.upgrade(names)
    for old, new, gone in found:
        screen.note(f"{old.name}: {old.version} → {new.version}")
        for type in gone:
            screen.warn(f"{new.name} {new.version} has no {type} any more")
    rehearsed = _rehearsed(call, here, [(old, new) for old, new, _ in found]) if found else None
    if found and not yes and not screen.confirm("Change sst.lock?", flag="--yes"):
        raise UserError("sst.lock was not changed: not confirmed", code="not-confirmed")
    here.keep(*(new for _, new, _ in found))
    keep_types(call, here)
    if screen.as_json:
        more = {"rehearsal": _data(rehearsed)} if rehearsed else {}
        screen.data([{"name": o.name, "from": o.version, "to": n.version, "gone": g, **more} for o, n, g in found])
    elif not found:
        screen.done("everything is up to date")


def _rehearsed(call: Call, here: ProjectProviders, changes: Sequence[tuple[Locked, Locked]]) -> Rehearsal | None:
    """Show what the stage would become; None, with the reason, where that can't be told."""
    from ...errors import SstError
    from ...project.rehearsal import rehearse

    screen, lock = call.screen, here.lock
    for _, new in changes:
        lock = lock.with_provider(new)
    try:
        made = rehearse(call.backend(call.project()), lambda: call.backend(call.project(lock=lock)), changes,
                        (here.catalogue(), here.catalogue(lock)), screen.hide)
    except SstError as e:
        screen.note(f"not rehearsed: {e.message}")
        return None
    for line in made.differences:
        screen.warn(line)
    said = f"{made.resources} resource{'s' if made.resources != 1 else ''}, {made.converted} of them converted"
    if made.problem:
        screen.warn(f"{said}; the program can't be planned with it: {made.problem.message}"
                    + (f" ({made.problem.where})" if made.problem.where else ""))
    elif made.plan and made.plan.changes:
        from ..ui.plan import plan_lines

        screen.note(f"{said}; a deploy would also do this:")
        for shown in plan_lines(made.plan):
            screen.note("".join(text for text, _ in shown))
    else:
        screen.note(f"{said}; a deploy would change nothing because of it")
    return made


def _data(made: Rehearsal) -> dict[str, object]:
    from ...engine.plan_json import plan_data

    return {"resources": made.resources, "converted": made.converted, "differences": list(made.differences),
            "problem": made.problem.message if made.problem else "", **(plan_data(made.plan) if made.plan else {})}


@providers.command("remove")
@click.argument("name")
@pass_call
def remove(call: Call, name: str) -> None:
    """Remove a provider from sst.lock.

    Refused while the stage has resources of it.
    """
    here = opened(call)
    here.lock.named(name)
    one = here.remove(name, call.backend(call.project()).stage.load())
    call.screen.done(f"removed {one} from sst.lock")


@providers.command("lock")
@pass_call
def lock(call: Call) -> None:
    """Read the hashes of all platforms again.

    They are taken from the registry and trusted as at the first `sst add`: for a lock that was made from a mirror,
    and after a publisher changed a package under the same version.
    """
    found = opened(call).lock_again()
    for one in found:
        call.screen.done(f"locked {one} with {len(one.hashes)} hashes")
    if not found:
        call.screen.note(NONE)


@providers.command("mirror")
@click.argument("folder", type=click.Path(path_type=Path))
@pass_call
def mirror(call: Call, folder: Path) -> None:
    """Copy the installed packages into a folder.

    In Terraform's layout, for this machine's platform. On a machine without network SST_PROVIDER_DIR
    names the folder.
    """
    made = opened(call).mirror(call.cwd / folder)
    call.screen.done(f"copied {len(made)} packages to {folder}")


@providers.command("types")
@pass_call
def types(call: Call) -> None:
    """Write the types of all providers into the virtual environment.

    For type checkers and editors. `sst add`, `sst install` and `sst providers upgrade` do it, too.
    """
    here = opened(call)
    keep_types(call, here)
    call.screen.done(f"types of {len(here.lock.providers)} providers")


@providers.command("schema")
@click.argument("type", metavar="TYPE")
@pass_call
def schema(call: Call, type: str) -> None:
    """Show the arguments and outputs of a type.

    TYPE is vercel.Project, vercel.data.Project or vercel.Provider.
    """
    lines = list(opened(call).schema(type))
    if call.screen.as_json:
        call.screen.data([{"name": x.name, "type": x.kind, "notes": x.note, "description": x.text} for x in lines])
    else:
        call.screen.table([(x.name, x.kind, x.note, x.text) for x in lines])
