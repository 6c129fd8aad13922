"""One class a resource type: its properties, its outputs, and the calls that make, read, change, find and end it.

A row reads like the service's API page. ``"$name"`` in a call's parameters stands for a property or output of the
thing; also known are ``$id``, ``$region``, ``$account``, ``$partition``, ``$token`` (idempotency token) and ``$tags``.
"""
from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from ...core.model import State
from ...core.provider import Note
from ...core.resource import Arg, Resource, prop

if TYPE_CHECKING:
    from .provider import AwsProvider

__all__ = ["AwsResource", "Call", "Identity", "Tagging", "call", "fill", "pascal", "wire"]

Identity: TypeAlias = Literal["name", "key", "token", "tag", "description", "content", "once"]
"""What tells, after a crash, whether a thing was made.

name: its physical name, minted or fixed. key: what it belongs to and a key under it (a put). token: the create call is
repeated with the same idempotency token. tag: listed by its ``sst:urn`` tag. description: listed by a mark in its
description. content: listed by what it holds. once: there is at most one under its parent.
"""


@dataclass(frozen=True)
class Call:
    """One API call of a row."""

    op: str
    params: Mapping[str, Any] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    """Send only these properties; as an update, run only if one of them changed."""
    also: bool = False
    """Run after the create too, if one of ``only`` is set: the create call does not take them."""
    spread: str = ""
    """Send the members of this property, not the property."""
    wait: str = ""
    """botocore waiter to run afterwards."""
    wait_on: tuple[str, ...] = ()
    """Parameters of the call that the waiter needs."""
    retry: tuple[str, ...] = ()
    """``"Code"`` or ``"Code: part of the message"`` that a moment cures."""
    done: tuple[str, ...] = ()
    """``"Code"`` or ``"Code: part of the message"`` by which the service says that it is so already."""
    idempotent: bool | None = None
    """Whether it may be repeated after a lost reply; by the operation's first word and tokens if not said."""


def call(op: str, *, only: str = "", also: bool = False, spread: str = "", wait: str = "", wait_on: str = "",
         retry: Sequence[str] = (),
         done: Sequence[str] = (), idempotent: bool | None = None, **params: Any) -> Call:
    return Call(op, params, tuple(only.split()), also, spread, wait, tuple(wait_on.split()), tuple(retry), tuple(done),
                idempotent)


@dataclass(frozen=True)
class Tagging:
    """How a thing's tags are sent: in the create call under ``wire``, later by ``add`` and ``remove``."""

    style: Literal["list", "map", "lower"] = "list"
    """``[{"Key": k, "Value": v}]``, ``{k: v}``, or ``[{"key": k, "value": v}]``."""
    wire: str = "Tags"
    add: Call | None = None
    remove: Call | None = None
    show: Call | None = None
    """Tells the tags of a thing whose ``read`` does not, or not if there are none."""

    def shape(self, tags: Mapping[str, str]) -> Any:
        match self.style:
            case "map":
                return dict(tags)
            case "lower":
                return [{"key": k, "value": v} for k, v in tags.items()]
        return [{"Key": k, "Value": v} for k, v in tags.items()]


