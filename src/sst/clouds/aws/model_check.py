"""What the model of a service refuses of a resource's properties, found by the plan: types, ranges and lengths. Without
this the call itself would say so, in the middle of a deploy."""
from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from ...core.output import UNKNOWN
from ...errors import UserError
from .columns import Call
from .models import operation_model
from .table import AwsResource, wire

__all__ = ["check_properties"]


def check_properties(kind: type[AwsResource], inputs: Mapping[str, Any], changed: Set[str]) -> None:
    """UserError for the first property that would be refused. What is not known yet is not judged."""
    judged = set[str]()
    for c in (kind.create, *kind.update):
        for k in kind.sent_by(c):
            if k not in changed or k in judged or inputs.get(k) is None:
                continue
            judged.add(k)
            known, partly = _known(inputs[k])
            if problems := [] if known is UNKNOWN else _problems(kind, c, k, known, partly=partly):
                raise UserError(f"{kind.type} does not take this {k}: {'; '.join(problems)}",
                                hint="write it as text" if any(", not str)" in p for p in problems) else "")


def _problems(kind: type[AwsResource], c: Call, key: str, value: Any, *, partly: bool) -> list[str]:
    try:
        request = wire(kind, {key: value}, c)
    except Exception:  # its encoder needs what is not known yet, or takes no such value: the call says it
        return []
    from botocore.validate import ParamValidator

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
