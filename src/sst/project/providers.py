"""Which provider carries out a resource type."""
from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from ..core.provider import Provider
from ..core.resource import Resource
from ..errors import UserError
from .cloud import aws_provider

if TYPE_CHECKING:
    from .project import Project

__all__ = ["Lookup", "providers_of"]

Lookup = Callable[[str], Provider]

_MAKERS: dict[str, Callable[[Project], Provider]] = {"aws": aws_provider}
"""First word of a type → what makes its provider."""


def providers_of(project: Project) -> Lookup:
    """Gives the provider of a type, made on first use. A kind of resource that the user wrote may carry its own, as ``provider``."""
    made: dict[str, Provider] = {}
    lock = Lock()

    def provider(type: str) -> Provider:
        own: Provider | None = getattr(Resource.kinds.get(type), "provider", None)
        if own is not None:
            return own
        word = type.partition(".")[0]
        with lock:
            if word not in made:
                if word not in _MAKERS:
                    raise UserError(f"no provider knows the type {type}",
                                    hint="it is in the state, but the program that declared it is not this one; put the import back")
                made[word] = _MAKERS[word](project)
            return made[word]

    return provider
