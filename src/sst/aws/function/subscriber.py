"""A function given as a handler, as arguments, as a component, or by its ARN: what ``subscribe``, ``route`` and
``Cron`` take."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from ...clouds.aws import iam
from ...core.link import LinkItem
from ...core.output import Input, Output
from ...errors import UserError
from ...records import dataclass
from ..permissions import Statement, statements
from . import Function, FunctionArgs

__all__ = ["Handler", "Target", "target_of"]

Handler: TypeAlias = "str | FunctionArgs | Mapping[str, Any] | Function | Output[str]"
"""``"src/job.handler"``, ``{"handler": "src/job.handler", "timeout": "1 minute"}``, a ``Function``, or an ARN."""


@dataclass(frozen=True)
class Target:
    """The function that is called. ``function`` is None where only the ARN is known."""

    arn: Input[str]
    function: Function | None
    ready: tuple[object, ...] = ()
    """What must be there before events may flow: the role's policy."""


def target_of(handler: Handler, name: str, *, link: Sequence[LinkItem] = (), permissions: Sequence[Statement] = (),
              where: str = "") -> Target:
    """The function behind a handler; a handler or arguments declare a new function called ``name`` in the current
    scope.

    ``link`` and ``permissions`` are what the caller adds. A ``Function`` with a role of its own gets ``permissions`` as
    a further policy; one with a role that was given, and an ARN, get none.
    """
    if isinstance(handler, Function):
        ready: list[object] = [handler.policy] if handler.policy else []
        if permissions and handler.role:
            document = {"Version": "2012-10-17", "Statement": statements(permissions, where)}
            ready.append(iam.RolePolicy("SourcePolicy", role=handler.role.name, policy=document))
        return Target(handler.arn, handler, tuple(ready))
    if isinstance(handler, Output) or (isinstance(handler, str) and handler.startswith("arn:")):
        return Target(handler, None)
    args: dict[str, Any] = ({"handler": handler} if isinstance(handler, str)
                            else dict(handler) if isinstance(handler, Mapping) else {})
    if "handler" not in args:
        raise UserError(f"{handler!r} is not a handler", where=where,
                        hint='give "src/job.handler", a mapping with "handler" and other arguments of Function, a '
                             'Function, or an ARN')
    args["link"] = [*link, *args.get("link", ())]
    args["permissions"] = [*permissions, *args.get("permissions", ())]
    made = Function(name, **args)
    return Target(made.arn, made, (made.policy,) if made.policy else ())
