"""``sst invoke``"""
from __future__ import annotations

import json
from pathlib import Path

import click

from ..call import Call, command


@command("invoke")
@click.argument("name")
@click.option("--event", metavar="JSON", default="{}",
              help="The event: JSON, @FILE, or - for standard input. Default: {}.")
def invoke(call: Call, name: str, event: str) -> int:
    """Call a deployed function.

    Prints the result; the function's log goes to standard error. Exits with 2 if the function raised
    an error.
    """
    from ...project.invoke import invoke as run_invoke

    project, screen = call.project(), call.screen
    backend = call.backend(project)
    screen.hide(backend.secrets.get_all())
    answer = run_invoke(backend, name, _event(call, event))
    if screen.as_json:
        screen.data({"error": answer.error or None, "payload": answer.payload, "log": answer.tail.splitlines()})
    else:
        for line in answer.tail.splitlines():
            screen.note(line)
        screen.raw(json.dumps(answer.payload, indent=2, ensure_ascii=False) + "\n")
        if answer.error:
            screen.warn(f"{name} raised an error")
    return 2 if answer.error else 0


def _event(call: Call, given: str) -> bytes:
    from ...errors import UserError

    where = "--event"
    if given == "-":
        text, where = call.screen.stdin.read(), "standard input"
    elif given.startswith("@"):
        try:
            text, where = Path(call.cwd, given[1:]).read_text(encoding="utf-8"), given[1:]
        except (OSError, UnicodeDecodeError) as e:
            raise UserError(f"{given[1:]} can't be read: {getattr(e, 'strerror', None) or 'it is not UTF-8 text'}",
                            where="--event") from e
    else:
        text = given
    try:
        json.loads(text)
    except ValueError as e:
        raise UserError(f"the event is not JSON: {e}", where=where,
                        hint="quote it for the shell: --event '{\"key\": \"value\"}'") from e
    return text.encode()
