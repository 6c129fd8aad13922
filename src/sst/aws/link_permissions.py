"""What a link allows a function to do: the ``actions`` of a row. The default is what a client of the resource calls, on
it alone.

``docs/link_permissions.md`` is generated from the rows.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from ..clouds.aws.columns import Grant
from ..clouds.aws.instance import Provider
from ..core.component import Component
from ..core.link import Include
from ..core.output import Input, Output
from ..errors import UserError
from .permissions import permission

__all__ = ["Access", "grants", "located"]

Access: TypeAlias = Literal["read", "write", "read-write", "full"]


def grants(component: str, actions: Mapping[str, tuple[Grant, ...]], arn: Input[str] | Sequence[Input[str]],
           access: Access | None = None) -> tuple[Include, ...]:
    """The permissions of a link to a component with this ARN, or these; ``actions`` are those of its row."""
    wanted = access or "read-write"
    if wanted not in actions:
        raise UserError(f'a {component.rpartition(".")[2]} can\'t be linked with access="{wanted}"',
                        hint=f"it takes {_listed(list(actions))}")
    arns = [arn] if isinstance(arn, str | Output) else arn
    return tuple(permission(g.actions, [f"{one}{part}" if part else one for one in arns for part in g.on])
                 for g in actions[wanted])


def located(component: Component, properties: Mapping[str, Input[str]]) -> dict[str, Input[str]]:
    """The properties of a link, and ``region`` where the component is declared with a provider of its own: the code's
    client is one of that region."""
    instance = component.provider_of("aws")
    return {**properties, "region": instance.region_name} if isinstance(instance, Provider) else {**properties}


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f'"{w}"' for w in words)
