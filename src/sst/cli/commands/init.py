"""``sst init``"""
from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..call import Call, command

if TYPE_CHECKING:
    from ...project.starter import Write


@command("init")
@click.option("--yes", is_flag=True, help="Write without asking.")
def init(call: Call, yes: bool) -> None:
    """Set up a project in this folder.

    Detects web apps by the files of their frameworks, in this folder or in those of a
    repository of several, and writes what is missing: sst_config.py, a handler if there is no
    app yet, .sst/stage (stage local) and a line in .gitignore. Existing files are never
    overwritten.
    """
    from ...project.starter import look, starter

    screen, root = call.screen, call.cwd
    found = look(root)
    writes = starter(root, found)
    names = [str(w.path.relative_to(root)) for w in writes]
    if screen.as_json:
        facts = {"name": found.name, "kind": found.kind, "wrote": names,
                 "apps": [{"kind": a.kind, "component": a.component, "name": a.name, "place": a.place}
                          for a in found.apps]}
    elif not writes:
        screen.done("this folder is set up already")
        return
    else:
        apps = ", ".join(screen.paint(a.place, "bold") for a in found.apps if a.place != ".")
        what = "an empty folder" if found.kind == "empty" else (
            f"a project of {found.kind}{f' ({apps})' if apps else ''}" if found.apps else f"a {found.kind} project")
        screen.line(f"This is {what}. To write:")
        for write, name in zip(writes, names, strict=True):
            screen.line(f"  {screen.paint('~' if write.adds else '+', 'yellow' if write.adds else 'green')} {name}")
        if not yes and screen.asks and screen.ask("Go on? (Y/n)", "y").lower() not in ("y", "yes"):
            screen.line("Nothing was written.")
            return
    for write in reversed(writes):      # sst_config.py last: as long as it is missing, another try writes the rest
        _write(write)
    if screen.as_json:
        screen.data(facts)
        return
    screen.done(f'"{found.name}" is set up. Next: {screen.paint("sst dev", "bold")}, or '
                f'{screen.paint("sst deploy", "bold")} '
                "(stage local: on this machine, no account needed)")


def _write(write: Write) -> None:
    """Write a file as a whole or, on a full disk, not at all."""
    write.path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with write.path.open("a" if write.adds else "x", encoding="utf-8") as file:
            file.write(write.text)
    except FileExistsError:
        raise
    except OSError as e:
        if not write.adds:
            write.path.unlink(missing_ok=True)
        raise OSError(e.errno, e.strerror, str(write.path)) from e