class AwsResource(Resource):
    """A row of the table."""

    region: Arg[str] = prop(default=None, replace=True, local=True)
    """Where it is made, if not in the app's region."""

    service: ClassVar[str] = ""
    identity: ClassVar[Identity] = "name"
    identifier: ClassVar[str] = "$name"
    create: ClassVar[Call]
    read: ClassVar[Call | None] = None
    update: ClassVar[tuple[Call, ...]] = ()
    look_up: ClassVar[Call | None] = None
    """Gives what ``read`` needs to know of a thing of which only the inputs are known."""
    delete: ClassVar[Call | None] = None
    """None: it goes with what it belongs to, or can't be deleted."""
    find: ClassVar[Call | None] = None
    """Lists candidates where ``read`` can't be asked by what the inputs say; ``found`` picks them."""
    found: ClassVar[str] = ""
    """JMESPath of the candidates in the answer of ``find``."""
    gone: ClassVar[tuple[str, ...]] = ()
    """Error codes that say it does not exist."""
    absent: ClassVar[str] = ""
    """JMESPath in the answer of ``read`` that is null where the thing does not exist."""
    unset: ClassVar[Mapping[str, Call]] = {}
    """Calls that take a property away."""
    empty: ClassVar[Mapping[str, Any]] = {}
    """What is sent for a property that was taken away."""
    rests: ClassVar[frozenset[str]] = frozenset()
    """Properties that stay as they are in the cloud when the program no longer sets them: the API has no way back."""
    tagging: ClassVar[Tagging | None] = None
    overwrites: ClassVar[bool] = False
    """The create call succeeds for a name that is taken: a fixed one is looked up first."""
    delete_first: ClassVar[bool] = False
    reads: ClassVar[str] = ""
    """JMESPath in the answer of ``read`` below which properties stand as they are sent."""
    read_back: ClassVar[bool] = False
    """The answer of the create does not hold all outputs: read after it."""
    more: ClassVar[Mapping[str, Call]] = {}
    """Further reads: the answer of each stands under its name in that of ``read``. Asked only where a property is kept
    whose ``read`` begins with the name."""
    left_out: ClassVar[frozenset[str]] = frozenset()
    """Properties that a read's answer leaves out where they are not set."""
    fingerprints: ClassVar[Mapping[str, str]] = {}
    """Property that no read shows → output that changes with it: another one than was told after the last upload is
    drift."""
    ready: ClassVar[str] = ""
    """JMESPath in that read's answer that is null until all outputs are there."""

    def __init_subclass__(cls, *, type: str = "", service: str = "", **kw: Any) -> None:
        super().__init_subclass__(type=type, **kw)
        cls.service = service or cls.service

    @classmethod
    def sent_later(cls) -> frozenset[str]:
        """Properties that the create call does not take: a following call sets them."""
        return frozenset(k for c in cls.update if c.also for k in c.only)

    @classmethod
    def prints_of(cls, c: Call) -> frozenset[str]:
        """The fingerprints that a call's answer tells: those of what it sends."""
        return frozenset(o for k, o in cls.fingerprints.items() if k in c.only)

    @classmethod
    def updatable(cls) -> frozenset[str]:
        own = {k for k, p in cls.props.items() if p.local and not p.replace}
        return frozenset(k for c in cls.update for k in c.only) | own | ({"tags"} if cls.tagging
                                                                         and cls.tagging.add else set())

    @classmethod
    def request(cls, provider: AwsProvider, inputs: Mapping[str, Any], c: Call) -> dict[str, Any]:
        """The properties of one call as they are sent; a row overrides it for what a table can't say."""
        keys = c.only or tuple(k for k in cls.props if k not in cls.sent_later())
        return wire(cls, {k: inputs[k] for k in keys if inputs.get(k) is not None})

    @classmethod
    def outputs(cls, provider: AwsProvider, answer: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs that an answer shows; ``=`` starts a template. Those it does not show are left out."""
        import jmespath

        made: dict[str, Any] = {}
        for k, o in cls.outs.items():
            value = fill(o.path[1:], {**known, **made}) if o.path.startswith("=") else jmespath.search(o.path,
                                                                                                       answer) if o.path else None
            if value is not None:
                made[k] = provider.address(o.address, value) if o.address else value
        return made

    @classmethod
    def inputs_from(cls, answer: Mapping[str, Any]) -> dict[str, Any]:
        """The properties as a read shows them; only those it shows, and None for those it leaves out where they are not
        set."""
        import jmespath

        seen: dict[str, Any] = {}
        for k, p in cls.props.items():
            if p.read == "" or (p.local and not p.read) or k == "tags":
                continue
            path = p.read or ".".join(x for x in (cls.reads, p.wire or pascal(k)) if x)
            if (root := path.partition(".")[0]) in cls.more and root not in answer:
                continue
            value = jmespath.search(path, answer)
            if value is not None and p.dec:
                value = p.dec(value)
            if value is not None or k in cls.left_out:
                seen[k] = value
        return seen

    @classmethod
    def alike(cls, key: str, asked: Any, seen: Any) -> bool:
        """Whether a property as seen is the one that was asked for, by what is sent for each. ``seen`` is None where it
        is not set."""
        if asked == seen:
            return True
        if seen is None:
            return not asked or bool(asked == cls.empty.get(key))
        enc = cls.props[key].enc
        return enc is not None and bool(_loose(enc(asked)) == _loose(enc(seen)))

    @classmethod
    def seen(cls, answer: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer of a read with only this thing in it; a row overrides it whose read may show others."""
        return answer

    @classmethod
    def fields_of_id(cls) -> frozenset[str]:
        return frozenset(_REF.findall(cls.identifier))

    @classmethod
    def fields_of(cls, id: str) -> dict[str, str]:
        """What an id tells of the thing: ``$role/$name`` of ``a/b`` is role a, name b."""
        pattern = re.sub(r"\\\$(\w+)", r"(?P<\1>.+?)", re.escape(cls.identifier))
        found = re.fullmatch(pattern, id)
        return {k: v for k, v in found.groupdict().items() if k in cls.outs
                or (k in cls.props and k != "region")} if found else {}

    @classmethod
    def revise(cls, provider: AwsProvider, state: State, inputs: Mapping[str, Any], changed: frozenset[str],
               known: Mapping[str, Any],
               note: Note) -> frozenset[str]:
        """Change what a table can't say; gives the properties that are done with."""
        return frozenset()

    @classmethod
    def marks(cls, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """By what it is told from its like in a list."""
        return wire(cls, {k: v for k, v in inputs.items() if k in cls.props and v is not None})

    @classmethod
    def before_delete(cls, provider: AwsProvider, known: dict[str, Any], note: Note) -> None:
        """What must happen first: an emptied bucket, a detached part."""


def _loose(sent: Any) -> Any:
    try:
        return json.loads(sent) if isinstance(sent, str) else sent
    except ValueError:
        return sent


def pascal(name: str) -> str:
    return "".join(w[:1].upper() + w[1:] for w in name.split("_"))


def wire(kind: type[AwsResource], values: Mapping[str, Any]) -> dict[str, Any]:
    """Property values under their paths in the request."""
    request: dict[str, Any] = {}
    for k, v in values.items():
        p = kind.props[k]
        if p.local or (k == "tags" and kind.tagging):
            continue
        path = (p.wire or pascal(k)).split(".")
        at = request
        for part in path[:-1]:
            at = at.setdefault(part, {})
        sent = p.enc(v) if p.enc else v
        before = at.get(path[-1])
        at[path[-1]] = {**before, **sent} if isinstance(before, Mapping) and isinstance(sent, Mapping) else sent
    return request


_REF = re.compile(r"\$(\w+)")


def fill(template: Any, known: Mapping[str, Any]) -> Any:
    """The parameters of a call with ``$name`` replaced; a text that is one reference keeps the value's type."""
    if isinstance(template, str):
        if (whole := _REF.fullmatch(template)) is not None:
            return known.get(whole[1])
        return _REF.sub(lambda m: str(known.get(m[1], "")), template)
    if isinstance(template, Mapping):
        return {k: v for k, t in template.items() if (v := fill(t, known)) is not None}
    if isinstance(template, list | tuple):
        return [fill(t, known) for t in template]
    return template
