"""Deaths at random boundaries of the demo app, and 300 functions past a gate that lets few calls through."""
from __future__ import annotations

import os
import random
import shutil
import time
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from sst.clouds.aws.client import Aws
from sst.embedded.cloud import Cloud

from .census import census, same, state_of, whole
from .conftest import ROUNDS, full
from .doomed import Doom
from .forge import Forge
from .proxy import Fault, Refuse, Request, proxy
from .stage import Stage

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.timeout(3600),
              full]

UPLOADS = Path(__file__).parents[2] / "examples/uploads"


def test_the_demo_dies_at_random(forge: Forge, given: dict[str, Any], folder: Path, aws: Aws,
                                 figures: Counter[str]) -> None:
    shutil.copytree(UPLOADS, folder, ignore=shutil.ignore_patterns(".sst", ".venv", "__pycache__"))
    rng = random.Random(int(os.environ.get("SST_TORTURE_SEED", "1")))

    def run(*words: str, kill: str = "") -> Any:
        return forge.run([*words, "--yes", "--stage", "local"], folder, Doom(given, str(folder.parent / "log"), kill))

    begun = run("deploy")
    assert begun.code == 0, begun.said
    then = census(aws)
    assert not whole(state_of(folder, "uploads"), then)
    ended = run("remove")
    assert ended.code == 0 and not census(aws), ended.said
    figures["boundaries of the demo app"] = len(begun.boundaries) + len(ended.boundaries)
    for _ in range(10 * ROUNDS):
        for words, boundaries, world in (("deploy", begun.boundaries, then), ("remove", ended.boundaries, [])):
            kills = rng.sample(boundaries, 2)
            for kill in kills:
                figures["crashes survived"] += run(words, kill=kill).killed
            again, now = run(words), census(aws)
            figures["worlds compared after a crash"] += 1
            problem = again.said * bool(again.code) or same(now, world) or whole(state_of(folder, "uploads"), now)
            assert not problem, f"{words}, killed at {kills}: {problem}"


MANY = '''
import sst
from sst.providers.aws import iam, lambda_

CODE = {{"path": {path!r}, "sha256": "0" * 64}}


def config(input):
    return sst.Config(name="torture", home="local", region="us-east-1", removal="remove")


def run():
    role = iam.Role("Runner", assume_role_policy={{"Version": "2012-10-17", "Statement": [
        {{"Effect": "Allow", "Principal": {{"Service": "lambda.amazonaws.com"}}, "Action": "sts:AssumeRole"}}]}})
    for n in range({count}):
        lambda_.Function(f"F{{n}}", role=role.arn, handler="app.handler", runtime="python3.12", code=CODE)
'''


class Narrow:
    """Lets ``rate`` calls a second through, as an account's control plane does: the others are refused."""

    def __init__(self, rate: int) -> None:
        self.rate, self.passed, self.lock = rate, deque[float](), Lock()

    def __call__(self, request: Request) -> Fault | None:
        with self.lock:
            while self.passed and request.time - self.passed[0] > 1:
                self.passed.popleft()
            if len(self.passed) >= self.rate:
                return Refuse("TooManyRequestsException", 429, "Rate exceeded")
            self.passed.append(request.time)
            return None


@pytest.fixture
def stage(tmp_path: Path, cloud: Cloud, aws: Aws, figures: Counter[str]) -> Iterator[Stage]:
    with proxy(cloud.endpoint) as way:
        yield Stage(tmp_path, cloud, aws, way, figures)


def test_300_functions_through_15_calls_a_second(stage: Stage, figures: Counter[str]) -> None:
    stage.write("deploy")
    (stage.folder / "sst_config.py").write_text(MANY.format(path=str(stage.folder / "code.zip"), count=300))
    stage.way.decide = Narrow(15)
    began = time.monotonic()
    stage.sst("deploy")
    figures["seconds for 300 functions past a gate of 15 calls a second"] = int(time.monotonic() - began)
    figures["calls of them that were refused"] = stage.way.injected["refuse"]
    assert not whole(stage.state(), stage.world())
    assert len([t for t in stage.world() if t[0] == "aws.lambda.Function"]) == 300
    began = time.monotonic()
    stage.sst("remove", "--yes")
    figures["seconds for their removal"] = int(time.monotonic() - began)
    stage.check([])
    stage.count()
