"""``sst diff``"""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..call import Call, command

if TYPE_CHECKING:
    from ...console.model import View
    from ...engine.adopt import Difference
    from ...engine.plan import Plan
    from ...engine.three_way import Row
    from ...project.backend import Backend
    from ...project.project import Project


@command("diff")
@click.option("--target", multiple=True, metavar="NAME",
              help="Only these components, resources or stacks, and their dependencies.")
@click.option("--exclude", multiple=True, metavar="NAME", help="All except these and what depends on them.")
@click.option("--refresh", is_flag=True, help="Read the cloud too: show what was changed by hand, and plan against "
                                              "that.")
@click.option("-o", "--output", metavar="FILE", help="Save the plan, for `sst deploy FILE`.")
@click.option("--markdown", is_flag=True, help="Print Markdown for a pull request, with a Mermaid diagram.")
@click.option("--html", metavar="FILE", help="Write one HTML file with the graph; needs no network.")
@click.option("--exit-code", is_flag=True, help="Exit with 4 if there are changes.")
def diff(call: Call, target: tuple[str, ...], exclude: tuple[str, ...], refresh: bool, output: str | None,
         markdown: bool, html: str | None, exit_code: bool) -> int:
    """Show what a deploy would change.

    Compares the program with the state. Makes no call to the cloud (except with --refresh) and takes
    no lock. Data loss is listed first. Secret values are masked; values that are not known yet are
    shown as "known after deploy". --verbose also shows the properties of new resources.
    """
    from ...engine.plan import Choice
    from ...engine.plan_json import plan_data
    from ...errors import UserError
    from ...project.budget import keep_within
    from ...project.refresh import diff_refreshed
    from ...project.run import diff as run_diff
    from ...project.saved_plan import save_plan
    from ..consent import names
    from ..ui.cost import cost_data
    from ..ui.drift import difference_data

    if refresh and output:
        raise UserError("a plan with --refresh can't be saved",
                        hint="run `sst refresh` first, then sst diff -o plan.json")
    screen = call.screen
    if markdown and screen.as_json:
        raise UserError("--markdown and --json can't be used together", code="usage",
                        hint="choose one of them; `sst diff --json --html FILE` gives a report beside the JSON")
    project = call.project()
    backend = call.backend(project)
    choice = Choice(names(target), names(exclude)) if target or exclude else None
    rows: Sequence[Row] = ()
    imported: Sequence[Difference] = ()
    with screen.result_only():
        if refresh:
            seen = diff_refreshed(backend, choice=choice, hide=screen.hide)
            rows, imported, plan, snapshot = seen.rows, seen.imported, seen.plan, seen.snapshot
        else:
            plan, snapshot = run_diff(backend, choice=choice, hide=screen.hide, keep=bool(output), warn=screen.warn)
    if snapshot.pending:
        screen.warn(f"{len(snapshot.pending)} operations of an earlier command have no recorded result; the next "
                    "deploy settles them first")
    if output:
        save_plan(backend, Path(call.cwd, output).resolve(), plan, snapshot, choice=choice)
    if html or markdown:
        _report(call, backend, plan, markdown, html)
    if screen.as_json:
        more = {"drift": [r.data for r in rows], "imported": difference_data(imported)} if refresh else {}
        screen.data({"app": project.name, "stage": project.stage, **plan_data(plan), **more,
                     **cost_data(project, plan)})
    elif not markdown:
        _show(call, project, plan, rows if refresh else None, imported)
        if output:
            screen.done(f"the plan is saved; apply it with `sst deploy {output}`")
    keep_within(project, plan, screen.warn, refuse=False)
    return 4 if exit_code and (plan.changes or plan.undecided or rows) else 0


def _show(call: Call, project: Project, plan: Plan, drifted: Sequence[Row] | None,
          imported: Sequence[Difference]) -> None:
    """``drifted`` is None unless the cloud was read, too."""
    from ..ui.cost import show_cost
    from ..ui.drift import difference_lines, drift_lines
    from ..ui.plan import show_plan

    screen = call.screen
    if drifted is not None:
        screen.line("Changed outside sst:" if drifted else "No changes were made outside sst.")
    for line in drift_lines(drifted or ()):
        screen.line(screen.paint.line(line))
    if imported:
        screen.line("\nImported resources differ from the program:")
    for line in difference_lines(imported):
        screen.line(screen.paint.line(line))
    if drifted:
        screen.line("\nWhat `sst refresh` and then `sst deploy` would do:")
    show_plan(screen, plan, f"{project.name}/{project.stage}", everything=call.verbose)
    show_cost(project, plan, lambda line: screen.line(screen.paint.line(line)))


def _view(backend: Backend, plan: Plan) -> View:
    from ...console.model import planned, view_of
    from ...project.picture import picture

    view = view_of(picture(backend, empty=True))
    planned(view, plan)
    return view


def _report(call: Call, backend: Backend, plan: Plan, markdown: bool, html: str | None) -> None:
    """For a pull request: to standard output, and as a file."""
    from ...console import report

    view, screen = _view(backend, plan), call.screen
    title = f"{backend.project.name}/{backend.project.stage}"
    if html:
        Path(call.cwd, html).write_text(screen.redact(report.page(plan, view, title)), encoding="utf-8")
        screen.note(f"the plan is in {html}")
    if markdown:
        screen.out.write(screen.redact(report.markdown(plan, view, title)))
