"""What flows between program, plan, engine and state. Data only.

    Goal      what the program asks for (one resource)
    State     what is known of a resource that exists
    Operation an operation that has begun and whose end is not recorded: a crash left it, or it runs now
    Snapshot  all of these of one stage, between two commands
    Entry     one line of the journal; folding entries over a snapshot gives the next snapshot
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from ..records import dataclass

__all__ = ["HIDDEN", "URN", "Entry", "EntryKind", "Folding", "Goal", "Op", "Operation", "Snapshot", "State",
           "deposed_key", "fold", "hidden", "name_of", "shown"]

HIDDEN = "$secret"

URN: TypeAlias = str
"""``aws.Function/aws.iam.Role::Api/Role``: the path of types, then the path of names. Unique in a stage."""


def name_of(urn: URN) -> str:
    """``aws.Function/aws.iam.Role::Api/Role`` → ``Api/Role``."""
    return urn.rpartition("::")[2]


class Op(StrEnum):
    SAME = "same"
    CREATE = "create"
    ADOPT = "adopt"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    FORGET = "forget"
    """Leave it in the cloud, keep it in the state as retained."""
    READ = "read"
    """Look up an existing resource that is never created, changed or deleted."""
    UNSURE = "unsure"
    """Its create was interrupted and it is not known yet whether it exists: it waits, and so do its dependents."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What the program asked for. ``inputs`` may hold outputs of other resources."""

    urn: URN
    type: str
    inputs: Mapping[str, Any]
    deps: frozenset[URN] = frozenset()
    parent: URN | None = None
    stack: str = ""
    where: str = ""
    protect: bool = False
    retain: bool = False
    ignore_changes: tuple[str, ...] = ()
    aliases: tuple[URN, ...] = ()
    adopt: str | Mapping[str, Any] | None = None
    """Id, or identifying attributes, of an existing resource to adopt instead of creating one."""
    secret: frozenset[str] = frozenset()
    """Names of the properties whose values are secret: encrypted in state, never shown."""
    provider: str = ""
    """Reference of the provider instance: ``aws``, or ``aws::Us`` for one that the program declares."""
    read: bool = False
    """An existing resource, which is only looked up."""
    order: str = ""
    """``create_first`` or ``delete_first``, where the program says how it is replaced."""


@dataclass(frozen=True, slots=True)
class State:
    """A resource that exists, as last seen."""

    urn: URN
    type: str
    id: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    deps: tuple[URN, ...] = ()
    parent: URN | None = None
    stack: str = ""
    where: str = ""
    base: str = ""
    """The physical name minted for it."""
    protect: bool = False
    retain: bool = False
    retained: bool = False
    """No longer in the program, kept in the cloud; taken back when the program declares it again."""
    unsure: bool = False
    """The last update may or may not have happened: all updatable properties are sent again."""
    secret: tuple[str, ...] = ()
    """Names of inputs and outputs that are encrypted when written."""
    provider: str = ""
    """Reference of the provider instance that manages it."""
    private: str = ""
    """The provider's own notes on it, encrypted when written."""
    version: int = 0
    """Of the schema that its outputs follow."""
    damaged: bool = False
    """It was created only in part: the next plan replaces it."""
    fingerprint: str = ""
    """Of the provider that recorded it, see ``provider.Traits``. Empty: it has not planned what is recorded."""
    read: bool = False
    """It is not ours: looked up, and never changed or deleted."""
    unseen: bool = False
    """Restored from a former version of the state: whether it still exists is asked before anything else."""

    @property
    def values(self) -> dict[str, Any]:
        return {**self.inputs, **self.outputs}

    @property
    def identity(self) -> tuple[str, str, str]:
        """What it is in the cloud. Parts of one thing share its id: a bucket, its policy, its CORS rules."""
        return self.provider, self.type, self.id


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that has begun. Holds everything that is needed to find its resource again."""

    urn: URN
    op: Op
    type: str
    base: str = ""
    token: str = ""
    """Idempotency token sent with the call."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    deps: tuple[URN, ...] = ()
    parent: URN | None = None
    stack: str = ""
    where: str = ""
    protect: bool = False
    retain: bool = False
    secret: tuple[str, ...] = ()
    old_id: str = ""
    """Id of the resource being updated, replaced or deleted."""
    provider: str = ""
    """Reference of the provider instance that carries it out."""
    known: tuple[str, ...] = ()
    """Ids of all resources of this type in the state, so that ``find`` does not mistake one of them for the new one.
    Never recorded."""
    changed: frozenset[str] = frozenset()
    """Arguments that an update sends. Never recorded."""
    change: Any = None
    """The provider's plan (``provider.Change``) for exactly these inputs. Never recorded."""


