"""SIGKILL before and after each call of the cloud and each write of the state; then the command is run again, and that
is all."""
from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sst.clouds.aws.client import Aws
from sst.core.model import Snapshot

from .apps import write_app
from .census import Thing, census, same, state_in_bucket, state_of, whole
from .conftest import FULL, ROUNDS, full
from .doomed import Doom
from .forge import Ended, Forge

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.timeout(3600)]

SEED = int(os.environ.get("SST_TORTURE_SEED", "1"))
LIFE = ("deploy", "update", "replace", "rollback", "deploy", "remove")
"""What happens to the app, over and over. ``rollback`` replaces back what was replaced."""


@dataclass
class Life:
    forge: Forge
    folder: Path
    given: dict[str, Any]
    aws: Aws
    figures: Counter[str]
    home: str = "local"
    """Where the state is: in a file, on stage ``local``, or (``aws``) in a bucket, on stage ``prod``."""
    wrong: list[str] = field(default_factory=list)
    version: int = 0
    """Of the state after the update, which the rollback goes back to."""

    def run(self, step: str, kill: str = "") -> Ended:
        words = [step, "--yes"]
        if step == "rollback":
            words.append(str(self.version))
        elif step != "remove":
            write_app(self.folder, step, home=self.home)
            words[0] = "deploy"
        stage = "prod" if self.home == "aws" else "local"
        ended = self.forge.run([*words, "--stage", stage], self.folder,
                               Doom(self.given, str(self.folder.parent / "log"), kill))
        if step == "update" and not ended.code:
            self.version = self.state().serial
        return ended

    def state(self) -> Snapshot:
        return state_in_bucket(self.aws) if self.home == "aws" else state_of(self.folder)

    def calm(self) -> tuple[list[list[str]], list[list[Thing]]]:
        """An undisturbed life: the boundaries of each step, and the world after it."""
        boundaries, worlds = [], []
        for step in LIFE:
            ended = self.run(step)
            assert ended.code == 0, ended.said
            boundaries.append(list(ended.boundaries))
            worlds.append(census(self.aws))
            assert not whole(self.state(), worlds[-1])
        assert not worlds[-1], "nothing is left"
        return boundaries, worlds

    def die(self, step: str, kills: tuple[str, ...], then: list[Thing]) -> None:
        """Die in a step, perhaps again in the next try, then run it once more: the world must be the undisturbed
        one."""
        for kill in kills:
            ended = self.run(step, kill)
            self.figures["crashes survived" if ended.killed else "boundaries not reached in another order"] += 1
            if not ended.killed and ended.code:
                self.wrong.append(f"{step}, {kill}: exit {ended.code}: {ended.said}")
        again = self.run(step)
        now = census(self.aws)
        self.figures["worlds compared after a crash"] += 1
        if problem := again.said * bool(again.code) or same(now, then) or whole(self.state(), now):
            self.wrong.append(f"{step}, killed at {kills}: {problem}")

    def mend(self) -> None:
        """After a failed comparison: away with everything, so that the next one means something."""
        self.run("remove")
        if census(self.aws):
            pytest.fail("\n\n".join(self.wrong))


@pytest.fixture(params=["local", "aws"] if FULL else ["local"])
def life(request: pytest.FixtureRequest, forge: Forge, folder: Path, given: dict[str, Any], aws: Aws,
         figures: Counter[str]) -> Life:
    return Life(forge, folder, given, aws, figures, request.param)


def test_a_death_at_each_boundary(life: Life) -> None:
    boundaries, worlds = life.calm()
    life.figures[f"boundaries of the small app{', state in a bucket' * (life.home == 'aws')}"] = sum(
        map(len, boundaries)
    )
    longest = max(map(len, boundaries))
    for at in range(longest) if FULL else (random.Random(SEED).randrange(min(map(len, boundaries))),):
        for step, labels, then in zip(LIFE, boundaries, worlds, strict=True):
            if at < len(labels):
                life.die(step, (labels[at],), then)
            else:
                life.run(step)
        if life.wrong:
            life.mend()
    assert not life.wrong, f"{len(life.wrong)} problems\n\n" + "\n\n".join(life.wrong)


@full
def test_one_death_after_the_other(life: Life) -> None:
    """The command that cleans up after a crash dies too, at any boundary, twice."""
    boundaries, worlds = life.calm()
    rng = random.Random(SEED)
    for _ in range(5 * ROUNDS):
        for step, labels, then in zip(LIFE, boundaries, worlds, strict=True):
            life.die(step, tuple(rng.sample(labels, 3)), then)
        if life.wrong:
            life.mend()
    assert not life.wrong, "\n\n".join(life.wrong)
