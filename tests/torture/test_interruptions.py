"""Signals, a full disk, other users, credentials that expire: what happens to a process from outside."""
from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from sst.clouds.aws.client import Aws
from sst.embedded.cloud import Cloud

from .apps import write_app
from .census import census, same, state_of, whole
from .conftest import FULL, full
from .doomed import Doom
from .forge import Forge
from .proxy import Fault, Refuse, Request, proxy
from .stage import Stage

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.timeout(1800)]

DEPLOY = ("deploy", "--yes", "--allow-destroy", "Files")
GRACE = 10.0
"""Seconds between SIGTERM and SIGKILL; GitHub Actions gives 10 in all."""


@pytest.fixture
def stage(tmp_path: Path, cloud: Cloud, aws: Aws, figures: Counter[str]) -> Iterator[Stage]:
    with proxy(cloud.endpoint) as way:
        stage = Stage(tmp_path, cloud, aws, way, figures)
        yield stage
        stage.remove()
        stage.count()


class Signals:
    """Sends a signal to the process whose call comes by as number ``at``; then to the one of ``again``."""

    def __init__(self, stage: Stage, number: int, *at: int) -> None:
        self.stage, self.number, self.at = stage, number, at
        self.process: subprocess.Popen[str] | None = None
        self.first = len(stage.way.names)
        stage.way.reached = self.reached

    def reached(self, request: Request, when: str) -> None:
        if when == "before" and request.number - self.first in self.at and self.process:
            self.process.send_signal(self.number)
            self.stage.figures["signals"] += 1


@pytest.mark.parametrize("at", [(3,), (8,), (12,), (5, 6), (11, 13)] if FULL else [(5, 6)],
                         ids=lambda at: f"{len(at)} at {at[0]}")
@pytest.mark.long
def test_an_interrupt(stage: Stage, at: tuple[int, ...]) -> None:
    """Once: what runs is finished and known. Twice: it is gone at once, and the next command finds out."""
    stage.write("deploy")
    signals = Signals(stage, signal.SIGINT, *at)
    signals.process = stage.start(*DEPLOY)
    said = stage.end(signals.process, timeout=60)
    assert said.code == 130, said.text
    if len(at) == 1:
        assert "finishing running steps" in said.text and "Run it again to continue" in said.text
        assert not stage.state().pending
        now = stage.world()
        assert not whole(stage.state(), now), "what was made is known"
    stage.sst(*DEPLOY)
    stage.check(stage.world())
    then = stage.world()
    stage.remove()
    stage.check([])
    assert not same(stage.calm(), then)


@full
def test_an_interrupt_of_a_look_at_the_cloud(stage: Stage) -> None:
    """A refresh changes nothing: it waits for no answer, and the next command can begin."""
    stage.deploy("deploy")
    reached, go = Event(), Event()

    def hold(request: Request, when: str) -> None:
        if request.service == "sqs" and when == "before":
            reached.set()
            go.wait(60)

    for words in (("refresh", "--yes"), ("diff", "--refresh")):
        reached.clear()
        stage.way.reached = hold
        process = stage.start(*words)
        assert reached.wait(60)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        said = stage.end(process, timeout=30)
        assert said.code == 130 and time.monotonic() - began < 3, said.text
        stage.figures["signals"] += 1
        stage.way.reached = lambda r, when: None
        assert "no drift" in stage.sst("refresh").text
    go.set()


@full
def test_a_job_of_ci_that_is_cancelled(stage: Stage) -> None:
    """SIGTERM, then SIGKILL: even with a call that does not end, the next run goes on from there."""
    stage.write("deploy")
    reached, go = Event(), Event()

    def hold(request: Request, when: str) -> None:
        if request.name == "lambda POST /2015-03-31/functions" and when == "after":
            reached.set()
            go.wait(60)

    stage.way.reached = hold
    process = stage.start(*DEPLOY)
    assert reached.wait(60)
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(GRACE)
    process.kill()
    assert stage.end(process).code == -signal.SIGKILL
    go.set()
    stage.figures["signals"] += 2
    then = stage.calm()
    stage.check(then)
    assert len([t for t in then if t[0] == "aws.lambda.Function"]) == 1


@full
def test_a_job_of_ci_that_ends_in_time(stage: Stage) -> None:
    stage.write("deploy")
    signals = Signals(stage, signal.SIGTERM, 10)
    signals.process = stage.start(*DEPLOY)
    began = time.monotonic()
    said = stage.end(signals.process, timeout=30)
    assert said.code == 130 and "Run it again to continue" in said.text and time.monotonic() - began < 10
    stage.check(stage.calm())


@full
@pytest.mark.parametrize("after", range(2, 17))
def test_the_credentials_expire(stage: Stage, after: int) -> None:
    stage.write("deploy")
    first = len(stage.way.names)
    stage.way.decide = lambda r: Refuse("ExpiredTokenException", 403,
                                        "The security token included in the request is expired") \
        if r.number - first >= after else None
    said = stage.sst(*DEPLOY, code=None)
    assert said.code == 2 and "expired" in said.text, said.text
    then = stage.calm()
    stage.check(then)


def limited(size: int) -> Callable[[], None]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return limit


