"""A fake cloud and a journal in memory: the engine's own tests need nothing else.

    cloud, journal = Cloud(), MemoryJournal()
    with Graph("app", "test").active() as graph:
        Thing("Jobs", size=2)
    graph.seal()
    deploy(graph, journal, cloud.provider, ignore, confirm=agree)
"""
from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from sst.core.model import Entry, Folding, Operation, Snapshot, State
from sst.core.output import Output
from sst.core.provider import Absent, Change, Found, Note, Provider, Providers, Result, Unsure
from sst.core.resource import Arg, Resource, out, prop, schema_of
from sst.core.schema import Schema
from sst.engine.plan import Plan
from sst.engine.record import Journal
from sst.engine.refresh import Drift, accepted, drifts
from sst.errors import ProviderError, Throttled
from sst.events import Event, Sink

Fail = Callable[[str, Mapping[str, Any]], None]


class Thing(Resource, type="fake.Thing"):
    """Something with a minted name; a new ``shape`` needs a new thing."""

    name: Arg[str] = prop(limit=40, replace=True)
    size: Arg[int] = prop(default=1)
    shape: Arg[str] = prop(default="x", replace=True)
    uses: Arg[list[Any]] = prop(default=None)
    note: Arg[str] = prop(default=None)
    password: Arg[str] = prop(default=None, secret=True)

    key: Output[str] = out("key")
    turn: Output[str] = out("turn")
    """Another one after each update, which the class does not say: as a provider that breaks its promise."""


class Store(Resource, type="fake.Store", holds_data=True):
    """A thing that holds the user's data."""

    name: Arg[str] = prop(limit=40, replace=True)
    size: Arg[int] = prop(default=1)
    shape: Arg[str] = prop(default="x", replace=True)

    key: Output[str] = out("key")


class Versioned(Resource, type="fake.Versioned"):
    """Each update gives it a new version; it has a password that the cloud makes."""

    name: Arg[str] = prop(limit=40, replace=True)
    code: Arg[str] = prop(default="")

    key: Output[str] = out("key")
    version: Output[str] = out("version", volatile=True)
    token: Output[str] = out("token", secret=True)


class Crash(BaseException):
    """The process was killed here: nothing more is written or called."""


def refused(op: str = "") -> ProviderError:
    return ProviderError("that is not valid", code="Invalid", operation=op, status=400)


def no_reply(op: str = "") -> ProviderError:
    return ProviderError("the connection was reset", code="Reset", operation=op, status=0)


def broken(op: str = "") -> ProviderError:
    return ProviderError("internal failure", code="InternalFailure", operation=op, status=503)


def busy(op: str = "") -> ProviderError:
    return Throttled("rate exceeded", code="Throttling", operation=op, status=400)


def unsent(op: str = "") -> ProviderError:
    return ProviderError("no route to host", code="Unreachable", operation=op, sent=False)


def ignore(event: Event) -> None:
    """A sink that shows nothing."""


def agree(plan: Plan) -> None:
    """A user who agrees to everything."""


