"""What is known of a row from the models, as far as it can be guessed; the rest is left to a person, as ``decide``."""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sst.clouds.aws.parameters import pascal
from sst.clouds.aws.table import AwsResource
from sst.core.resource import RESERVED

from .model import Service, plural, snake

__all__ = ["Draft", "Field", "Target", "draft"]

TAKEN = {*dir(AwsResource), *RESERVED, *keyword.kwlist} - {"tags"}
"""Names that a property can't have: columns of a row, options of every resource, keywords of Python."""
TAGS = ("Tags", "tags", "TagSet", "TagList", "tagList", "TagSpecifications")
TOKENS = (
    "ClientToken",
    "ClientRequestToken",
    "clientToken",
    "clientRequestToken",
    "CreatorRequestId",
    "CallerReference",
    "IdempotencyToken",
    "CreationToken",
)
TRANSIENT = (
    "Conflict|InUse|Concurrent|Busy|NotReady|NotAvailable|InvalidState|InvalidStatus|OperationAborted|InProgress"
)


@dataclass
class Field:
    """A property or an output."""

    name: str
    member: str
    shape: Any = None
    required: bool = False
    replace: bool = False
    limit: int = 0
    secret: bool = False
    hidden: bool = False
    """No response shows it."""
    paths: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class Target:
    """Where a response has the resource: below ``root``, in a list at ``item``, or at its top."""

    shape: Any
    root: str = ""
    item: str = ""

    @property
    def members(self) -> dict[str, Any]:
        return dict(getattr(self.shape, "members", None) or {})

    @property
    def before(self) -> str:
        return f"{self.root}." if self.root else ""


@dataclass
class Draft:
    """A row in parts."""

    service: Service
    create: str
    read: str
    delete: str
    list: str
    target: Target
    properties: list[Field] = field(default_factory=list)
    outputs: list[Field] = field(default_factory=list)
    updates: dict[str, list[str]] = field(default_factory=dict)
    """Operation → its properties."""
    identifier: str = ""
    identity: str = ""
    token: str = ""
    tags: str = ""
    decide: list[str] = field(default_factory=list)

    def property(self, member: str) -> Field | None:
        """The property that an operation calls ``member``."""
        return next((p for p in self.properties if p.member.lower() == member.lower()), None) or next(
            (p for p in self.properties if p.name == self.short(member)), None
        )

    def short(self, member: str) -> str:
        """Name of a field: ``StreamName`` of a stream is ``name``."""
        noun, lower = self.service.noun, member.lower()
        if lower in {f"{noun}{end}".lower() for end in ("Name", "Identifier")}:
            return "name"
        rest = member[len(noun) :] if lower.startswith(noun.lower()) and len(member) > len(noun) else member
        name = snake(rest)
        return f"{name}_" if name in TAKEN else name

    def reference(self, member: str, shape: Any) -> Any:
        """What a call that names the resource sends as ``member``; empty if it can't be told."""
        many = shape.type_name == "list"
        wanted = member[:-1] if many and member.endswith("s") else member
        wanted = {"cluster": "clusterName"}.get(wanted, wanted)
        found = self.property(wanted) or next((o for o in self.outputs if o.member.lower() == wanted.lower()), None)
        if found is None:
            for end in ("Id", "Arn", "Name", "Identifier"):
                if wanted.lower() in (f"{self.service.noun}{end}".lower(), end.lower(), self.service.noun.lower()):
                    found = (
                        next((f for f in (*self.outputs, *self.properties) if f.name == end.lower()), None) or found
                    )
        if found is None and wanted.lower() in ("resourcearn", "resourceid", "resource", "arn"):
            found = next((o for o in self.outputs if o.name in ("arn", "id")), None)
        return None if found is None else [f"${found.name}"] if many else f"${found.name}"

    def params(self, op: str, *, listing: bool = False) -> dict[str, Any]:
        """Parameters by which an operation finds the resource; for a list, only those that it requires."""
        members = self.service.members(op)
        needed = list(self.service.required(op))
        if not needed and not listing:
            needed = [m for m in members if self.reference(m, members[m])][:1]
        made = {}
        for m in needed:
            if (value := self.reference(m, members[m])) is None:
                if any(p.member.startswith(f"{m}.") for p in self.properties):
                    continue
                self.decide.append(f"{self.service.call(op)} needs {m!r}")
                value = ""
            made[m] = value
        return made


