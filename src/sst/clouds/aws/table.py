"""One class per resource type: its properties, its outputs, and the API calls that create, read, update and delete it.

A row reads like the service's API page. ``"$name"`` in the parameters of a call stands for a property or output of the
resource; also available are ``$id``, ``$region``, ``$account``, ``$partition``, ``$token`` (idempotency token) and
``$tags``.
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
"""How a resource is found again when a deploy was cut off while it was being created.

name: by its physical name. key: by its parent and a key below it (a put). token: the create call is repeated with the
same idempotency token. tag: listed by its ``sst:urn`` tag. description: listed by the urn in its description. content:
listed by its fields. once: there is at most one per parent.
"""


@dataclass(frozen=True)
class Call:
    """One API call of a row."""

    op: str
    params: Mapping[str, Any] = field(default_factory=dict)
    properties: tuple[str, ...] = ()
    """Send only these properties. An update call runs only if one of them changed."""
    after_create: bool = False
    """An update call that also runs after the create call, if one of its properties is set: create does not take
    them."""
    wait: str = ""
    """botocore waiter to run after the call."""
    wait_on: tuple[str, ...] = ()
    """Parameters of the call that the waiter needs."""
    retry: tuple[str, ...] = ()
    """Transient errors: ``"Code"``, or ``"Code: part of the message"``."""
    benign_codes: tuple[str, ...] = ()
    """Errors that mean there is nothing to do: ``"Code"``, or ``"Code: part of the message"``."""
    idempotent: bool | None = None
    """Whether the call may be repeated after its response was lost. By default this depends on the operation's first
    word and on whether it takes a token."""


def call(op: str, *, properties: str = "", after_create: bool = False, wait: str = "", wait_on: str = "",
         retry: Sequence[str] = (), benign_codes: Sequence[str] = (), idempotent: bool | None = None,
         **params: Any) -> Call:
    """A ``Call``; ``properties`` and ``wait_on`` are names separated by spaces, all other keywords are parameters."""
    return Call(op, params, tuple(properties.split()), after_create, wait, tuple(wait_on.split()), tuple(retry),
                tuple(benign_codes), idempotent)


@dataclass(frozen=True)
class Tagging:
    """How tags are sent: in the create call under ``wire``, later by ``add`` and ``remove``."""

    style: Literal["list", "map", "lower"] = "list"
    """``[{"Key": k, "Value": v}]``, ``{k: v}``, or ``[{"key": k, "value": v}]``."""
    wire: str = "Tags"
    add: Call | None = None
    remove: Call | None = None
    show: Call | None = None
    """Returns the tags, where the response of ``read`` has none."""

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
    """Region of the resource. Default: the app's region."""

    service: ClassVar[str] = ""
    identity: ClassVar[Identity] = "name"
    identifier: ClassVar[str] = "$name"
    """Template of the id."""
    create: ClassVar[Call]
    read: ClassVar[Call | None] = None
    update: ClassVar[tuple[Call, ...]] = ()
    lookup: ClassVar[Call | None] = None
    """Returns the outputs that ``read`` needs when only the inputs are known."""
    delete: ClassVar[Call | None] = None
    """None: it is deleted with its parent, or can't be deleted."""
    find: ClassVar[Call | None] = None
    """Lists candidates, where ``read`` can't be called with the inputs alone; ``identity`` says how one is chosen."""
    list_path: ClassVar[str] = ""
    """JMESPath of the candidates in the response of ``find``."""
    not_found_codes: ClassVar[tuple[str, ...]] = ()
    """Error codes that mean the resource does not exist."""
    exists_if: ClassVar[str] = ""
    """JMESPath in the response of ``read`` that is null, empty or false if the resource does not exist."""
    reset_call: ClassVar[Mapping[str, Call]] = {}
    """Property → call that removes it from the resource."""
    reset_value: ClassVar[Mapping[str, Any]] = {}
    """Property → value that an update sends when the property was removed from the program."""
    sticky: ClassVar[frozenset[str]] = frozenset()
    """Properties that keep their value in the cloud when they are removed from the program: the API can't reset
    them."""
    tagging: ClassVar[Tagging | None] = None
    overwrites: ClassVar[bool] = False
    """The create call succeeds for a name that is taken, so a fixed name is looked up first."""
    delete_first: ClassVar[bool] = False
    """A replacement deletes the old resource before it creates the new one."""
    response_root: ClassVar[str] = ""
    """JMESPath in the response of ``read`` below which properties have the names that the create call uses."""
    read_back: ClassVar[bool] = False
    """The response of the create call lacks outputs: call ``read`` after it."""
    ready: ClassVar[str] = ""
    """With ``read_back``: JMESPath in the response that is null until all outputs are there."""
    extra_reads: ClassVar[Mapping[str, Call]] = {}
    """Further read calls; the response of each is added to that of ``read`` under its name. A call is made only if the
    state has a property whose ``read`` path begins with the name."""
    omitted_when_unset: ClassVar[frozenset[str]] = frozenset()
    """Properties that the response of ``read`` omits when they are not set."""
    fingerprints: ClassVar[Mapping[str, str]] = {}
    """Property that no response shows → output that changes with it. A value of the output that differs from the one
    after the last upload is drift."""

    def __init_subclass__(cls, *, type: str = "", service: str = "", **kw: Any) -> None:
        super().__init_subclass__(type=type, **kw)
        cls.service = service or cls.service

    @classmethod
    def sent_later(cls) -> frozenset[str]:
        """Properties that the create call does not take: an update call sets them afterwards."""
        return frozenset(k for c in cls.update if c.after_create for k in c.properties)

    @classmethod
    def prints_of(cls, c: Call) -> frozenset[str]:
        """The fingerprints that the response of a call has: those of the properties it sends."""
        return frozenset(o for k, o in cls.fingerprints.items() if k in c.properties)

    @classmethod
    def updatable(cls) -> frozenset[str]:
        own = {k for k, p in cls.props.items() if p.local and not p.replace}
        return frozenset(k for c in cls.update for k in c.properties) | own | ({"tags"} if cls.tagging
                                                                         and cls.tagging.add else set())

    @classmethod
    def request(cls, provider: AwsProvider, inputs: Mapping[str, Any], c: Call) -> dict[str, Any]:
        """The properties of one call as they are sent."""
        keys = c.properties or tuple(k for k in cls.props if k not in cls.sent_later())
        return wire(cls, {k: inputs[k] for k in keys if inputs.get(k) is not None})

    @classmethod
    def outputs(cls, provider: AwsProvider, answer: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs in a response; ``=`` starts a template. Those that it lacks are omitted."""
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
        """The properties in a response of ``read``: those that it has, and None for those of ``omitted_when_unset``."""
        import jmespath

        seen: dict[str, Any] = {}
        for k, p in cls.props.items():
            if p.read == "" or (p.local and not p.read) or k == "tags":
                continue
            path = p.read or ".".join(x for x in (cls.response_root, p.wire or pascal(k)) if x)
            if (root := path.partition(".")[0]) in cls.extra_reads and root not in answer:
                continue
            value = jmespath.search(path, answer)
            if value is not None and p.dec:
                value = p.dec(value)
            if value is not None or k in cls.omitted_when_unset:
                seen[k] = value
        return seen

    @classmethod
    def equal(cls, key: str, asked: Any, seen: Any) -> bool:
        """Whether the value in the cloud equals the desired one, compared as they are sent. ``seen`` is None if the
        property is not set."""
        if asked == seen:
            return True
        if seen is None:
            return not asked or bool(asked == cls.reset_value.get(key))
        enc = cls.props[key].enc
        return enc is not None and bool(_loose(enc(asked)) == _loose(enc(seen)))

    @classmethod
    def normalize(cls, answer: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
        """The response of ``read``, reduced to this resource."""
        return answer

    @classmethod
    def fields_of_id(cls) -> frozenset[str]:
        return frozenset(_REF.findall(cls.identifier))

    @classmethod
    def fields_of(cls, id: str) -> dict[str, str]:
        """The properties and outputs in an id: with ``$role/$name``, ``a/b`` is role a, name b."""
        pattern = re.sub(r"\\\$(\w+)", r"(?P<\1>.+?)", re.escape(cls.identifier))
        found = re.fullmatch(pattern, id)
        return {k: v for k, v in found.groupdict().items() if k in cls.outs
                or (k in cls.props and k != "region")} if found else {}

    @classmethod
    def custom_update(cls, provider: AwsProvider, state: State, inputs: Mapping[str, Any], changed: frozenset[str],
               known: Mapping[str, Any], note: Note) -> frozenset[str]:
        """Make the changes that no column can describe; returns the properties that need no further call."""
        return frozenset()

    @classmethod
    def search_fields(cls, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Fields that identify this resource in a list response."""
        return wire(cls, {k: v for k, v in inputs.items() if k in cls.props and v is not None})

    @classmethod
    def before_delete(cls, provider: AwsProvider, known: dict[str, Any], note: Note) -> None:
        """Called before the delete call: empties a bucket, detaches a part."""


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
    """The parameters of a call with ``$name`` replaced; a string that is one reference keeps the value's type."""
    if isinstance(template, str):
        if (whole := _REF.fullmatch(template)) is not None:
            return known.get(whole[1])
        return _REF.sub(lambda m: str(known.get(m[1], "")), template)
    if isinstance(template, Mapping):
        return {k: v for k, t in template.items() if (v := fill(t, known)) is not None}
    if isinstance(template, list | tuple):
        return [fill(t, known) for t in template]
    return template
