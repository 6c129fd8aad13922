"""Things that the state's tests are made of."""
from __future__ import annotations

from sst.core.model import Entry, Op, Operation, State
from sst.state.holder import Who
from sst.state.keys import MemoryKeys
from sst.state.session import Stage
from sst.state.store import Store

STRANGER = Who("bob", "ci-7", 4242, "https://ci.example/run/9", "elsewhere", "1")
"""Somebody on another machine: whether his process lives can't be told from here."""


def state(n: int, *, secret: str = "", deps: tuple[str, ...] = ()) -> State:
    urn = f"aws.sqs.Queue::Q{n}"
    inputs = {"name": f"q{n}", "delay": n} | ({"password": secret} if secret else {})
    return State(urn, "aws.sqs.Queue", f"https://sqs/q{n}", inputs, {"arn": f"arn:q{n}"}, deps=deps, base=f"app-q{n}",
                 secret=("password",) if secret else ())


def begin(s: State) -> Entry:
    return Entry("begin", s.urn, pending=Operation(s.urn, Op.CREATE, s.type, base=s.base, token="t", inputs=s.inputs,
                                                   secret=s.secret))


def made(s: State) -> Entry:
    return Entry("made", s.urn, state=s)


def stage_of(store: Store, *, who: Who = STRANGER, keys: MemoryKeys | None = None, **given: object) -> Stage:
    return Stage(store, "app", "prod", keys=keys or MemoryKeys(), who=who, **given)  # type: ignore[arg-type]  # lease, keep, clock