@pytest.mark.parametrize("more", range(0, 120, 8) if FULL else (24,))
def test_the_disk_is_full(stage: Stage, more: int) -> None:
    """No file may grow beyond some kilobytes: the state can't be written any more, somewhere in the run."""
    stage.write("deploy")
    said = stage.end(stage.start(*DEPLOY, before=limited(more * 1024)))
    assert said.code in (0, 1, 2, 3), said.text
    stage.figures["full disks" if said.code else "disks that were large enough"] += 1
    reasons = ("space", "too large", "refused", "can't be")
    assert not said.code or any(reason in said.text for reason in reasons), said.text
    stage.check(stage.calm())


@full
def test_a_home_that_can_not_be_written(stage: Stage) -> None:
    """Nothing is made that could not be remembered."""
    stage.write("deploy")
    home = stage.root / "home/.local"
    home.write_text("not a folder")
    said = stage.sst(*DEPLOY, code=3)
    assert "writable" in said.text and not stage.world()
    home.unlink()
    if os.getuid():
        home.parent.chmod(0o500)
        assert "writable" in stage.sst(*DEPLOY, code=3).text and not stage.world()
        home.parent.chmod(0o700)
    stage.calm()


@full
def test_two_deploys_at_once(stage: Stage) -> None:
    stage.write("deploy")
    reached, go = Event(), Event()

    def hold(request: Request, when: str) -> None:
        if request.service == "sqs" and when == "before" and not go.is_set():
            reached.set()
            go.wait(60)

    stage.way.reached = hold
    first = stage.start(*DEPLOY)
    assert reached.wait(60)
    second = stage.sst(*DEPLOY, code=3)
    assert "another command holds the lock" in second.text and str(first.pid) in second.text
    go.set()
    assert stage.end(first).code == 0
    stage.check(stage.world())
    stage.sst(*DEPLOY)


@full
def test_a_crowd_deploys_at_once(stage: Stage) -> None:
    """Each either deploys or is told who does; the world is that of one."""
    stage.write("deploy")
    crowd = [stage.start(*DEPLOY) for _ in range(8 if FULL else 4)]
    codes = Counter(stage.end(p).code for p in crowd)
    stage.figures["deploys that raced"] += len(crowd)
    assert codes[0] >= 1 and set(codes) <= {0, 3}
    stage.check(stage.calm())


@full
def test_a_role_that_can_not_be_assumed_yet(stage: Stage) -> None:
    since: list[float] = []

    def unready(request: Request) -> Fault | None:
        if request.name != "lambda POST /2015-03-31/functions":
            return None
        since.append(request.time)
        return Refuse("InvalidParameterValueException", 400,
                      "The role defined for the function cannot be assumed by Lambda.") \
            if request.time - since[0] < 20 else None

    stage.way.decide = unready
    stage.deploy("deploy")
    assert len(since) > 1
    stage.check(stage.calm())


@full
def test_a_name_that_is_not_free_again_yet(stage: Stage) -> None:
    """SQS gives a name again only a minute after its queue was deleted."""
    stage.calm()
    stage.remove()
    since: list[float] = []

    def cooling(request: Request) -> Fault | None:
        if request.name != "sqs CreateQueue" or b"torture-fixed" not in request.body:
            return None
        since.append(request.time)
        return Refuse("QueueDeletedRecently", 400, "You must wait 60 seconds after deleting a queue") \
            if request.time - since[0] < 60 else None

    stage.way.decide = cooling
    stage.deploy("deploy")
    assert len(since) > 1
    stage.check(stage.calm())


STOPS = ("state journal#2 before", "state journal#4 after", "state journal#6 before", "sqs.create_queue#1 before",
         "lambda.create_function#1 before", "lambda.create_function#1 after", "state snapshot#1 before",
         "state snapshot#1 after")


@pytest.mark.parametrize("stop", STOPS if FULL else STOPS[3:4])
@pytest.mark.long
def test_one_that_was_paused_past_its_lease_can_not_save(forge: Forge, given: dict[str, Any], folder: Path, aws: Aws,
                                                          figures: Counter[str], stop: str) -> None:
    lease = (0.1, 0.3, 0.6)
    words = [*DEPLOY, "--stage", "local"]
    write_app(folder, "deploy")
    paused = forge.start(words, folder, Doom(given, str(folder.parent / "log1"), stop=stop, lease=lease))
    assert forge.stopped(paused)
    try:
        time.sleep(0.7)  # the lease runs out by the clock, and nothing else
        other = forge.run(words, folder, Doom(given, str(folder.parent / "log2"), lease=lease))
        then, state = census(aws), state_of(folder) if not other.code else None
    finally:
        os.kill(paused[0], signal.SIGCONT)
    ended = forge.wait(paused)
    if state is None:  # it stopped within a write to the local file, which is locked as long as that takes
        assert "another process has been writing for too long: end it" in other.said
        figures["paused within a write of the local state: the other was told to end it"] += 1
    else:
        figures["paused past the lease, and could not save"] += 1
        assert ended.code == 3 or (stop == "state snapshot#1 after" and not ended.code), ended.said
        assert ended.code == 0 or "lock" in ended.said or "took over" in ended.said
        now = census(aws)
        assert not same(now, then) and not whole(state_of(folder),
                                                 now) and state_of(folder).resources == state.resources
    assert forge.run(words, folder, Doom(given, str(folder.parent / "log3"))).code == 0
    assert forge.run(["remove", "--yes", "--stage", "local"], folder,
                     Doom(given, str(folder.parent / "log3"))).code == 0
    assert not census(aws)
