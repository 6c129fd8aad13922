"""botocore's model of a service, and which of its operations create, read, update, delete and list a type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import botocore.session
from botocore import xform_name

from .schema import Schema

__all__ = ["Service", "snake"]

VERBS = {
    "create": (
        "Create",
        "Put",
        "Register",
        "Request",
        "Allocate",
        "Publish",
        "Run",
        "Import",
        "Add",
        "Associate",
        "Attach",
        "Enable",
        "Start",
        "Set",
        "Subscribe",
    ),
    "read": ("Describe", "Get", "Head", "List"),
    "update": ("Update", "Modify", "Put", "Set", "Change"),
    "delete": (
        "Delete",
        "Remove",
        "Deregister",
        "Terminate",
        "Release",
        "Disassociate",
        "Detach",
        "Disable",
        "Stop",
        "Unsubscribe",
    ),
    "list": ("List", "Describe", "Get"),
}


def snake(name: str) -> str:
    """``DBClusterIdentifier`` → ``db_cluster_identifier``, ``VpcId`` → ``vpc_id``."""
    whole = re.sub(r"(?:[KMG]i)B(?=[A-Z]|ps|$)|IPv[46]|IDs\b|ARNs\b|VPCs\b", lambda m: m[0].capitalize(), name)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", whole).lower()


def plural(noun: str) -> tuple[str, ...]:
    """A noun as names of operations have it."""
    return tuple(dict.fromkeys([noun, noun + "s", noun + "es", re.sub("y$", "ies", noun)]))


class Service:
    """``kinesis``, with the noun ``Stream``."""

    def __init__(self, name: str, noun: str, schema: Schema | None = None) -> None:
        session = botocore.session.Session()
        self.name, self.noun, self.schema = name, noun, schema
        self.model = session.get_service_model(name)
        self.operations: Sequence[str] = self.model.operation_names
        self._session = session

    def call(self, op: str) -> str:
        """``CreateStream`` as botocore's clients call it."""
        return str(xform_name(op))

    def shape(self, op: str, which: str = "input") -> Any:
        """Input or output shape of an operation; None if it has none."""
        return getattr(self.model.operation_model(op), f"{which}_shape")

    def members(self, op: str, which: str = "input") -> Mapping[str, Any]:
        """Members of the input or output of an operation."""
        return getattr(self.shape(op, which), "members", None) or {}

    def required(self, op: str) -> tuple[str, ...]:
        return tuple(getattr(self.shape(op), "required_members", ()))

    def find(self, purpose: str) -> Iterator[str]:
        """Operations for a purpose, the likeliest first: those of the CloudFormation handler, then by their names."""
        allowed = self.schema.calls.get(purpose, ()) if self.schema else ()
        lower = {op.lower(): op for op in self.operations}
        nouns = plural(self.noun) if purpose in ("read", "list") else (self.noun,)
        if purpose == "list":
            nouns = (*nouns[1:], nouns[0])
        named = [
            op
            for noun in nouns
            for verb in VERBS[purpose]
            for end in ("", "summary", "attributes", "configuration")
            if (op := lower.get(f"{verb}{noun}{end}".lower()))
        ]
        found = [op for op in named if op in allowed] or []
        if not found and allowed and purpose != "update":
            found = [
                op for op in allowed if op in self.operations and op.startswith(VERBS[purpose]) and "Tag" not in op
            ]
        yield from dict.fromkeys([*found, *named])

    def first(self, purpose: str) -> str:
        return next(self.find(purpose), "")

    def updates(self) -> tuple[str, ...]:
        """All operations that may update the type: those by its name, and those that CloudFormation calls."""
        allowed = self.schema.calls.get("update", ()) if self.schema else ()
        own = [
            op
            for op in self.operations
            if re.match("Update|Modify|Set|Change", op)
            and self.noun.lower() in op.lower()
            and op.lower()
            in {
                f"{v}{n}{e}".lower()
                for v in VERBS["update"]
                for n in (self.noun, self.noun.removeprefix("DB"))
                for e in ("", "configuration", "attributes", "attribute", "settings")
            }
        ]
        other = [
            op
            for op in allowed
            if op in self.operations and "Tag" not in op and not op.startswith(("Describe", "Get", "List"))
        ]
        return tuple(dict.fromkeys([*own, *other]))

    def errors(self, op: str, pattern: str) -> tuple[str, ...]:
        """Codes of errors that fit a pattern: those of an operation, or of the whole service if it declares none."""
        shapes = self.model.operation_model(op).error_shapes or self.model.error_shapes
        codes = [str((e.metadata.get("error") or {}).get("code") or e.name) for e in shapes]
        return tuple(sorted({c for c in codes if re.search(pattern, c, re.I)}))

    @cached_property
    def waiters(self) -> Mapping[str, Any]:
        """Waiters by name."""
        try:
            model = self._session.get_waiter_model(self.name)
        except Exception:  # botocore raises several kinds where a service has no waiters
            return {}
        return {str(xform_name(n)): model.get_waiter(n) for n in model.waiter_names}

    def page(self, op: str) -> tuple[str, str]:
        """Field of the response that marks a further page, and the parameter that asks for it."""
        try:
            how = self._session.get_paginator_model(self.name).get_paginator(op)
        except Exception:  # no paginators, or none for this operation
            return ("", "")
        after, before = how["output_token"], how["input_token"]
        return (after[0] if isinstance(after, list) else after, before[0] if isinstance(before, list) else before)
