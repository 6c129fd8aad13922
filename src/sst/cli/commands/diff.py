"""``sst diff``"""
from __future__ import annotations

import click

from ..call import Call, command


@command("diff")
@click.option("--target", multiple=True, metavar="NAME", help="Only these components, resources or stacks, and what they use.")
@click.option("--exclude", multiple=True, metavar="NAME", help="All but these, and what uses them.")
@click.option("--exit-code", is_flag=True, help="End with 4 if there are changes.")
def diff(call: Call, target: tuple[str, ...], exclude: tuple[str, ...], exit_code: bool) -> int:
    """Show what a deploy would change.

    Compares the program with the state; makes no call to the cloud, takes no lock. Loss of data comes first. Secret values are masked;
    what only the deploy can tell is shown as "known after deploy". With --verbose the properties of new things too.
    """
    from ...engine.plan import Choice
    from ...project.run import diff as run_diff
    from ..consent import names
    from ..ui.plan import plan_data, plan_lines, totals
    from ..ui.style import clip

    screen = call.screen
    project = call.project()
    choice = Choice(names(target), names(exclude)) if target or exclude else None
    with screen.result_only():
        plan, snapshot = run_diff(call.world(project), choice=choice, hide=screen.hide)
    if snapshot.pending:
        screen.warn(f"{len(snapshot.pending)} operations of an earlier command have not ended; the next deploy settles them first")
    if screen.as_json:
        screen.data({"app": project.name, "stage": project.stage, **plan_data(plan)})
    else:
        width = screen.size()[0] if screen.out.isatty() else 10_000
        for line in plan_lines(plan, everything=call.verbose):
            screen.line(screen.paint.line(clip(line, width)))
        if plan.changes or plan.undecided:
            screen.line(f"\n{screen.paint(f'{project.name}/{project.stage}', 'bold')}: {totals(plan)}")
        else:
            screen.done(f"{screen.paint(f'{project.name}/{project.stage}', 'bold')}: no changes ({totals(plan)})")
    return 4 if exit_code and (plan.changes or plan.undecided) else 0
