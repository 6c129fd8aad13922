"""Lost answers, storms of refusals, things that are not ready yet: what a cloud does to its callers. State in both
homes."""
from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sst.clouds.aws.client import Aws
from sst.embedded.cloud import Cloud

from .conftest import FULL, ROUNDS, full
from .proxy import Break, Fault, Lose, Refuse, Request, Slow, proxy, throttled
from .stage import Stage

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(params=["local", "aws"] if FULL else ["local"])
def stage(request: pytest.FixtureRequest, tmp_path: Path, cloud: Cloud, aws: Aws,
          figures: Counter[str]) -> Iterator[Stage]:
    with proxy(cloud.endpoint) as way:
        stage = Stage(tmp_path, cloud, aws, way, figures, request.param)
        yield stage
        stage.remove()
        stage.count()


def some(share: float, fault: Callable[[Request], Fault], seed: int) -> Callable[[Request], Fault | None]:
    """That share of all calls goes wrong."""
    rng = random.Random(seed)
    return lambda request: fault(request) if rng.random() < share else None


KINDS: dict[str, tuple[float, Callable[[Request], Fault]]] = {
    "answers are lost": (0.2, lambda r: Lose()),
    "calls are lost": (0.2, lambda r: Lose(done=False)),
    "fails after it was done": (0.2, lambda r: Break(500)),
    "fails before it was done": (0.2, lambda r: Refuse("ServiceUnavailable", 503)),
    "10 % are throttled": (0.1, lambda r: throttled(r.service)),
    "40 % are throttled": (0.4, lambda r: throttled(r.service)),
    "slow": (0.5, lambda r: Slow(0.05 + r.number % 7 / 20)),
}
SURE = ("10 % are throttled", "40 % are throttled", "70 % are throttled", "slow")
"""Here no command may fail."""
if FULL:
    # 90 % takes a quarter of an hour: see test_storms
    KINDS |= {"70 % are throttled": (0.7, lambda r: throttled(r.service))}
else:
    KINDS = {k: KINDS[k] for k in ("answers are lost",)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.long
def test_some_calls_go_wrong(stage: Stage, kind: str) -> None:
    share, fault = KINDS[kind]
    worlds = {g: stage.calm(g) for g in (("deploy", "replace") if FULL else ("deploy",))} | {"remove": []}
    stage.remove()
    for seed, generation in enumerate((*worlds,) * (3 if FULL and share < 0.5 else 1)):
        stage.way.decide = some(share, fault, seed)
        said = stage.command(generation, code=None)
        stage.figures["commands that succeeded among faults" if not said.code
                      else "commands that had to be run again"] += 1
        assert not said.code or kind not in SURE, said.text
        if said.code:
            stage.way.decide = lambda r: None
            stage.command(generation)
        stage.check(worlds[generation])


@full
@pytest.mark.parametrize("stage", ["aws"], indirect=True)
def test_a_death_at_a_call_with_the_state_in_a_bucket(stage: Stage) -> None:
    """All that the unchanged ``sst`` does is a call here, the writes of its state too: it is killed as one comes by, or
    once it is done."""
    first = len(stage.way.names)
    worlds = {g: stage.calm(g) for g in ("deploy", "replace")}
    longest = (len(stage.way.names) - first) // 2
    stage.remove()
    worlds["remove"] = []
    for at in range(5, longest, max(2, 16 // ROUNDS)):
        for generation, then in worlds.items():
            if generation != "remove":
                stage.write(generation)
            kill_at(stage, len(stage.way.names) + at, "before" if at % 2 else "after")
            words = ("remove", "--yes") if generation == "remove" else ("deploy", "--yes")
            stage.process = stage.start(*words)
            stage.figures["crashes survived"] += stage.end(stage.process).code == -signal.SIGKILL
            stage.way.reached = lambda r, when: None
            stage.command(generation)
            stage.check(then)


def kill_at(stage: Stage, number: int, moment: str) -> None:
    def reached(request: Request, when: str) -> None:
        if request.number == number and when == moment and stage.process:
            stage.process.kill()
    stage.way.reached = reached
