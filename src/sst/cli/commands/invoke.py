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
@click.option("--manage", metavar="COMMAND", help="A management command of a Django project instead of an event.")
def invoke(call: Call, name: str, event: str, manage: str | None) -> int:
    """Call a deployed function.

    Prints the result; the function's log goes to standard error. Exits with 2 if the function raised
    an error, or if the management command failed.
    """
    from ...project.invoke import invoke as run_invoke

    project, screen = call.project(), call.screen
    backend = call.backend(project)
    screen.hide(backend.secrets.known())
    given = _event(call, event) if manage is None else json.dumps(_manage(call, manage)).encode()
    answer = run_invoke(backend, name, given)
    if manage is not None and not answer.error and isinstance(answer.payload, dict) and not screen.as_json:
        screen.raw(answer.payload["output"])
        return 2 if answer.payload["status"] else 0
    if screen.as_json:
        screen.data({"error": answer.error or None, "payload": answer.payload, "log": answer.tail.splitlines()})
    else:
        for line in answer.tail.splitlines():
            screen.note(line)
        text = json.dumps(answer.payload, indent=2, ensure_ascii=False) + "\n"
        screen.raw(screen.redact(text) if answer.error else text)
        if answer.error:
            screen.warn(f"{name} raised an error")
    return 2 if answer.error else 0


def _manage(call: Call, line: str) -> dict[str, object]:
    """The event of a management command. `createsuperuser` asks here what it can't ask there."""
    asked = {k: v for k, v in call.environ.items() if k.startswith("DJANGO_SUPERUSER_")}
    screen, words = call.screen, line.split()
    if words[:1] == ["createsuperuser"] and "--noinput" not in words and "--no-input" not in words:
        line += " --noinput"
        for name in ("username", "email"):
            if screen.asks and f"--{name}" not in line and f"DJANGO_SUPERUSER_{name.upper()}" not in asked:
                asked[f"DJANGO_SUPERUSER_{name.upper()}"] = screen.ask(f"{name.capitalize()}:")
        if screen.asks and "DJANGO_SUPERUSER_PASSWORD" not in asked:
            asked["DJANGO_SUPERUSER_PASSWORD"] = screen.secret("Password:")
    screen.hide(asked.get("DJANGO_SUPERUSER_PASSWORD"))
    return {"sst:manage": line, "environment": asked}


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
                        hint="quote it for the shell: --event '{\"key\": \"value\"}'", code="bad-event") from e
    return text.encode()
