"""``aws.Provider``, under the name by which programs know it."""
from __future__ import annotations

from ..clouds.aws.instance import Provider

__all__ = ["Provider"]
