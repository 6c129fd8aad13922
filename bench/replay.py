"""Records the calls of a deploy and makes them again with plain boto3."""
from __future__ import annotations

import json
import pickle
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["STEPS", "contenders"]


@dataclass(frozen=True)
class Step:
    command: str
    edits: tuple[tuple[str, str, str], ...] = ()
    """File, old text, new text."""


STEPS = {
    "deploy": Step("deploy"),
    "noop": Step("deploy"),
    "value": Step("deploy", (("sst_config.py", 'visibility_timeout="1 minute"', 'visibility_timeout="2 minutes"'),)),
    "code": Step("deploy", (("src/announce.py", "\n", "\nREVISION = 2\n"),)),
    "remove": Step("remove"),
}


@dataclass(frozen=True)
class Recorded:
    step: str
    service: str
    operation: str
    params: Mapping[str, Any]
    answer: Mapping[str, Any]
    began: float
    ended: float


def record(root: str, file: str) -> dict[str, Any]:
    """Run the steps in this process, with an AWS client that writes down what it is asked."""
    import os

    from sst.clouds.aws.client import Aws
    from sst.clouds.aws.cloud import AwsCloud
    from sst.clouds.registry import Clouds
    from sst.embedded.cloud import start
    from sst.project import run
    from sst.project.backend import Backend
    from sst.project.project import open_project

    calls: list[Recorded] = []
    name = ""

    class Recorder(Aws):
        def call(self, service: str, operation: str, params: Mapping[str, Any] | None = None,
                 **named: Any) -> dict[str, Any]:
            began = time.monotonic()
            answer = super().call(service, operation, params, **named)
            sent = {key: whole(value) for key, value in (params or {}).items()}
            calls.append(Recorded(name, service, operation, sent, answer, began, time.monotonic()))
            return answer

    class RecordedCloud(AwsCloud):
        def _opened(self, reference: str, given: Mapping[str, Any]) -> Aws:
            assert self.context.local
            c = self.context.local()
            return Recorder(region=self.context.region, endpoint=c.endpoint, credentials=(c.access_key, c.secret_key),
                            environment={})

    class RecordedBackend(Backend):
        def _open_clouds(self) -> Clouds:
            clouds = super()._open_clouds()
            clouds._aws = RecordedCloud(clouds.context, clouds.artefacts.file_of)
            return clouds

    folder, counts = Path(root), {}
    for name, step in STEPS.items():  # the recorder writes it down
        for path, old, new in step.edits:
            (folder / path).write_text((folder / path).read_text(encoding="utf-8").replace(old, new, 1),
                                       encoding="utf-8")
        project = open_project(folder / "sst_config.py", stage="local", environ=os.environ)
        world = RecordedBackend(project, lambda: start(folder, environment=os.environ))
        done = getattr(run, step.command)(world, run.Run(lambda event: None, confirm=lambda plan: None))
        done.result.check()
        if name == "deploy":
            counts["account"] = sum("sst-py" in text(c.params) and c.operation != "put_object" for c in calls)
            counts["builds"] = sum(s.type == "local.Build" for s in world.stage.load().resources.values())
        world.close()
    with Path(file).open("wb") as stream:
        pickle.dump((calls, counts), stream)
    return {"calls": len(calls)}


def whole(value: Any) -> Any:
    """A file that is sent from the disk, as its bytes."""
    return Path(value.name).read_bytes() if hasattr(value, "read") else value


def replay(root: str, file: str) -> dict[str, Any]:
    """Each recorded call by boto3, once those are done that it needs; seconds by step, clients included."""
    import os

    import boto3
    from botocore.config import Config

    from sst.embedded.cloud import reset, start

    reset(Path(root))  # a removal leaves the bucket of the account's uploads
    cloud = start(Path(root), environment=os.environ)
    began = time.perf_counter()
    with Path(file).open("rb") as stream:
        calls, counts = pickle.load(stream)  # noqa: S301  # our own
    session = boto3.session.Session(cloud.access_key, cloud.secret_key, region_name=cloud.region)
    config = Config(max_pool_connections=32)
    clients = {s: session.client(s, endpoint_url=cloud.endpoint, config=config) for s in {c.service for c in calls}}
    ready = time.perf_counter() - began
    new: dict[str, str] = {}
    said: dict[str, Any] = {}
    for name in STEPS:
        if operation := [c for c in calls if c.step == name]:
            began = time.perf_counter()
            again(operation, clients, new)
            said[name] = {"seconds": ready + time.perf_counter() - began, "calls": len(operation), **counts}
    return said


def again(calls: list[Recorded], clients: Mapping[str, Any], new: dict[str, str]) -> None:
    calls = sorted(calls, key=lambda c: c.began)
    texts, words = [text(c.params) for c in calls], [names(c) for c in calls]
    futures: list[Future[None]] = []

    def one(i: int, after: list[Future[None]]) -> None:
        for future in after:
            future.result()
        call = calls[i]
        answer = getattr(clients[call.service], call.operation)(**swapped(call.params, new))
        learn(call.answer, answer, new)

    with ThreadPoolExecutor(32) as pool:
        for i, call in enumerate(calls):
            after = [futures[j] for j in range(i) if calls[j].ended <= call.began
                     and any(w in texts[i] for w in words[j])]
            futures.append(pool.submit(one, i, after))
        for future in futures:
            future.result()


def text(value: Any) -> str:
    return json.dumps(value, default=lambda v: "")


def names(call: Recorded) -> set[str]:
    """What tells that a later call needs this one: a physical name in it, or an id that it was given."""
    minted = {v for v in leaves(call.answer) if isinstance(v, str) and len(v) > 5 and re.fullmatch(r"[\w:/.-]+", v)}
    own = set(re.findall(r"uploads-local-[\w-]+|/?sst-py[\w/-]+", text(call.params)))
    return own | (minted - {"application/json", "us-east-1"})


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for k, v in value.items():
            if k != "ResponseMetadata":
                yield from leaves(v)
    elif isinstance(value, list | tuple):
        for v in value:
            yield from leaves(v)
    else:
        yield value


def learn(old: Any, now: Any, new: dict[str, str]) -> None:
    """Which id of the recording is which one now."""
    if isinstance(old, Mapping) and isinstance(now, Mapping):
        for k in old.keys() & now.keys() - {"ResponseMetadata"}:
            learn(old[k], now[k], new)
    elif isinstance(old, list) and isinstance(now, list):
        for a, b in zip(old, now, strict=False):
            learn(a, b, new)
    elif isinstance(old, str) and isinstance(now, str) and old != now and min(len(old), len(now)) > 7:
        new[old] = now


def swapped(value: Any, new: Mapping[str, str]) -> Any:
    """The value with ids of the recording replaced by those of now."""
    if isinstance(value, Mapping):
        return {k: swapped(v, new) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [swapped(v, new) for v in value]
    if isinstance(value, str):
        for a, b in list(new.items()):
            if a in value:
                return value.replace(a, b)
    return value


def contenders() -> Iterator[Callable[..., Mapping[str, Any]]]:
    yield from (record, replay)
