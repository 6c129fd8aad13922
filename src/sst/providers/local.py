"""Low-level resources of this machine: ``from sst.providers import local``, then ``local.Command`` and
``local.Action``."""
from __future__ import annotations

from ..clouds.local.action import Action
from ..clouds.local.command import Command

__all__ = ["Action", "Command"]
