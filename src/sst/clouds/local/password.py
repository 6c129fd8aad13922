"""Passwords as resources: made once, kept encrypted in the state."""
from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from typing import Any

from ...core.model import Operation, State
from ...core.output import Output
from ...core.provider import Absent, Change, Found, Note, Provider, Result, Unsure
from ...core.resource import Arg, Resource, out, prop, schema_of
from ...core.schema import Schema

__all__ = ["Password", "Passwords"]

_PLAIN = string.ascii_letters + string.digits


class Password(Resource, type="local.Password"):
    """A random password, from the operating system's source of randomness.

        password = local.Password("AdminPassword", length=32)
        password.value      # Output[str], secret

    It is made by the first deploy and stays the same until an argument changes. It has at least one lower-case letter,
    one upper-case letter and one digit.
    """

    length: Arg[int] = prop(default=32, replace=True)
    """Characters, at least 8."""
    special: Arg[str] = prop(default="", replace=True)
    """Characters that it has beside letters and digits, at least one of them."""
    rotation: Arg[str] = prop(default=None, replace=True)
    """Another text makes another password. Without one it stays as `sst rotate` has made it."""

    value: Output[str] = out(secret=True)


class Passwords(Provider):
    """The provider of ``local.Password``."""

    def schema(self, type: str) -> Schema:
        return schema_of(Password)

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        was: Mapping[str, Any] = prior.inputs if prior else {}
        changed = frozenset(k for k in Password.props if was.get(k) != inputs.get(k)
                            and (k != "rotation" or inputs.get(k) is not None))
        return Change(changed, changed if prior else frozenset())

    def create(self, operation: Operation, note: Note) -> Result:
        inputs = operation.inputs
        return Result(operation.token, {"value": _made(max(8, inputs.get("length") or 32),
                                                       inputs.get("special") or "")})

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        return Result(state.id, state.outputs)

    def read(self, state: State) -> Result | None:
        return Result(state.id, state.outputs)

    def delete(self, state: State, note: Note) -> None:
        """It was nowhere but in the state."""

    def find(self, operation: Operation) -> Found | Absent | Unsure:
        return Absent()


def _made(length: int, special: str) -> str:
    while True:
        made = "".join(secrets.choice(_PLAIN + special) for _ in range(length))
        kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, *((special,) if special else ()))
        if made[0] in string.ascii_letters and all(any(c in kind for c in made) for kind in kinds):
            return made
