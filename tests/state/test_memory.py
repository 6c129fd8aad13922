from __future__ import annotations

import pytest

from sst.state.store import Store
from sst.state.stores.memory import MemoryStore

from .store_suite import StoreSuite


class TestMemory(StoreSuite):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()
