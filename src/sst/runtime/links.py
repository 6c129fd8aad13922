"""The names that ``Resource`` has.

Any name will do, until a deploy has written the project's own: a stub package in its virtual environment takes this
module's place for type checkers and editors (see docs/resource.md).
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["Links"]


class Links:
    if TYPE_CHECKING:
        def __getattr__(self, name: str) -> Any: ...
