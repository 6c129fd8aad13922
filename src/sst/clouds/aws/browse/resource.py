"""What the browsers of AWS's resources have in common."""
from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from ....core.browse import Browser
from ....core.model import State

if TYPE_CHECKING:
    from .calls import Calls

__all__ = ["ResourceBrowser"]


class ResourceBrowser(Browser):
    """Of one kind of resource."""

    type: ClassVar[str]

    @abstractmethod
    def __init__(self, calls: Calls, state: State) -> None: ...

    @classmethod
    def shows(cls, calls: Calls) -> bool:
        """Whether it can be looked into on this stage."""
        return True
