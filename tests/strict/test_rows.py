"""Every row lives its whole life where AWS's refusals and delays are."""
from __future__ import annotations

import pytest

from tests.clouds.aws.life import live
from tests.clouds.aws.rows import ROWS
from tests.clouds.aws.world import World

from .clock import Clock
from .cloud import StrictCloud
from .conftest import HOUR
from .gaps import MOTO_GAPS

pytestmark = [pytest.mark.emulator, pytest.mark.slow]
OFTEN = ("aws.iam.Role", "aws.lambda.Function", "aws.lambda.EventSourceMapping", "aws.s3.BucketNotification")
"""Those that meet most rules: they are in ``make test``."""


def some(types: object) -> list[object]:
    assert isinstance(types, list)
    return [t if t in OFTEN else pytest.param(t, marks=pytest.mark.strict) for t in types]


@pytest.mark.parametrize("strict", ["moto"], indirect=True)
@pytest.mark.parametrize("type", some([t for t in ROWS if t not in MOTO_GAPS]))
def test_a_row_lives_over_moto(type: str, world: World, clock: Clock) -> None:
    live(type, world, between=lambda: clock.sleep(HOUR))


@pytest.mark.parametrize("type", some(list(ROWS)))
def test_a_row_lives_over_the_emulator_of_stage_local(type: str, world: World, clock: Clock) -> None:
    live(type, world, between=lambda: clock.sleep(HOUR))


@pytest.mark.strict
@pytest.mark.parametrize("strict", ["moto"], indirect=True)
@pytest.mark.parametrize("type", MOTO_GAPS)
def test_a_gap_of_moto_is_still_one(type: str, strict: StrictCloud, world: World, clock: Clock) -> None:
    """If this fails, moto has learned it: take the row from the list of gaps."""
    with pytest.raises(Exception):  # noqa: B017  # another one for each gap
        live(type, world, between=lambda: clock.sleep(HOUR))
    world.made.clear()