def draft(service: Service) -> Draft:
    """Guess the row of ``service.noun``. Raises ``LookupError`` if the service has no operation that creates it."""
    create = service.first("create")
    if not create:
        raise LookupError(
            f"{service.name} has no operation that creates a {service.noun}; it has "
            f"{', '.join(op for op in service.operations if op.startswith(('Create', 'Put', 'Register')))}"
        )
    read = service.first("read")
    made = Draft(service, create, read, service.first("delete"), service.first("list"), target(service, read))
    _properties(made)
    _outputs(made)
    _updates(made)
    _identity(made)
    _conflicts(made)
    return made


def target(service: Service, op: str) -> Target:
    """Where the response of an operation has the resource."""
    if not op:
        return Target(None)
    members = service.members(op, "output")
    noun = service.noun.lower()
    lists = [m for m, s in members.items() if s.type_name == "list" and s.member.type_name == "structure"]
    of_noun = [m for m in lists if m.lower() in {p.lower() for p in plural(service.noun)}]
    if of_noun or (len(lists) == 1 and service.call(op).endswith("s")):
        name = (of_noun or lists)[0]
        return Target(members[name].member, item=f"{name}[0]")
    structures = [m for m, s in members.items() if s.type_name == "structure" and m != "ResponseMetadata"]
    best = [m for m in structures if m.lower().startswith(noun)] or (
        structures if len(structures) == len(members) == 1 else []
    )
    if best:
        return Target(members[best[0]], root=best[0])
    return Target(service.shape(op, "output"))


def _properties(made: Draft) -> None:
    service, schema = made.service, made.service.schema
    wrapper, members = _wrapped(service, made.create)
    inner = service.members(made.create).get(wrapper) if wrapper else service.shape(made.create)
    needed = {*getattr(inner, "required_members", ())}
    shown = made.target.members.get(wrapper) if wrapper else made.target.shape
    seen = {m.lower() for m in getattr(shown, "members", None) or ()}
    model = service.model.operation_model(made.create)
    for member, shape in members.items():
        if member in TAGS:
            made.tags = member
            continue
        if member in model.idempotent_members or member in TOKENS:
            made.token = f"{wrapper}.{member}" if wrapper else member
            continue
        if member in ("DryRun", "dryRun"):
            continue
        name = made.short(member)
        found = _schema_name(made, member)
        p = Field(
            name,
            f"{wrapper}.{member}" if wrapper else member,
            shape,
            member in needed,
            secret=bool(shape.metadata.get("sensitive")),
            hidden=member.lower() not in seen,
        )
        if schema:
            p.replace = found in schema.create_only
            p.text = schema.text(found)
            p.required = p.required or found in schema.required
        if name == "name" and shape.type_name == "string":
            p.limit, p.replace, p.hidden = int(shape.metadata.get("max") or 64), True, False
            if not shape.metadata.get("max"):
                made.decide.append("the limit of a name: the model does not say")
        made.properties.append(p)


def _wrapped(service: Service, create: str) -> tuple[str, dict[str, Any]]:
    """Members of the create call, and the path before them where it takes one structure alone."""
    members = dict(service.members(create))
    if len(members) == 1 and (name := next(iter(members))) and members[name].type_name == "structure":
        return name, dict(members[name].members)
    return "", members


def _schema_name(made: Draft, member: str) -> str:
    schema = made.service.schema
    for name in schema.properties if schema else ():
        if member.lower() in (name.lower(), f"{made.service.noun}{name}".lower()):
            return name
    return ""


