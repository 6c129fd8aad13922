"""Every row lives its whole life where AWS's refusals and delays are."""

from __future__ import annotations

import pytest

from tests.clouds.aws.life import live
from tests.clouds.aws.rows import ROWS
from tests.clouds.aws.world import World

from .clock import Clock
from .conftest import HOUR
from .gaps import MOTO_GAPS

pytestmark = [pytest.mark.emulator, pytest.mark.slow]


@pytest.mark.parametrize("strict", ["moto"], indirect=True)
@pytest.mark.parametrize("type", [t for t in ROWS if t not in MOTO_GAPS])
def test_a_row_lives_over_moto(type: str, world: World, clock: Clock) -> None:
    live(type, world, between=lambda: clock.sleep(HOUR))


@pytest.mark.parametrize("type", ROWS)
def test_a_row_lives_over_the_emulator_of_stage_local(type: str, world: World, clock: Clock) -> None:
    live(type, world, between=lambda: clock.sleep(HOUR))
