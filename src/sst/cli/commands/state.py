"""``sst state``"""
from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from ...core.model import deposed_key, name_of
from ..call import Call, group, pass_call


@group("state")
def state() -> None:
    """Inspect and edit the state of a stage."""


@state.command("list")
@pass_call
def list_(call: Call) -> None:
    """List the resources of the stage: name, type, id."""
    project, screen = call.project(broken=True), call.screen
    stage = call.backend(project).stage
    snapshot = stage.load()
    for text in stage.warnings:
        screen.warn(text)
    found = [*snapshot.resources.values(), *snapshot.deposed.values()]
    if screen.as_json:
        screen.data([{"urn": s.urn, "name": name_of(s.urn), "type": s.type, "id": s.id, "stack": s.stack,
                      "where": s.where,
                      "retained": s.retained, "protect": s.protect, "deposed": deposed_key(s) in snapshot.deposed}
                      for s in found])
        return
    rows = [(name_of(s.urn), s.type, s.id, "replaced, to be deleted" if deposed_key(s) in snapshot.deposed
             else "retained" if s.retained else "protected" if s.protect else "") for s in found]
    if rows:
        screen.table(sorted(rows))
    screen.dim(f"{project.name}/{project.stage}: {len(snapshot.resources)} resources" + (
        f", {len(snapshot.pending)} unfinished operations" if snapshot.pending else ""))


@state.command("export")
@click.option("--secrets", is_flag=True, help="Show secret values in plain text.")
@pass_call
def export(call: Call, secrets: bool) -> None:
    """Print the whole state as JSON. Secret values are masked."""
    from ...project.export import exported

    stage = call.backend(call.project(broken=True)).stage
    snapshot = stage.load()
    for text in stage.warnings:
        call.screen.warn(text)
    call.screen.data(exported(snapshot, secrets=secrets))


@state.command("history")
@pass_call
def history(call: Call) -> None:
    """List the kept versions of the state, with who deployed them and from which commit."""
    from ...project.deploy_record import read_records

    project, screen = call.project(broken=True), call.screen
    stage = call.backend(project).stage
    versions, records = stage.history(), read_records(stage.store, stage.prefix)
    if screen.as_json:
        from dataclasses import asdict

        screen.data([asdict(v) | {"deploy": records.get(v.serial)} for v in versions])
        return
    for v in versions:
        when = datetime.fromtimestamp(v.time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        screen.line(f"{v.serial:>5}  {when}  {v.command:<12} {v.resources} resources"
                    + _deploy_words(records.get(v.serial)) + (f"  DAMAGED: {v.damage}" if v.damage else ""))


def _deploy_words(record: Mapping[str, Any] | None) -> str:
    if record is None:
        return ""
    commit = f"{str(record['commit'])[:8]}{'+' if record.get('dirty') else ''}" if record.get("commit") else ""
    failed = f"{record['failed']} failed" if record.get("failed") else ""
    words = (f"{record['seconds']:.1f} s", failed, str(record.get("user", "")), commit, str(record.get("ci", "")))
    return "  " + "  ".join(word for word in words if word)


@state.command("restore")
@click.argument("serial", type=int)
@click.option("--yes", is_flag=True, help="Don't ask; needed without a terminal.")
@pass_call
def restore(call: Call, serial: int, yes: bool) -> None:
    """Restore an earlier version, by its number in `sst state history`.

    Changes only the state. Resources that only newer versions hold are kept in it. The next deploy reads
    everything in the cloud first, then updates it.
    """
    from ...errors import UserError

    project, screen = call.project(broken=True), call.screen
    stage = call.backend(project).stage
    before = stage.version(serial)
    if not yes and not screen.confirm(f'Restore version {serial} of "{project.name}" on stage "{project.stage}"?',
                                      flag="--yes"):
        raise UserError("nothing was changed: not confirmed", code="not-confirmed")
    made = stage.restore(serial)
    for text in stage.warnings:
        screen.warn(text)
    known = {s.id for s in (*before.resources.values(), *before.deposed.values())}
    if kept := [s for s in (*made.resources.values(), *made.deposed.values()) if s.id not in known]:
        screen.warn("kept, since only newer versions hold them: " + ", ".join(sorted(name_of(s.urn) for s in kept)))
    if screen.as_json:
        screen.data({"serial": made.serial, "restored": serial})
    else:
        screen.done(f"state {serial} is restored as {made.serial}")


from . import state_edit as _  # noqa: E402,F401  # adds diff, repair, rm, mv, import
