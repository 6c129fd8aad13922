"""What the columns of a row hold: API calls, tags, lists, identifiers of other tools, and permissions."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Literal, TypeAlias

from ...records import dataclass

__all__ = ["Call", "Grant", "Identity", "Import", "Listing", "Part", "Tagging", "call", "grant"]

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
    """Send only these properties; all if empty. An update call runs only if one of them changed."""
    wire: Mapping[str, str] = field(default_factory=dict)
    """Property → path in this call, where it differs from that in the create call."""
    root: str = ""
    """Path below which this call takes the properties. ``Targets[]`` is a list of one."""
    after_create: bool = False
    """An update call that also runs after the create call, if one of its properties is set: create does not take
    them."""
    wait: str = ""
    """botocore waiter to run after the call."""
    wait_on: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of the waiter. ``$name`` may also stand for an output in the response of the call."""
    settled: str = ""
    """JMESPath in the response that is true if there is nothing to wait for."""
    until: str = ""
    """JMESPath in the response of ``read`` that is true once the change is carried out, where there is no waiter: it is
    asked until then. A delete call waits until nothing is found."""
    stuck: str = ""
    """What to look at if it is never carried out, as a hint."""
    only_changed: bool = False
    """An update call that sends only those of its properties that changed."""
    retry: tuple[str, ...] = ()
    """Transient errors: ``"Code"``, or ``"Code: part of the message"``."""
    patience: float = 0
    """Seconds for which they are retried; 0 stands for the client's default, two minutes."""
    benign_codes: tuple[str, ...] = ()
    """Errors that mean there is nothing to do: ``"Code"``, or ``"Code: part of the message"``."""
    idempotent: bool | None = None
    """Whether the call may be repeated after its response was lost. By default this depends on the operation's first
    word and on whether it takes a token."""


def call(op: str, *, properties: str = "", wire: Mapping[str, str] | None = None, root: str = "",
         after_create: bool = False, wait: str = "", wait_on: Mapping[str, Any] | None = None, settled: str = "",
         until: str = "", stuck: str = "", only_changed: bool = False, retry: Sequence[str] = (), patience: float = 0,
         benign_codes: Sequence[str] = (), idempotent: bool | None = None, **params: Any) -> Call:
    """A ``Call``; ``properties`` are names separated by spaces, all other keywords are parameters."""
    return Call(op, params, tuple(properties.split()), wire or {}, root, after_create, wait, wait_on or {},
                settled, until, stuck, only_changed, tuple(retry), patience, tuple(benign_codes), idempotent)


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
    in_read: bool = True
    """Whether tags in the response of ``read`` are current. If not, only ``show`` is asked."""

    def shape(self, tags: Mapping[str, str]) -> Any:
        match self.style:
            case "map":
                return dict(tags)
            case "lower":
                return [{"key": k, "value": v} for k, v in tags.items()]
        return [{"Key": k, "Value": v} for k, v in tags.items()]


@dataclass(frozen=True)
class Part:
    """Parts of a resource that must be deleted before it: those that ``list`` returns, one ``delete`` call each."""

    list: Call
    items: str
    """JMESPath of the parts; their fields are variables of ``delete``."""
    delete: Call


@dataclass(frozen=True)
class Listing:
    """How ``sst orphans`` lists all resources of this type in an account and region."""

    op: str
    items: str
    """JMESPath of the variables of each: ``Functions[].{name: FunctionName, arn: FunctionArn}``; ``tags`` in it are its
    tags."""
    page: tuple[str, str] = ("", "")
    """Field of the response that marks a further page, and the parameter that asks for it."""
    params: Mapping[str, Any] = field(default_factory=dict)
    tags: Call | None = None
    """Returns the tags of one resource, where ``items`` has none."""
    arn: str = ""
    """Template of the ARN under which the account's list of tags has it."""
    complete: bool = False
    """Whether the account's list of tags surely has all resources of this type."""
    name_from: str = ""
    """Variable whose last part, after ``/`` or ``:``, is the name."""
    order: int = 0
    """Resources are deleted in ascending order: what refers to others first."""
    account_wide: bool = False
    """The call lists all regions of the account."""
    each: tuple[str, str] = ("", "")
    """A call, and the JMESPath of what it returns: the list is asked once for each, whose fields are variables of
    ``params``."""
    region: str = ""
    """The only region that knows them: ``us-east-1`` for what belongs to CloudFront."""
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Import:
    """What other tools call this type."""

    terraform: str
    id: str
    """Template of our id from their attributes in camel case; ``{a|b}`` is the first that is there."""
    aliases: tuple[str, ...] = ()
    """Further types that are the same."""

    @property
    def pulumi(self) -> tuple[str, ...]:
        """``aws_cloudwatch_log_group`` is ``aws:cloudwatch/logGroup:LogGroup``."""
        _, module, *words = self.terraform.split("_")
        name = "".join(w.capitalize() for w in words)
        return f"aws:{module}/{name[:1].lower()}{name[1:]}:{name}", *self.aliases


@dataclass(frozen=True)
class Grant:
    """Some actions on some of the ARNs of a resource: ``""`` is its own, ``"/*"`` what is in it."""

    actions: tuple[str, ...]
    on: tuple[str, ...] = ("",)


def grant(actions: str, *on: str) -> Grant:
    """A ``Grant``; ``actions`` are separated by spaces."""
    return Grant(tuple(actions.split()), on or ("",))
