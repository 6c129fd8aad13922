"""Actions on this machine: a command that runs once for each value of its trigger."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core.model import Operation, State
from ...core.output import Output
from ...core.provider import Change, Found, Note, Provider, Result, Unsure
from ...core.resource import Arg, Resource, out, prop, schema_of
from ...core.schema import Schema
from .command import hidden_values
from .folders import inside
from .runner import Runner

__all__ = ["Action", "Actions"]


class Action(Resource, type="local.Action", runs_once=True):
    """A command that runs during a deploy when its trigger has changed: a migration, a notice to others.

        local.Action("Migrate", trigger=table.schema_version, command=["python", "migrate.py"])

    It runs when it is new and when ``trigger`` has another value; another ``command`` alone does not run it. A rollback
    never runs it. If ``sst`` is killed meanwhile, the next deploy does not run it again but asks.
    """

    trigger: Arg[Any] = prop(replace=True)
    """Any value: a version, a digest, an output of another resource."""
    command: Arg[str | Sequence[str]] = prop()
    """A line for the shell, or a program and its arguments."""
    folder: Arg[str] = prop(default=".")
    """Where it runs, relative to the project."""
    environment: Arg[Mapping[str, str]] = prop(default=None)
    """Variables beside those of ``sst`` itself. Secret ones are encrypted in the state and hidden in the output."""

    run: Output[str] = out()
    """Identifies the last run."""


class Actions(Provider):
    """The provider of ``local.Action``: each run is a resource of its own, which the next one replaces."""

    def __init__(self, root: Path, runner: Runner) -> None:
        self.root, self.runner = root, runner

    def schema(self, type: str) -> Schema:
        return schema_of(Action)

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        was: Mapping[str, Any] = prior.inputs if prior else {}
        changed = frozenset(k for k in Action.props if was.get(k) != inputs.get(k))
        return Change(changed, changed & {"trigger"} if prior else frozenset())

    def create(self, operation: Operation, note: Note) -> Result:
        inputs = operation.inputs
        self.runner.run(inputs["command"], inside(self.root, inputs.get("folder") or "."),
                        inputs.get("environment") or {}, note, hide=hidden_values(operation))
        return Result(operation.token, {"run": operation.token})

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        return Result(state.id, state.outputs)

    def read(self, state: State) -> Result | None:
        return Result(state.id, state.outputs)

    def delete(self, state: State, note: Note) -> None:
        """What it did stays done."""

    def find(self, operation: Operation) -> Found | Unsure:
        return Unsure("the command was cut off, and may have done its work")