def deposed_key(item: State | Operation) -> str:
    """``urn#id``, with the provider instance unless it is the default one: ids repeat in other regions."""
    id = item.id if isinstance(item, State) else item.old_id
    return f"{item.urn}#{id}" + (f"@{item.provider}" if "::" in item.provider else "")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything known of one stage. ``meta`` holds the lineage, and per provider instance the account and region."""

    resources: Mapping[URN, State] = field(default_factory=dict)
    deposed: Mapping[str, State] = field(default_factory=dict)
    """Replaced resources that are still to be deleted, by ``urn#id``."""
    pending: Mapping[str, Operation] = field(default_factory=dict)
    """By URN; the delete of a deposed resource by ``urn#id``."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """What the program returned, shown by ``sst outputs``."""
    links: Mapping[str, Any] = field(default_factory=dict)
    """Per linkable component: its properties, for ``sst shell`` and the pytest plugin."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    serial: int = 0

    def verify(self) -> None:
        """Raise ValueError naming what is wrong; called before each save."""
        for urn, s in self.resources.items():
            if s.urn != urn:
                raise ValueError(f"{urn} is stored under another name: {s.urn}")
            for d in s.deps:
                if d not in self.resources:
                    raise ValueError(f"{urn} depends on {d}, which is not in the state")
        for key, s in self.deposed.items():
            if deposed_key(s) != key:
                raise ValueError(f"deposed {key} is stored under another name")