class Cloud(Provider):
    """Things by id, each with its inputs. Names are taken once; what is used can't be deleted, unless its name is like
    ``fixed-...``; updates set what they are sent and nothing else.

    ``fail`` is asked before each call (``"create"``) and after its effect (``"created"``; ``"half-created"`` between
    the two calls that a create makes), and raises what shall go wrong there.
    """

    def __init__(self, fail: Fail | None = None) -> None:
        self.live: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self.fail: Fail = fail or (lambda op, inputs: None)
        self.keeps: Callable[[str], bool] = lambda id: False
        """Things that are retained let go of what they use."""
        self.unsure = False
        self.before_delete: Callable[[State], None] = lambda state: None
        self.lock = threading.Lock()
        self.count = 0

    def provider(self, item: object) -> Cloud:
        return self

    def schema(self, type: str) -> Schema:
        return schema_of(Resource.kinds[type])

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        kind = Resource.kinds[type]
        old = prior.inputs if prior else {}
        changed = frozenset(k for k in kind.props if old.get(k) != inputs.get(k))
        if prior is None:
            return Change(changed)
        volatile = frozenset(k for k, o in kind.outs.items() if o.volatile)
        return Change(changed, frozenset(k for k in changed if kind.props[k].replace),
                      unknown=volatile if changed else frozenset())

    def outputs(self, id: str, type: str) -> dict[str, Any]:
        if type == Thing.type:
            return {"key": id, "turn": str(self.live[id]["#version"])}
        if type != Versioned.type:
            return {"key": id}
        return {"key": id, "version": str(self.live[id]["#version"]), "token": f"token of {id}"}

    def create(self, operation: Operation, note: Note) -> Result:
        self.fail("create", operation.inputs)
        kind = Resource.kinds[operation.type]
        with self.lock:
            self.calls.append(("create", operation.urn))
            own = not str(operation.inputs["name"]).startswith("app-test-")
            if own and any(v.get("name") == operation.inputs["name"] for v in self.live.values()):
                raise ProviderError(f"{operation.inputs['name']} exists", code="AlreadyExists", status=409)
            self.count += 1
            id = f"id{self.count}"
            first = {k: v for k, v in operation.inputs.items() if kind.props[k].replace}
            self.live[id] = {**first, "#urn": operation.urn, "#token": operation.token, "#version": 1}
        self.fail("half-created", operation.inputs)
        with self.lock:
            self.live[id] |= operation.inputs
        self.fail("created", operation.inputs)
        return Result(id, self.outputs(id, operation.type))

    def read(self, state: State) -> Result | None:
        self.fail("read", state.inputs)
        with self.lock:
            self.calls.append(("read", state.urn))
            found = self.live.get(state.id)
            if found is None:
                return None
            inputs = {k: v for k, v in found.items() if not k.startswith("#")}
            return Result(state.id, self.outputs(state.id, state.type), inputs)

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        inputs, changed = operation.inputs, operation.changed
        self.fail("update", inputs)
        with self.lock:
            self.calls.append(("update", state.urn))
            if state.id not in self.live:
                raise ProviderError(f"{state.id} does not exist", code="NotFound", status=404)
            thing = self.live[state.id]
            for k in changed:
                assert not Resource.kinds[state.type].props[k].replace, f"{k} can't be updated"
                thing.pop(k, None)
                if k in inputs:
                    thing[k] = inputs[k]
            thing["#version"] += 1
        self.fail("updated", inputs)
        return Result(state.id, self.outputs(state.id, state.type))

    def delete(self, state: State, note: Note) -> None:
        self.fail("delete", state.inputs)
        with self.lock:
            self.calls.append(("delete", state.urn))
            self.before_delete(state)
            users = [i for i, v in self.live.items() if i != state.id and state.id in (v.get("uses") or [])
                     and not self.keeps(i)]
            if users and not str(state.inputs.get("name")).startswith("fixed-"):
                raise ProviderError(f"{state.id} is in use by {users}", code="InUse", status=400)
            self.live.pop(state.id, None)
        self.fail("deleted", state.inputs)

    def look_up(self, type: str, inputs: Mapping[str, Any]) -> Result | None:
        self.fail("look up", inputs)
        with self.lock:
            self.calls.append(("look up", type))
            for id, v in self.live.items():
                if all(v.get(k) == value for k, value in inputs.items()):
                    return Result(id, self.outputs(id, type), {k: x for k, x in v.items() if not k.startswith("#")})
        return None

    def find(self, operation: Operation) -> Found | Absent | Unsure:
        self.fail("find", operation.inputs)
        if self.unsure:
            return Unsure("the list is not consistent yet")
        with self.lock:
            self.calls.append(("find", operation.urn))
            for id, v in self.live.items():
                if v["#token"] == operation.token:
                    return Found(Result(id, self.outputs(id, operation.type)))
        return Absent()


class MemoryJournal:
    """Keeps every entry; each prefix can be folded and verified. ``before_write`` and ``after_write`` may raise."""

    def __init__(self, start: Snapshot | None = None) -> None:
        self.start = start or Snapshot()
        self.entries: list[Entry] = []
        self.lock = threading.RLock()
        self.folding = Folding(self.start)
        self.before_write: Callable[[Entry], None] = lambda entry: None
        self.after_write: Callable[[Entry], None] = lambda entry: None

    @property
    def snapshot(self) -> Snapshot:
        with self.lock:
            return self.folding.snapshot()

    def find(self, key: str) -> State | None:
        with self.lock:
            return self.folding.resources.get(key) or self.folding.deposed.get(key)

    def write(self, *entries: Entry, wait: bool = True) -> None:
        for e in entries:
            with self.lock:
                self.before_write(e)
                self.entries.append(e)
                self.folding.add(e)
                self.after_write(e)

    def check(self) -> None:
        pass

    def verify(self) -> None:
        """Every prefix is a whole state."""
        folding = Folding(self.start)
        for e in self.entries:
            folding.add(e)
            folding.snapshot().verify()
        assert folding.snapshot() == self.snapshot


def refresh(journal: Journal, providers: Providers, sink: Sink, *, accept: Callable[[Drift], bool] = lambda drift: True,
            **options: Any) -> list[Drift]:
    """Find all drift and record what ``accept`` says yes to."""
    found = drifts(journal.snapshot, providers, sink, **options)
    if entries := accepted(journal.snapshot, [d for d in found if accept(d)]):
        journal.write(*entries)
    return found
