"""What the project gives to the components of a program: the target, secrets, keys, look-ups."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import cached_property
from typing import Any, Protocol, TypeAlias, TypeVar

from ..errors import InternalError
from ..records import dataclass
from .target import Target

__all__ = ["ContainerEngine", "Context", "Encrypt"]

T = TypeVar("T")
Encrypt: TypeAlias = Callable[[bytes, bytes], bytes]
"""``encrypt(key, text)``: AES-256-GCM with a nonce of 12 zero bytes, the 16-byte tag appended."""


def _unset() -> Any:
    raise InternalError("this graph has no project: it can't read keys or ask the cloud")


class ContainerEngine(Protocol):
    """Podman or docker of this machine."""

    @property
    def name(self) -> str: ...

    @property
    def missing(self) -> str:
        """Why it can't run a container now; empty if it can."""


@dataclass(eq=False)
class Context:
    """One for each run of a program. Keys and look-ups are read when a component first needs them, once."""

    target: Target = field(default_factory=Target)
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Values of ``sst.Secret`` by name."""
    python: str = ""
    """The project's Python version, from ``.python-version``; "" if it names none."""
    registry: str = "public.ecr.aws/docker/library"
    """Where the images come from that those of the project stand on."""
    engine: ContainerEngine | None = None
    """What runs the images that programs name on stage ``local``; None if the config names no engine."""
    read_stage_key: Callable[[], bytes] = _unset
    encrypt: Encrypt = lambda key, text: _unset()
    open_lookups: Callable[[], Any] = _unset
    _made: dict[object, Any] = field(default_factory=dict)

    @cached_property
    def stage_key(self) -> bytes:
        """The key of the stage, from which those of `core.link_env.resource_file` are derived."""
        return self.read_stage_key()

    @cached_property
    def lookups(self) -> Any:
        """Read-only questions to the cloud; the components of each cloud know their type."""
        return self.open_lookups()

    def once(self, key: object, make: Callable[[], T]) -> T:
        """What several components share: made when the first of them needs it."""
        if key not in self._made:
            self._made[key] = make()
        made: T = self._made[key]
        return made
