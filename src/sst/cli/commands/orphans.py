"""``sst orphans``"""
from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from ..call import Call, command

if TYPE_CHECKING:
    from ...clouds.tagged import TaggedResource
    from ...project.orphans import Orphans
    from ...project.project import Project
    from ..ui.screen import Screen


@command("orphans")
@click.option("--remove", is_flag=True, help="Delete those of this stage's own state.")
@click.option("--lineage", metavar="ID", help="With --remove: delete those of another state instead.")
@click.option("--allow-destroy", multiple=True, metavar="NAME", help="Allow deleting this resource with its data.")
@click.option("--yes", is_flag=True, help="Don't ask; needed without a terminal.")
def orphans(call: Call, remove: bool, lineage: str | None, allow_destroy: tuple[str, ...], yes: bool) -> None:
    """List resources with this app's tags that are in no state.

    Considers only resources with the tags of this app, this stage and the lineage of a state. Resources
    of other states of the same app and stage are listed separately, and deleted only if --lineage
    names their state. Resources that hold data are kept unless --allow-destroy names them.
    """
    from ...errors import DeployError, UserError
    from ...project.orphans import find_orphans, remove_orphans
    from ..consent import names
    from .adopt import state_run

    if lineage and not remove:
        raise UserError("--lineage goes with --remove", hint="without it all are listed")
    screen, project = call.screen, call.project(broken=True)
    backend = call.backend(project)
    if not remove:
        _show(screen, project, find_orphans(backend))
        return

    def agree(todo: Sequence[TaggedResource]) -> None:
        if yes:
            return
        for c in todo:
            screen.note(f"  {c.name}  {c.type}  {c.id}" + ("  with its data" if c.holds_data else ""))
        if not screen.confirm(f"Delete these {len(todo)}?", flag="--yes",
                              word="" if project.is_local else project.stage):
            raise UserError("nothing was deleted: not confirmed", code="not-confirmed")

    done = remove_orphans(backend, state_run(screen), lineage=lineage or "", allow=names(allow_destroy), agree=agree)
    if screen.as_json:
        screen.data({"deleted": [_data(c) for c in done.deleted], "kept": [_data(c) for c in done.kept]})
    for c in done.kept:
        way = (f', and stage "{project.stage}" is protected' if project.config.protect
               else f"; --allow-destroy {c.name} deletes it")
        screen.warn(f"{c.name}  {c.type}  {c.id}  was kept: it holds data{way}")
    if done.failures:
        raise DeployError(done.failures)
    screen.done(f"{project.name}/{project.stage}: {len(done.deleted)} deleted")


def _show(screen: Screen, project: Project, found: Orphans) -> None:
    if screen.as_json:
        screen.data({"lineage": found.lineage, "orphans": [_data(c) for c in found.own],
                     "others": [_data(c) for c in found.others]})
        return
    if found.own:
        screen.table([(c.name, c.type, c.id, "holds data" if c.holds_data else "") for c in found.own])
    screen.done(f"{project.name}/{project.stage}: {len(found.own) or 'no'} orphans"
                + ("; --remove deletes them" if found.own else ""))
    for lineage, some in groupby(sorted(found.others, key=lambda c: c.lineage), key=lambda c: c.lineage):
        screen.line(f"\nOf another state of this app and stage, lineage {lineage}:")
        screen.table([(c.name, c.type, c.id, "holds data" if c.holds_data else "") for c in some], indent="  ")


def _data(c: TaggedResource) -> dict[str, Any]:
    return {"name": c.name, "type": c.type, "id": c.id, "urn": c.urn, "lineage": c.lineage, "holds_data": c.holds_data}