EntryKind: TypeAlias = Literal["begin", "made", "undone", "unsure", "replaced", "gone", "moved", "retained", "outputs",
                               "links", "meta"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal.

    begin     ``pending``: an operation starts
    made      ``state``: the resource exists like this; ends a pending operation
    undone    the operation ended and changed nothing
    unsure    ``state``: an update may have happened; ends the pending operation
    replaced  ``state``: the new resource, or a deposed one that is reused; the old one becomes deposed
    gone      ``state``: this resource (live or deposed, by id) no longer exists; nothing depends on it any more
    moved     ``old`` → ``urn``: the same resource under a new name
    retained  the resource leaves the program but stays in the cloud and in the state
    outputs, links, meta  ``data``: replaces that part of the snapshot
    """

    kind: EntryKind
    urn: URN = ""
    state: State | None = None
    pending: Operation | None = None
    old: URN = ""
    data: Mapping[str, Any] | None = None


class Folding:
    """A snapshot that grows entry by entry; each costs the same, however large the snapshot (a move looks at all).

        folding = Folding(snapshot)
        folding.add(Entry("made", urn, state=state))
        folding.snapshot()
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._was: Snapshot | None = snapshot
        self._base = snapshot
        self.resources = dict(snapshot.resources)
        self.deposed = dict(snapshot.deposed)
        self.pending = dict(snapshot.pending)
        self.parts: dict[str, dict[str, Any]] = {}
        self._users: dict[URN, set[URN]] | None = None
        """Who depends on what; made when first asked for."""

    def snapshot(self) -> Snapshot:
        """The snapshot so far: a copy, made only if entries came since the last one."""
        if self._was is None:
            kept: dict[str, Any] = {**self.parts, "resources": dict(self.resources), "deposed": dict(self.deposed),
                                    "pending": dict(self.pending)}
            self._was = replace(self._base, **kept)
        return self._was

    def part(self, kind: str) -> Mapping[str, Any]:
        """The present ``outputs``, ``links`` or ``meta``."""
        return self.parts[kind] if kind in self.parts else getattr(self._base, kind) or {}

    def touch(self) -> None:
        """Say that a part was changed directly."""
        self._was = None

    def add(self, e: Entry) -> None:
        self.touch()
        res, dep, pend = self.resources, self.deposed, self.pending
        match e.kind:
            case "begin":
                assert e.pending
                pend[_pending_key(e.pending)] = e.pending
            case "made" | "unsure":
                assert e.state
                dep.pop(deposed_key(e.state), None)
                self._put(e.urn, e.state)
                pend.pop(e.urn, None)
            case "undone":
                pend.pop(e.urn, None)
            case "replaced":
                assert e.state
                if was := res.get(e.urn):
                    dep[deposed_key(was)] = was
                dep.pop(deposed_key(e.state), None)
                self._put(e.urn, e.state)
                pend.pop(e.urn, None)
            case "gone":
                assert e.state
                key = deposed_key(e.state)
                pend.pop(key, None)
                if key in dep:
                    del dep[key]
                elif e.urn in res and deposed_key(res[e.urn]) == key:
                    del res[e.urn]
                    pend.pop(e.urn, None)
                    self._forget_uses(e.urn)
            case "moved":
                _move(res, dep, e.old, e.urn)
                for key, p in pend.items():
                    if e.old in p.deps:
                        pend[key] = replace(p, deps=tuple(sorted(e.urn if d == e.old else d for d in p.deps)))
                self._users = None
            case "retained":
                if e.urn in res:
                    res[e.urn] = replace(res[e.urn], retained=True, deps=())
            case "outputs" | "links" | "meta":
                self.parts[e.kind] = dict(e.data or {})

    def _put(self, urn: URN, state: State) -> None:
        self.resources[urn] = state
        if self._users is not None:
            for d in state.deps:
                self._users.setdefault(d, set()).add(urn)

    def _forget_uses(self, gone: URN) -> None:
        """Drop dependencies on a resource that was deleted (in order to be re-created)."""
        if self._users is None:
            self._users = {}
            for urn, s in self.resources.items():
                for d in s.deps:
                    self._users.setdefault(d, set()).add(urn)
        for user in self._users.pop(gone, ()):
            if (was := self.resources.get(user)) and gone in was.deps:
                self.resources[user] = replace(was, deps=tuple(d for d in was.deps if d != gone))


def fold(snapshot: Snapshot, entries: Iterable[Entry]) -> Snapshot:
    """The snapshot after these entries. Linear in their number plus the size of the snapshot."""
    folding = Folding(snapshot)
    for e in entries:
        folding.add(e)
    return folding.snapshot()


def hidden(value: Any) -> dict[str, Any]:
    """Mark a value inside ``outputs``, ``links`` or ``meta`` as secret: it is encrypted when written."""
    return {HIDDEN: value}


def shown(value: Any) -> Any:
    """The value without the marks of ``hidden``, at any depth: ``shown({"a": hidden("x")}) == {"a": "x"}``."""
    if isinstance(value, Mapping):
        return shown(value[HIDDEN]) if value.keys() == {HIDDEN} else {k: shown(v) for k, v in value.items()}
    return [shown(v) for v in value] if isinstance(value, list | tuple) else value


def _pending_key(p: Operation) -> str:
    return deposed_key(p) if p.op is Op.DELETE else p.urn


def _move(res: dict[URN, State], dep: dict[str, State], old: URN, new: URN) -> None:
    if old in res:
        res[new] = replace(res.pop(old), urn=new)
    for key, s in list(dep.items()):
        if s.urn == old:
            del dep[key]
            moved = replace(s, urn=new)
            dep[deposed_key(moved)] = moved
    for part in (res, dep):
        for key, s in part.items():
            if old in s.deps or s.parent == old:
                part[key] = replace(s, deps=tuple(sorted(new if d == old else d for d in s.deps)),
                                    parent=new if s.parent == old else s.parent)
