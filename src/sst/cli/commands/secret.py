"""``sst secret``"""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..call import Call, group, pass_call

if TYPE_CHECKING:
    from ...project.project import Project
    from ..ui.screen import Screen

_FALLBACK = click.option("--fallback", is_flag=True, help="For all stages that do not set their own value.")


@group("secret")
def secret() -> None:
    """Manage secrets.

    A program declares a secret with sst.Secret("Name"). Values are encrypted and stored with the state.
    A change takes effect with the next deploy.
    """


@secret.command("set")
@click.argument("name")
@click.argument("value", required=False)
@_FALLBACK
@pass_call
def set_(call: Call, name: str, value: str | None, fallback: bool) -> None:
    """Set a secret.

    Without VALUE it is read from standard input, or prompted for without echo on a terminal. That keeps
    it out of the shell's history.
    """
    from ...errors import UserError

    project, screen = call.project(), call.screen
    if value is None:
        value = screen.secret(f"Value of {name}:") if screen.asks else screen.stdin.read().removesuffix("\n")
        if not value:
            raise UserError(f"no value for {name} was given", hint=f"sst secret set {name} VALUE, or pipe it in")
    screen.hide(value)
    call.backend(project).secrets.set(name, value, fallback=fallback)
    _said(screen, project, f"{name} is set for {_place(project.stage, fallback)}", {"set": [name]})


@secret.command("list")
@_FALLBACK
@click.option("--values", is_flag=True, help="Show the values, as lines of an .env file.")
@pass_call
def list_(call: Call, fallback: bool, values: bool) -> None:
    """List the names of the secrets that are set."""
    project, screen = call.project(), call.screen
    secrets = call.backend(project).secrets
    shared = secrets.fallback()
    own = {} if fallback else secrets.get_all(own=True)
    if screen.as_json:
        screen.data({"stage": {k: v if values else None for k, v in own.items()},
                     "fallback": {k: v if values else None for k, v in shared.items()}})
        return
    for title, found in ((f"{project.name}/{project.stage}", own), ("fallback", shared)):
        if found:
            screen.dim(f"# {title}")
        for name, value in sorted(found.items()):
            screen.line(f"{name}={_quoted(value)}" if values else name)
    if not own and not shared:
        screen.dim(f"no secrets are set for {_place(project.stage, fallback)}")


@secret.command("load")
@click.argument("file")
@_FALLBACK
@pass_call
def load(call: Call, file: str, fallback: bool) -> None:
    """Set all secrets in an .env file; - reads standard input. Other secrets are kept."""
    from ...errors import UserError
    from ...project.dotenv import parse

    project, screen = call.project(), call.screen
    try:
        text = screen.stdin.read() if file == "-" else Path(call.cwd, file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise UserError(f"{file} can't be read: {getattr(e, 'strerror', None) or 'it is not UTF-8 text'}") from e
    values = parse(text, "standard input" if file == "-" else file)
    call.backend(project).secrets.load(values, fallback=fallback)
    _said(screen, project, f"{len(values)} secrets are set for {_place(project.stage, fallback)}: "
                           f"{', '.join(sorted(values)) or 'none'}",
          {"set": sorted(values)})


@secret.command("remove")
@click.argument("name")
@_FALLBACK
@pass_call
def remove(call: Call, name: str, fallback: bool) -> None:
    """Remove a secret."""
    from ...core.names import did_you_mean
    from ...errors import UserError

    project, screen = call.project(), call.screen
    secrets = call.backend(project).secrets
    if not secrets.remove(name, fallback=fallback):
        known = secrets.fallback() if fallback else secrets.get_all(own=True)
        raise UserError(f'the secret "{name}" is not set for {_place(project.stage, fallback)}',
                        hint=did_you_mean(name, list(known)), code="unknown-name")
    _said(screen, project, f"{name} is removed from {_place(project.stage, fallback)}", {"removed": [name]})


@secret.command("rotate-key")
@click.option("--fallback", is_flag=True, help="The key of the fallback secrets of all stages.")
@click.option("--keep-former", is_flag=True, help="Keep the former keys, so that older versions of the state can still "
                                                  "be read.")
@pass_call
def rotate_key(call: Call, fallback: bool, keep_former: bool) -> None:
    """Encrypt state and secrets of a stage with a new key.

    Saves the state and the secrets under the new key, then deletes the former key. Secret values in
    older versions of the state can't be decrypted any more, so those versions can't be restored.
    Functions get new keys with the next deploy.
    """
    from ...errors import UserError

    if fallback and keep_former:
        raise UserError("--keep-former is for the key of a stage",
                        hint="the secrets that all stages fall back to have no versions")
    project, screen = call.project(), call.screen
    backend = call.backend(project)
    name = (
        backend.home.rotate_fallback() if fallback else backend.home.rotate_key(backend.stage, forget=not keep_former)
    )
    for warning in backend.stage.warnings:
        screen.warn(warning)
    _said(screen, project, f"what is secret of {_place(project.stage, fallback)} is encrypted with a new key, {name}",
          {"key": name})


def _place(stage: str, fallback: bool) -> str:
    return "all stages (fallback)" if fallback else f"stage {stage}"


def _said(screen: Screen, project: Project, text: str, data: object) -> None:
    taken = _session_deploys(project)
    if screen.as_json:
        screen.data(data)
    else:
        screen.done(f"{text}; {'`sst dev` deploys it now' if taken else 'it takes effect with `sst deploy`'}")


def _session_deploys(project: Project) -> bool:
    """Whether `sst dev` runs for this stage, and has been notified."""
    folder = project.root / ".sst" / "dev" / project.stage
    if not (folder / "session.json").is_file():
        return False
    from ...dev.control import find
    from ...dev.join import request_deploy

    found = find(folder)
    return found is not None and request_deploy(found)


def _quoted(value: str) -> str:
    """A value that ``sst secret load`` reads back as it was."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    escaped = escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return f'"{escaped}"'
