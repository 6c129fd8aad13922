"""Check rows against botocore's own models of the services: no cloud is needed.

    assert not list(lint(sqs.Queue))
"""
from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from .columns import Call
from .parameters import pascal
from .table import AwsResource

__all__ = ["Lint", "lint"]

CONTEXT = frozenset({"id", "region", "account", "partition", "token", "tags", "tag_keys", "tag_list", "urn", "lineage",
                     "removal"})
"""Variables that every row has."""


@cache
def _session() -> Any:
    import botocore.session

    return botocore.session.Session()


@cache
def _model(service: str) -> Any:
    return _session().get_service_model(service)


def lint(kind: type[AwsResource]) -> Iterator[str]:
    """What is wrong with a row, one sentence each."""
    for problem in Lint(kind).problems():
        yield f"{kind.type}: {problem}"


class Lint:
    def __init__(self, kind: type[AwsResource]) -> None:
        from botocore import xform_name

        self.kind, self.model = kind, _model(kind.service)
        self.names = {xform_name(n): n for n in self.model.operation_names}
        self.own_request = kind.request.__func__ is not AwsResource.request.__func__  # type: ignore[attr-defined]  # class methods
        """The row shapes its requests itself: what it sends can't be told without running it."""
        self.refs = {*kind.props, *kind.outs, *kind.computed, *CONTEXT, *(f"{k}_was" for k in kind.props)}

    def problems(self) -> Iterator[str]:
        kind = self.kind
        yield from self._call(kind.create, "create", sent=kind.sent_by(kind.create))
        for c in kind.update:
            yield from self._call(c, "update", sent=kind.sent_by(c))
        tagging = kind.tagging
        tag_calls = (tagging.add, tagging.remove, tagging.show) if tagging else ()
        asks = (kind.read, kind.lookup, kind.delete, kind.find, *kind.reset_call.values(), *kind.extra_reads.values(),
                *tag_calls)
        for c in asks:
            if c:
                yield from self._call(c, "", sent=())
        yield from self._identity()
        yield from self._codes()
        yield from self._names()
        yield from self._outs()

    def _call(self, c: Call, use: str, *, sent: Sequence[str]) -> Iterator[str]:
        if c.op not in self.names:
            yield f"{self.kind.service} has no operation {c.op!r}"
            return
        shape = self.model.operation_model(self.names[c.op]).input_shape
        members = dict(shape.members) if shape else {}
        given = set(c.params)
        if not self.own_request or use == "":
            for k in sent:
                p = self.kind.props.get(k)
                if p is None or p.local or (k == "tags" and self.kind.tagging):
                    continue
                path = ".".join(x for x in (c.root, c.wire.get(k) or p.wire or pascal(k)) if x).split(".")
                given.add(path[0].removesuffix("[]"))
                yield from self._path(c, shape, path, k, encoded=p.enc is not None, secret=p.secret)
        if use == "create" and self.kind.tagging and self.kind.tagging.wire:
            path = self.kind.tagging.wire.split(".")
            given.add(path[0])
            yield from self._path(c, shape, path, "tags", encoded=True, secret=True)
        for name, value in c.params.items():
            if name not in members:
                yield f"{c.op} takes no {name!r}"
            yield from self._refs(c, value)
        tokens = set(self.model.operation_model(self.names[c.op]).idempotent_members)
        if not (self.own_request and use):
            for need in (shape.required_members if shape else ()):
                guarded = need == self.kind.version_field[1] and self.kind.versioned_by and use != "create"
                if need not in given and need not in tokens and not guarded:
                    yield f"{c.op} needs {need!r}"
        if c.wait:
            yield from self._waiter(c)

    def _path(self, c: Call, shape: Any, path: list[str], key: str, *, encoded: bool, secret: bool) -> Iterator[str]:
        for i, part in enumerate(path):
            part, many = part.removesuffix("[]"), part.endswith("[]")
            if shape is not None and shape.type_name == "map":
                shape = shape.value
            elif shape is None or shape.type_name != "structure" or part not in shape.members:
                yield f"{c.op} takes no {'.'.join(path[:i + 1])!r} (property {key!r})"
                return
            else:
                shape = shape.members[part].member if many else shape.members[part]
        if shape.metadata.get("sensitive") and not secret and not encoded:
            yield f"{key!r} is sensitive by {self.kind.service}'s model: make it secret"
        default = self.kind.props[key].default if key in self.kind.props else None
        if not encoded and isinstance(default, str) and getattr(shape, "enum", None) and default not in shape.enum:
            yield f"{key!r}: {default!r} is none of {', '.join(shape.enum)}"

    def _refs(self, c: Call, value: Any) -> Iterator[str]:
        from .table import _REF

        if isinstance(value, str):
            for name in _REF.findall(value):
                if name not in self.refs:
                    yield f"{c.op}: ${name} is no property or output"
        elif isinstance(value, dict):
            for v in value.values():
                yield from self._refs(c, v)
        elif isinstance(value, list | tuple):
            for v in value:
                yield from self._refs(c, v)

    def _waiter(self, c: Call) -> Iterator[str]:
        from botocore import xform_name

        waiters = _session().get_waiter_model(self.kind.service)
        if c.wait not in {xform_name(n) for n in waiters.waiter_names}:
            yield f"{self.kind.service} has no waiter {c.wait!r}"
        elif not c.wait_on:
            yield f"{c.op} does not say what its waiter waits on"
        yield from self._refs(c, dict(c.wait_on))

    def _identity(self) -> Iterator[str]:
        kind = self.kind
        inputs = {r for r in kind.fields_of_id() if r in kind.props}
        tokens = (self.model.operation_model(self.names[kind.create.op]).idempotent_members
                  if kind.create.op in self.names else [])
        match kind.identity:
            case "name":
                if not kind.name_field and "name" not in kind.props:
                    yield "its identity is a name, but it has no name"
                elif not kind.read:
                    yield "its identity is a name, but no call reads it"
            case "key" | "once":
                if not inputs and not kind.find:
                    yield "its identity is a key, but its id holds none of its properties"
                if not (kind.read or kind.find):
                    yield "its identity is a key, but no call reads it"
            case "token":
                if not tokens and "'$token'" not in str(kind.create.params):
                    yield f"its identity is a token, but {kind.create.op} takes none"
            case "tag":
                if not (kind.find and kind.tagging and (kind.tagging.wire or "$tags" in str(kind.create.params))):
                    yield "its identity is a tag, but it is not found by one"
            case "description" | "content":
                if not kind.find:
                    yield f"its identity is its {kind.identity}, but no call lists it"

    def _codes(self) -> Iterator[str]:
        known = set(self.kind.unmodelled_codes)
        for e in self.model.error_shapes:
            known |= {e.name, str((e.metadata.get("error") or {}).get("code"))}
        compatible = self.kind.service == "sqs"
        for code in self.kind.not_found_codes:
            if code not in known and not (compatible and code.startswith("AWS.")):
                yield f"{code!r} is no error of {self.kind.service} (if it sends it all the same: unmodelled_codes)"
        if not self.kind.not_found_codes and (self.kind.delete or not (self.kind.item or self.kind.exists_if)):
            yield "not_found_codes is empty: no error code means that it does not exist"

    def _names(self) -> Iterator[str]:
        kind = self.kind
        for where, names in (("update", {k for c in kind.update for k in kind.sent_by(c)}),
                             ("reset_call", set(kind.reset_call)),
                             ("reset_value", set(kind.reset_value)),
                             ("omitted_when_unset", set(kind.omitted_when_unset)),
                             ("fingerprints", set(kind.fingerprints))):
            for k in sorted(names - kind.props.keys()):
                yield f"{where} names {k!r}, which is no property"
        whole = {k for c in kind.update if c.op == kind.create.op or kind.name_field in kind.sent_by(c)
                 for k in kind.sent_by(c)}
        for k in sorted(kind.updatable() - whole - {"tags"}):
            p = kind.props.get(k)
            way_back = k in kind.reset_call or k in kind.reset_value or k in kind.sticky
            if p and p.default is None and not p.local and not p.replace and not way_back:
                yield f"{k!r} can't be reset: add it to reset_call, reset_value or sticky"
        if kind.tagging and "tags" not in kind.props:
            yield "it can be tagged but has no property tags"
        if kind.tagging and not kind.tagging.show and not self._shows_tags():
            yield "its read shows no tags: tagging needs show, or drift and a foreign thing of that name can't be seen"
        for k in sorted(kind.computed.keys() & {*kind.props, *kind.outs}):
            yield f"computed names {k!r}, which is a property or output"
        for k in kind.fingerprints.values():
            if k not in kind.outs:
                yield f"fingerprints names {k!r}, which is no output"

    def _shows_tags(self) -> bool:
        read = self._read_shape()
        at = read.members.get(self.kind.response_root) if read and self.kind.response_root else None
        return any(s is not None and {"Tags", "tags", "TagSet", "TagList"} & s.members.keys() for s in (read, at))

    def _read_shape(self) -> Any:
        """The response of ``read``; with ``item``, that of an entry of its list."""
        read = self.kind.read
        shape = self.model.operation_model(self.names[read.op]).output_shape if read and read.op in self.names else None
        if shape is None or not self.kind.item:
            return shape
        return _entry(shape, self.kind.item)

    def _outs(self) -> Iterator[str]:
        import jmespath

        kind = self.kind
        shapes = [s for c in (kind.create, kind.read, kind.find, *kind.update) if c and c.op in self.names
                  and (s := self.model.operation_model(self.names[c.op]).output_shape)]
        roots = {m for s in (*shapes, *filter(None, [self._read_shape()])) for m in s.members}
        if kind.find and kind.list_path:
            roots |= {m for s in (_entry(s, kind.list_path) for s in shapes) if s is not None for m in s.members}
            roots |= set(re.findall(r"[{,]\s*(\w+):", kind.list_path))
        for k, o in kind.outs.items():
            if not o.path or o.path.startswith("="):
                continue
            jmespath.compile(o.path)
            for part in o.path.split("||"):
                root = part.strip().split(".")[0].split("[")[0]
                if root not in roots:
                    yield f"output {k!r}: no answer has {root!r}"


def _entry(shape: Any, path: str) -> Any:
    """The shape of an entry of the list at a JMESPath, ``Reservations[].Instances[] | [0]``; None if it has no
    fields."""
    for part in re.sub(r"\[[^\]]*\]", "", path).split("|")[0].strip().split("."):
        shape = getattr(shape, "members", {}).get(part, shape)
        shape = getattr(shape, "member", shape)
    return shape if shape.type_name == "structure" else None