def _outputs(made: Draft) -> None:
    service = made.service
    first = target(service, made.create)
    inputs = {p.member.lower() for p in made.properties}
    wanted = [n.lower() for n in (service.schema.read_only if service.schema else ())]
    places = {}
    for at in (first, made.target):
        for member, shape in at.members.items():
            if (
                shape.type_name in ("string", "integer", "long")
                and member.lower() not in inputs
                and not shape.metadata.get("enum")
            ):
                places.setdefault(member, []).append(
                    f"{at.before}{member}" if at is first or not at.item else member
                )
    for member, paths in places.items():
        short = made.short(member)
        is_id = short in ("arn", "id", "url") and member.lower() in (short, f"{service.noun}{short}".lower())
        if is_id or short in wanted or member.lower() in wanted:
            out = Field(short, member, paths=tuple(dict.fromkeys(paths)))
            if any(p.name == short for p in made.properties):
                continue
            made.outputs.append(out)
            if member not in first.members:
                made.decide.append(
                    f"output {short!r} is not in the response of {service.call(made.create)}: a template "
                    f'(out("=arn:$partition:{service.name}:$region:$account:...")), or read_back = True'
                )


def _updates(made: Draft) -> None:
    service = made.service
    keys = {*service.required(made.read), *service.required(made.delete)} if made.read and made.delete else set()
    if made.create.startswith("Put"):
        made.updates["create"] = [p.name for p in made.properties if not p.replace and p.member not in keys]
    other = []
    for op in service.updates() if not made.updates else ():
        members, skipped = service.members(op), {*keys, *service.required(op)[:1]}
        taken = [
            p
            for p in made.properties
            if p.member.partition(".")[0] in members
            and p.name != "name"
            and ("." in p.member or p.member not in skipped)
        ]
        if "IfMatch" in members:
            made.decide.append(f"{service.call(op)} takes IfMatch: the ETag of a read before it")
        covered = {n for names in made.updates.values() for n in names}
        if new := [p.name for p in taken if p.name not in covered and not p.replace]:
            made.updates[service.call(op)] = new
        else:
            other.append(service.call(op))
    updated = {n for names in made.updates.values() for n in names}
    for p in made.properties:
        p.replace = p.replace or p.name not in updated
    if other:
        made.decide.append(f"whether these change something too: {', '.join(other)}")
    if open_ := [p.name for p in made.properties if p.name in updated and not p.required]:
        made.decide.append(
            "what an update sends for a property that was removed from the program (reset_value, reset_call, "
            f"or sticky if the API can't): {', '.join(open_)}"
        )


def _identity(made: Draft) -> None:
    service = made.service
    op = made.delete or made.read
    keys = [v for v in _flat(made.params(op)) if v] if op else []
    made.identifier = "/".join(keys) or ("$name" if made.property("name") else "$id")
    named = made.property("name")
    if len(keys) > 1 and all(made.property(k[1:]) for k in keys):
        made.identity = "key"
    elif named and made.identifier == "$name":
        made.identity = "name"
    elif made.tags and made.list:
        made.identity = "tag"
    elif made.token:
        made.identity = "token"
    elif keys and all(k[1:] in {p.name for p in made.properties} for k in keys):
        made.identity = "once"
    else:
        made.identity = "name" if named and made.identifier == "$arn" and not made.list else "content"
    if made.identity in ("tag", "content", "token"):
        made.decide.append(
            f'whether identity = "{made.identity}" holds: how it is found again if the answer of '
            f"{service.call(made.create)} is lost"
        )


def _flat(params: dict[str, Any]) -> Iterator[str]:
    for v in params.values():
        yield from v if isinstance(v, list) else [v]


def _conflicts(made: Draft) -> None:
    service = made.service
    for op in (made.create, made.delete):
        if op and (codes := service.errors(op, TRANSIENT)):
            made.decide.append(f"which errors of {service.call(op)} are transient (retry=...): {', '.join(codes)}")
    hidden = [p.name for p in made.properties if p.hidden]
    if made.read and hidden:
        made.decide.append(
            f"where {service.call(made.read)} shows these, if it does (read=..., dec=...): {', '.join(hidden)}"
        )
    for p in made.properties:
        if p.shape.type_name in ("timestamp", "blob"):
            made.decide.append(f"{p.name!r} is a {p.shape.type_name}: enc and dec")


def default_wire(name: str) -> str:
    """The member that a property of this name is sent as, if its row does not say."""
    return pascal(name)
