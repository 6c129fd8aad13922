"""What the model of a service refuses of a resource's properties, found by the plan: types, ranges and lengths. Without
this the call itself would say so, in the middle of a deploy."""
from __future__ import annotations

from collections.abc import Mapping, Set
from functools import cache
from typing import Any

from ...core.output import UNKNOWN
from ...errors import UserError
from .columns import Call
from .parameters import path_of, wire
from .request_shapes import Fits, request_shapes
from .table import AwsResource

__all__ = ["check_properties"]


def check_properties(kind: type[AwsResource], inputs: Mapping[str, Any], changed: Set[str]) -> None:
    """UserError for the first property that would be refused. What is not known yet is not judged."""
    for k, (c, fits) in _judges(kind).items():
        if k not in changed or (value := inputs.get(k)) is None:
            continue
        known, partly = _known(value)
        if known is not UNKNOWN and (problems := _problems(kind, c, k, known, fits, partly=partly)):
            raise UserError(f"{kind.type} does not take this {k}: {'; '.join(problems)}",
                            hint="write it as text" if any(", not str)" in p for p in problems) else "")


@cache
def _judges(kind: type[AwsResource]) -> dict[str, tuple[Call, Fits]]:
    """Per property, in the order of the calls: the first call that sends it, and whether that surely takes a value."""
    first: dict[str, Call] = {}
    for c in (kind.create, *kind.update):
        for k in kind.sent_by(c):
            first.setdefault(k, c)
    shapes = request_shapes(kind.service)
    return {k: (c, shapes.at(c.op, [*filter(None, c.root.split(".")), *path])) for k, c in first.items()
            if (path := path_of(kind, k, c))}


def _problems(kind: type[AwsResource], c: Call, key: str, value: Any, fits: Fits, *, partly: bool) -> list[str]:
    try:
        encoded = kind.props[key].enc
        if fits(encoded(value) if encoded else value):
            return []
        request = wire(kind, {key: value}, c)
    except Exception:  # its encoder needs what is not known yet, or takes no such value: the call says it
        return []
    from botocore.validate import ParamValidator

    from .models import operation_model
    from .service import said  # needs what only calls need, and an unchanged app makes none

    shape = operation_model(kind.service, c.op).input_shape
    judged = ("invalid type", "invalid range", *(() if partly else ("invalid length",)))
    errors = ParamValidator().validate(request, shape)._errors if shape is not None else []
    return [said(e) for e in errors if e[0] in judged]


def _known(value: Any) -> tuple[Any, bool]:
    """A value without those parts that only a deploy tells, and whether it has some."""
    if value is UNKNOWN:
        return UNKNOWN, True
    if isinstance(value, Mapping):
        inside = {k: _known(v) for k, v in value.items()}
        return {k: v for k, (v, _) in inside.items() if v is not UNKNOWN}, any(p for _, p in inside.values())
    if isinstance(value, list | tuple):
        parts = [_known(v) for v in value]
        return [v for v, _ in parts if v is not UNKNOWN], any(p for _, p in parts)
    return value, False
