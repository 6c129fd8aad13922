"""Commands as resources: they run on this machine when what they read has changed."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.model import Operation, State
from ...core.output import Output, plain
from ...core.provider import Absent, Change, Found, Note, Provider, Result, Unsure
from ...core.resource import Arg, Resource, out, prop, schema_of
from ...core.schema import Schema
from ...errors import ProviderError
from .build_environment import build_environment
from .folders import fingerprint, inside, read_folder

if TYPE_CHECKING:
    from .runner import Runner

__all__ = ["Command", "Commands", "hidden_values"]

_KEPT = 1024 * 1024


class Command(Resource, type="local.Command", digest="inputs"):
    """A command that runs on this machine during a deploy: a build of a site, a generator.

        site = local.Command("Site", command="npm run build", folder="web", inputs=["src/**/*", "package.json"],
                             output="dist", environment={"VITE_API": api.url})

    It runs when it is new, when an argument has changed, and when a file has that it reads; otherwise nothing is done.
    """

    command: Arg[str | Sequence[str]] = prop()
    """A line for the shell, or a program and its arguments."""
    folder: Arg[str] = prop(default=".")
    """Where it runs, relative to the project."""
    environment: Arg[Mapping[str, str]] = prop(default=None)
    """Variables beside those of ``sst`` itself. Secret ones are encrypted in the state and hidden in the output."""
    inputs: Arg[Sequence[str]] = prop(default=None)
    """Patterns of the files it reads, relative to ``folder``. Without them, all files that git does not ignore."""
    output: Arg[str] = prop(default=None)
    """The folder it makes, relative to ``folder``."""
    keep: Arg[str] = prop(default=None)
    """A file that it makes, relative to ``folder``, whose text others use; at most 1 MB."""
    alone: Arg[bool] = prop(default=None)
    """Of the variables of ``sst`` it gets those that a build needs: PATH, HOME, locale, proxies, npm's settings."""

    fingerprint: Output[str] = out(volatile=True)
    """Of the files it read."""
    contents: Output[Mapping[str, str]] = out(volatile=True)
    """The folder it made and the digest of what is in it: ``source`` of an upload. Equal if it made the same again."""
    files: Output[int] = out(volatile=True)
    """How many files it made."""
    bytes: Output[int] = out(volatile=True)
    kept: Output[str] = out(volatile=True)
    """The text of ``keep``; empty without it."""


class Commands(Provider):
    """The provider of ``local.Command``."""

    def __init__(self, root: Path, runner: Runner, environ: Mapping[str, str]) -> None:
        self.root, self.runner, self.environ = root, runner, environ

    def schema(self, type: str) -> Schema:
        return schema_of(Command)

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        was: Mapping[str, Any] = prior.inputs if prior else {}
        changed = frozenset(k for k in Command.props if was.get(k) != inputs.get(k))
        files_known = plain([inputs.get(k) for k in ("folder", "inputs", "output")])
        if prior and files_known and prior.outputs.get("fingerprint") != self._fingerprint(inputs):
            changed |= {"inputs"}
        return Change(changed, unknown=frozenset(Command.outs) if changed else frozenset())

    def create(self, operation: Operation, note: Note) -> Result:
        inputs = operation.inputs
        before = self._fingerprint(inputs)      # a file that changes while it runs makes it run again
        folder, output = self._folders(inputs)
        alone = bool(inputs.get("alone"))
        given = {**(build_environment(self.environ) if alone else {}), **(inputs.get("environment") or {})}
        self.runner.run(inputs["command"], folder, given, note, hide=hidden_values(operation), alone=alone)
        outputs: dict[str, Any] = {"fingerprint": before, "contents": {}, "files": 0, "bytes": 0,
                                   "kept": _text(folder / inputs["keep"]) if inputs.get("keep") else ""}
        if output:
            if not output.is_dir():
                raise ProviderError(f"the command made no folder {inputs['output']!r}", operation="command", sent=False,
                                    hint="output= is relative to folder=")
            made = read_folder(output, self.root)
            name = output.relative_to(self.root.resolve()).as_posix()
            outputs |= {"contents": {"folder": name, "digest": made.digest}, "files": len(made.files),
                        "bytes": made.size}
        return Result(operation.urn, outputs)

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        return Result(state.id, self.create(operation, note).outputs)

    def read(self, state: State) -> Result | None:
        return Result(state.id, state.outputs)

    def delete(self, state: State, note: Note) -> None:
        """What it made stays: it is the user's folder."""

    def find(self, operation: Operation) -> Found | Absent | Unsure:
        return Absent()

    def _folders(self, inputs: Mapping[str, Any]) -> tuple[Path, Path | None]:
        name = inputs.get("folder") or "."
        output = inputs.get("output")
        return inside(self.root, name), inside(self.root, f"{name}/{output}") if output else None

    def _fingerprint(self, inputs: Mapping[str, Any]) -> str:
        folder, output = self._folders(inputs)
        return fingerprint(folder, inputs.get("inputs") or (), output)


def _text(file: Path) -> str:
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise ProviderError(f"the command made no file {file.name}: {getattr(e, 'strerror', None) or e}",
                            operation="command", sent=False, hint="keep= is relative to folder=") from e
    if len(text) > _KEPT:
        raise ProviderError(f"{file.name} has {len(text):,} characters, and keep= takes {_KEPT:,}",
                            operation="command", sent=False, hint="large files belong into output=")
    return text


def hidden_values(operation: Operation) -> list[str]:
    """The values that the output of a command must not show."""
    return [str(v) for v in (operation.inputs.get("environment") or {}).values()
            if "environment" in operation.secret and len(str(v)) > 3]
