"""How long functions wait for a developer who is far away."""
from __future__ import annotations

import pytest

from sst.dev.bridge_calls import wait_for_round_trip


@pytest.mark.parametrize(("trip", "wait"), [(0, 0), (20, 0), (59, 0), (60, 300), (100, 300), (110, 400), (250, 600)])
def test_the_wait_covers_the_way_there_and_back(trip: float, wait: int) -> None:
    assert wait_for_round_trip(trip) == wait and (not wait or wait >= 2 * trip + 100)
