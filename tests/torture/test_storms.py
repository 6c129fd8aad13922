"""Storms that refuse most of all calls, in quick motion: the pauses between tries are short, and so is the lease;
nothing else is."""
from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sst.clouds.aws.client import Aws

from .apps import write_app
from .census import census, same, state_in_bucket, state_of, whole
from .conftest import FULL, ROUNDS
from .doomed import Doom
from .forge import Forge

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.long]

SPEED = 60.0
LEASE = (15 / SPEED, 3.0, 4.0)
"""Renewed as often as it is; it would end later than in proportion, since calls are as slow as ever."""
STORMS = [(home, share) for home in ("local", "aws") for share in (0.7, 0.9)] if FULL else [("aws", 0.9)]


@pytest.mark.parametrize(("home", "share"), STORMS)
def test_no_command_fails_in_a_storm(forge: Forge, given: dict[str, Any], folder: Path, aws: Aws, figures: Counter[str],
                                     home: str,
                                     share: float) -> None:
    stage = "prod" if home == "aws" else "local"

    def run(generation: str, storm: float, seed: int = 0) -> None:
        words = ["remove", "--yes"] if generation == "remove" else ["deploy", "--yes", "--allow-destroy", "Files"]
        if generation != "remove":
            write_app(folder, generation, home=home)
        doom = Doom(given, str(folder.parent / "log"), storm=storm, seed=seed, speed=SPEED,
                    lease=LEASE if storm else ())
        ended = forge.run([*words, "--stage", stage], folder, doom)
        assert ended.code == 0, ended.said
        figures["commands that outlived a storm"] += bool(storm)
        figures["calls of them that were refused"] += sum(b.endswith(" refused") for b in ended.boundaries)
        now, state = census(aws), state_in_bucket(aws) if home == "aws" else state_of(folder)
        problem = whole(state, now)
        assert not problem, problem
        if storm:
            assert not (different := same(now, worlds[generation])), different
        worlds.setdefault(generation, now)

    worlds: dict[str, Any] = {}
    life = ("deploy", "update", "replace", "remove") if FULL else ("deploy", "remove")
    for generation in life:
        run(generation, 0)
    for seed in range(ROUNDS):
        for generation in life:
            run(generation, share, seed)
