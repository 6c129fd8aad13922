"""``sst refresh``"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ..call import Call, command

if TYPE_CHECKING:
    from ...engine.three_way import Row
    from ...project.refresh import Decide, Decision
    from ..ui.screen import Screen


@command("refresh")
@click.option("--target", multiple=True, metavar="NAME", help="Read only these components, resources or stacks.")
@click.option("--exclude", multiple=True, metavar="NAME", help="Read all except these.")
@click.option("--accept", multiple=True, metavar="NAME",
              help="Accept differences of Jobs, Api/Role or Jobs.delay_seconds.")
@click.option("--revert", multiple=True, metavar="NAME", help="Restore the state's values there.")
@click.option("--yes", is_flag=True, help="Accept all other differences.")
def refresh(call: Call, target: tuple[str, ...], exclude: tuple[str, ...], accept: tuple[str, ...],
            revert: tuple[str, ...],
            yes: bool) -> None:
    """Find changes made outside sst, and accept or revert them.

    Reads all resources of the state from the cloud, in parallel, and shows each difference beside the
    program's value. Accepting writes the cloud's value to the state; the next deploy then compares
    it with the program. Reverting restores the state's value in the cloud at once.
    """
    from contextlib import ExitStack

    from ...engine.plan import Choice
    from ...project.refresh import refresh as run_refresh
    from ...project.run import Run
    from ..consent import agree_to_deploy, names
    from ..interrupt import interruptible
    from ..lazily import lazily

    screen, project = call.screen, call.project()
    choice = Choice(names(target), names(exclude)) if target or exclude else None
    decide = _decide(screen, names(accept), names(revert), yes)
    with ExitStack() as stack, screen.result_only(), interruptible(screen) as interrupts:
        sink = interrupts.over(lazily(screen, stack, silent=screen.as_json))
        run = Run(sink, agree_to_deploy(screen, project, allow=(), yes=yes), warn=screen.warn, hide=screen.hide,
                  stop=interrupts.stop,
                  choice=choice)
        done = run_refresh(call.backend(project), run, decide, names=[*names(accept), *names(revert)])
    done.result.check()
    if done.result.interrupted:
        screen.warn("interrupted: the state has the cloud's values; `sst deploy` applies the program's")
        raise KeyboardInterrupt
    kept, back = len(done.decision.accept), len(done.decision.revert)
    left = len(done.rows) - kept - back
    if screen.as_json:
        screen.data({"drift": [r.data for r in done.rows], "accepted": [r.label for r in done.decision.accept],
                     "reverted": [r.label for r in done.decision.revert]})
    elif not done.rows:
        screen.done(f"{project.name}/{project.stage}: no drift")
    else:
        told = ((kept, "accepted into the state"), (back, "reverted in the cloud"), (left, "left as it is"))
        words = [f"{n} {word}" for n, word in told if n]
        screen.done(f"{project.name}/{project.stage}: {', '.join(words)}")


def _decide(screen: Screen, accept: Sequence[str], revert: Sequence[str], yes: bool) -> Decide:
    from ...engine.three_way import pick
    from ...errors import UserError
    from ...project.refresh import Decision
    from ..ui.drift import drift_lines
    from ..ui.style import clip

    def decide(rows: Sequence[Row]) -> Decision:
        if not screen.as_json:
            width = screen.size()[0] if screen.out.isatty() else 10_000
            for line in drift_lines(rows):
                screen.line(screen.paint.line(clip(line, width)))
            screen.out.flush()
        back, kept = pick(rows, revert), pick(rows, accept)
        if both := [r.label for r in kept if r in back]:
            raise UserError(f"{', '.join(both)} can't be both accepted and reverted")
        rest = [r for r in rows if r not in back and r not in kept]
        if yes:
            return Decision([*kept, *rest], back)
        if rest and screen.asks:
            return _asked(screen, rest, kept, back)
        if not (accept or revert):
            count = len({row.drift.urn for row in rows})
            raise UserError(f"{count} {'resource differs' if count == 1 else 'resources differ'} in the cloud: "
                            "confirmation needed, and there is no terminal",
                            hint="pass --yes to accept all into the state, or --accept NAME, --revert NAME")
        return Decision(kept, back)
    return decide


def _asked(screen: Screen, rest: Sequence[Row], kept: list[Row], back: list[Row]) -> Decision:
    from ...project.refresh import Decision

    for row in rest:
        while (answer := screen.ask(f"{row.label}: accept, revert or leave? (a/r/L)",
                                    "l").lower()[:1]) not in ("a", "r", "l"):
            screen.note("a: accept, write the cloud's value to the state; r: revert it in the cloud; l: leave both")
        if answer != "l":
            (kept if answer == "a" else back).append(row)
    return Decision(kept, back)
