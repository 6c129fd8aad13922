"""Low-level resources of this machine: ``from sst.providers import local``, then ``local.Command``,
``local.Action`` and ``local.Password``."""
from __future__ import annotations

from ..clouds.local.action import Action
from ..clouds.local.command import Command
from ..clouds.local.password import Password

__all__ = ["Action", "Command", "Password"]
