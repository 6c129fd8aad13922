"""One class per resource type: its properties, its outputs, and the API calls that create, read, update and delete it.

A row reads like the service's API page. ``"$name"`` in the parameters of a call stands for a property or output of the
resource; also available are ``$id``, ``$region``, ``$account``, ``$partition``, ``$token`` (idempotency token) and
``$tags``.
"""
from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ...core.cost import Pricing
from ...core.graph import Check
from ...core.model import State
from ...core.provider import Note
from ...core.resource import Arg, Resource, prop
from .checks import region_valid, runs_here
from .columns import Call, Grant, Identity, Import, Listing, Tagging
from .documents import completed, merged, normal
from .limits import tags_valid
from .name_rules import name_valid
from .parameters import pascal, sent_at_once, wire

if TYPE_CHECKING:
    from .client import Aws

__all__ = ["AwsResource", "Calls", "fill", "search"]


class Calls(Protocol):
    """What the methods of a row may use."""

    @property
    def aws(self) -> Aws: ...

    address: Callable[[str, str], str]

    def send(self, kind: type[AwsResource], c: Call, variables: Mapping[str, Any], request: Mapping[str, Any],
             note: Note, *, poll: bool = False) -> dict[str, Any]:
        """Make one call of a row: the wired properties plus the call's own parameters."""

    def ask(self, kind: type[AwsResource], c: Call, variables: Mapping[str, Any]) -> dict[str, Any] | None:
        """The response of a call, or None if the resource does not exist."""

    def code(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """A function's code as Lambda takes it."""


class Shared(Protocol):
    """A document that several rows and others write, too: this row's part of it."""

    whole: Call
    """Reads the document."""
    rest: Call | None
    """Writes what others have in the document when the row is deleted; None: its delete call does."""

    def merged(self, there: Mapping[str, Any], params: dict[str, Any], variables: Mapping[str, Any], *,
               delete: bool) -> dict[str, Any] | None:
        """The parameters of a change of this row's part, with what others have in the document; None if nothing is
        left in it."""

    def own(self, answer: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
        """This row's part of what a read answers; empty if there is none."""


class AwsResource(Resource):
    """A row of the table."""

    region: Arg[str] = prop(default=None, replace=True, local=True)
    """Region of the resource. Default: the app's region."""

    __checks__: ClassVar[tuple[Check, ...]] = (runs_here, region_valid, name_valid, tags_valid)
    service: ClassVar[str] = ""
    identity: ClassVar[Identity] = "name"
    identifier: ClassVar[str] = "$name"
    id_pattern: ClassVar[str] = ""
    """Regular expression of ids with their properties and outputs as groups, where ``identifier`` does not say it."""
    names: ClassVar[tuple[str, str]] = "", ""
    """Pattern of the physical names that AWS takes, and what it means; empty sets none. See ``name_rules``."""
    """Template of the id."""
    computed: ClassVar[Mapping[str, Callable[[Mapping[str, Any]], Any]]] = {}
    """Further variables, computed from the others."""
    event_source: ClassVar[tuple[str, ...]] = ()
    """Calls that Lambda makes with a function's role to read this resource as an event source."""
    stand_in: ClassVar[Mapping[str, Any] | None] = None
    """On stage ``local``, what an empty resource is created with that stands in for an existing one of the account,
    beside what identifies it. None: nothing can stand in for it."""
    create: ClassVar[Call]
    read: ClassVar[Call | None] = None
    update: ClassVar[tuple[Call, ...]] = ()
    """``(create,)`` where the create call is a put that also updates."""
    shared: ClassVar[Shared | None] = None
    """The document that this row is a part of, where others write it, too."""
    versioned_by: ClassVar[Call | None] = None
    """Its ``ETag`` is what changes and deletions of the resource send as ``IfMatch``."""
    version_field: ClassVar[tuple[str, str]] = "ETag", "IfMatch"
    """With ``versioned_by``: where it has the version, and what a change calls it."""
    completed: ClassVar[str] = ""
    """With ``versioned_by``: member of both that an update sends whole, with what is there and the row does not set."""
    lookup: ClassVar[Call | None] = None
    """Returns the outputs that ``read`` needs when only the inputs are known."""
    delete: ClassVar[Call | None] = None
    """None: it is deleted with its parent, or can't be deleted."""
    retire: ClassVar[Call | None] = None
    """Ends the validity of a former value of a secret, where a change leaves it valid beside the new one."""
    find: ClassVar[Call | None] = None
    """Lists candidates, where ``read`` can't be called with the inputs alone; ``identity`` says how one is chosen."""
    list_path: ClassVar[str] = ""
    """JMESPath of the candidates in the response of ``find``."""
    item: ClassVar[str] = ""
    """Where ``read`` returns a list: JMESPath of this resource in it, with ``$variables``. Null: it does not exist.
    Other paths start there."""
    not_found_codes: ClassVar[tuple[str, ...]] = ()
    """Error codes that mean the resource does not exist."""
    unmodelled_codes: ClassVar[tuple[str, ...]] = ()
    """Error codes that the service sends although its model does not declare them."""
    undone_codes: ClassVar[tuple[str, ...]] = ()
    """Error codes of a repeated create call that mean what it began has failed, and nothing is there."""
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
    unordered: ClassVar[frozenset[str]] = frozenset()
    """Lists that come back in any order."""
    prefixes: ClassVar[frozenset[str]] = frozenset()
    """Versions: ``17`` stands for what AWS makes of it, ``17.5``."""
    failed: ClassVar[str] = ""
    """JMESPath in the response of ``read`` of the reason why the resource can't be used, while a call waits for it."""
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Property → fields that AWS adds to its value, with the values it gives them."""
    one_at_a_time: ClassVar[str] = ""
    """Template of what takes one change at a time: changes of rows with the same value of it wait for each other."""
    renamed: ClassVar[Mapping[str, str]] = {}
    """Former name of a property → its name, in states of an older `schema_version`."""
    schema_version: ClassVar[int] = 0
    fingerprints: ClassVar[Mapping[str, str]] = {}
    """Property that no response shows → output that changes with it. A value of the output that differs from the one
    after the last upload is drift."""
    listing: ClassVar[Listing | None] = None
    """How ``sst orphans`` finds resources of this type; None: they are parts of another one, or can't be tagged."""
    imports: ClassVar[Import | None] = None
    """What other tools call it, for ``sst adopt --from``."""
    monthly: ClassVar[Pricing | None] = None
    """What it costs each month, whether it is used or not: a function of ``prices``."""
    actions: ClassVar[Mapping[str, tuple[Grant, ...]]] = {}
    """What a link grants, by access: ``read``, ``write``, ``read-write`` (the default), ``full``."""

    def __init_subclass__(cls, *, type: str = "", service: str = "", **kw: Any) -> None:
        super().__init_subclass__(type=type, **kw)
        cls.service = service or cls.service

    @classmethod
    def not_local(cls, inputs: Mapping[str, Any]) -> str:
        """Why the cloud of stage ``local`` can't run a resource with these inputs; empty if it can."""
        return ""

    @classmethod
    def sent_by(cls, c: Call) -> tuple[str, ...]:
        """The properties that a create or update call sends."""
        return c.properties or sent_at_once(cls)

    @classmethod
    def prints_of(cls, c: Call) -> frozenset[str]:
        """The fingerprints that the response of a call has: those of the properties it sends."""
        return frozenset(o for k, o in cls.fingerprints.items() if k in (c.properties or cls.props))

    @classmethod
    def updatable(cls) -> frozenset[str]:
        own = {k for k, p in cls.props.items() if p.local and not p.replace}
        tags = {"tags"} if cls.tagging and cls.tagging.add else set()
        return frozenset(k for c in cls.update for k in cls.sent_by(c)) | own | tags

    @classmethod
    def request(cls, provider: Calls, inputs: Mapping[str, Any], c: Call) -> dict[str, Any]:
        """The properties of one call as they are sent."""
        return wire(cls, {k: inputs[k] for k in cls.sent_by(c) if inputs.get(k) is not None}, c)

    @classmethod
    def outputs(cls, provider: Calls, answer: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs in a response; ``=`` starts a template. Those that it lacks are omitted."""
        import jmespath

        made: dict[str, Any] = {}
        for k, o in cls.outs.items():
            if o.path.startswith("="):
                value = fill(o.path[1:], {**known, **made})
            else:
                value = jmespath.search(o.path, answer) if o.path else None
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
        if key in cls.unordered:
            asked, seen = sorted(asked), sorted(seen)
        if key in cls.prefixes and str(seen).startswith(f"{asked}."):
            return True
        if added := cls.defaults.get(key):
            asked, seen = completed(asked, added), completed(seen, added)
        if (enc := cls.props[key].enc) is not None:
            return bool(normal(enc(asked)) == normal(enc(seen)))
        return not isinstance(asked, str) and bool(normal(asked) == normal(seen))

    @classmethod
    def reordered(cls, key: str, was: Any, now: Any) -> bool:
        """Whether a list whose order means nothing has the same elements in another order."""
        return (key in cls.unordered and isinstance(was, list | tuple) and isinstance(now, list | tuple)
                and sorted(map(repr, was)) == sorted(map(repr, now)))

    @classmethod
    def normalize(cls, answer: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
        """The response of ``read``, reduced to this resource; empty if it is not in it."""
        if cls.shared:
            return cls.shared.own(answer, known)
        return search(cls.item, answer, known) or {} if cls.item else answer

    @classmethod
    def tags_in(cls, answer: Mapping[str, Any], *, shown: bool = False) -> dict[str, str] | None:
        """The tags in a response of ``read``, or of another call if ``shown``; None if it has none."""
        if not shown and cls.tagging and not cls.tagging.in_read:
            return None
        if described := answer.get("TagDescriptions"):   # of several resources; one was asked for
            answer = described[0]
        answer = answer.get("TagInfoForResource") or answer
        below = answer.get(cls.response_root)
        for place in (below if isinstance(below, Mapping) and not shown else {}, answer):
            for key in ("Tags", "tags", "TagSet", "TagList"):
                if (tags := place.get(key)) is not None:
                    if isinstance(tags, Mapping) and not isinstance(tags.get("Items"), list):
                        return dict(tags)
                    tags = tags["Items"] if isinstance(tags, Mapping) else tags
                    return {t.get("Key", t.get("key")): t.get("Value", t.get("value")) for t in tags}
        return None

    @classmethod
    def fields_of_id(cls) -> frozenset[str]:
        return frozenset(_REF.findall(cls.identifier))

    @classmethod
    def fields_of(cls, id: str) -> dict[str, str]:
        """The properties and outputs in an id: with ``$role/$name``, ``a/b`` is role a, name b."""
        pattern = cls.id_pattern or re.sub(r"\\\$(\w+)", r"(?P<\1>.+?)", re.escape(cls.identifier))
        found = re.fullmatch(pattern, id)
        return {k: v for k, v in found.groupdict().items() if k in cls.outs
                or (k in cls.props and k != "region")} if found else {}

    @classmethod
    def fixed_by(cls, was: Mapping[str, Any], now: Mapping[str, Any]) -> frozenset[str]:
        """Changed properties that need a new resource by their values, beside those that always do."""
        return frozenset()

    @classmethod
    def warnings(cls, was: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
        """What a plan says of a change, such as that AWS makes it wait."""
        return ()

    @classmethod
    def custom_update(cls, provider: Calls, state: State, inputs: Mapping[str, Any], changed: frozenset[str],
                      known: Mapping[str, Any], note: Note) -> frozenset[str]:
        """Make the changes that no column can describe; returns the properties that need no further call."""
        return frozenset()

    @classmethod
    def search_fields(cls, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Fields that identify this resource in a list response."""
        return wire(cls, {k: v for k, v in inputs.items() if k in cls.props and v is not None})

    @classmethod
    def merge(cls, provider: Calls, c: Call, params: dict[str, Any],
              variables: Mapping[str, Any]) -> tuple[Call, dict[str, Any]]:
        """The call that makes a change and its parameters, with what others have in a document that is shared. Asked
        for while no other row changes it (``one_at_a_time``)."""
        tags = (cls.tagging.add, cls.tagging.remove) if cls.tagging else ()
        if cls.versioned_by and c is not cls.create and c not in tags:
            now = provider.ask(cls, cls.versioned_by, variables) or {}
            whole = {cls.completed: merged(now[cls.completed], params[cls.completed])} if (
                cls.completed in params and cls.completed in now) else {}
            has, wants = cls.version_field
            return c, {**params, **whole, wants: now.get(has, "*")}
        if cls.shared is None:
            return c, params
        there, delete = provider.ask(cls, cls.shared.whole, variables) or {}, c is cls.delete
        other = cls.shared.rest if delete else None
        made = cls.shared.merged(there, params if other is None else fill(other.params, variables), variables,
                                 delete=delete)
        return (c, params) if made is None else (other or c, made)

    @classmethod
    def settle(cls, provider: Calls, known: Mapping[str, Any], note: Note) -> None:
        """Called after the calls that create or update it: waits until what they began is over. Raises
        ``ProviderError`` if it fails."""

    @classmethod
    def before_delete(cls, provider: Calls, known: dict[str, Any], note: Note) -> None:
        """Called before the delete call: empties a bucket, detaches a part."""


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


def search(template: str, answer: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    """A JMESPath search; ``$name`` in the path stands for a variable."""
    import jmespath

    def literal(ref: re.Match[str]) -> str:
        return "`" + json.dumps(known.get(ref[1])).replace("`", "\\`") + "`"

    return jmespath.search(_REF.sub(literal, template), answer)
