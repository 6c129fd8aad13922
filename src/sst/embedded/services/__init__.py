"""Long-running processes beside the emulator (a database, a cache, a container): one protocol, one supervisor."""
from __future__ import annotations

from sst.embedded.services.process import end_left_over
from sst.embedded.services.service import LocalService
from sst.embedded.services.supervisor import Supervisor

__all__ = ["LocalService", "Supervisor", "end_left_over"]
