"""How drift looks: program, state and cloud of each property that differs."""
from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from ...core.output import UNKNOWN
from ...engine.adopt import Difference
from ...engine.three_way import Row
from .plan import LATER, SECRET
from .style import Line, clean

__all__ = ["difference_data", "difference_lines", "drift_data", "drift_lines"]


def drift_lines(rows: Sequence[Row]) -> Iterator[Line]:
    """The rows for a person.

        ~ Jobs  aws.sqs.Queue  (sst_config.py:12)
            visibility_timeout: program 60, state 60, cloud 90
        - Uploads  aws.s3.Bucket  is gone from the cloud
    """
    for _, some in groupby(rows, key=lambda r: r.drift.urn):
        of = list(some)
        first = of[0]
        at = f"  ({first.where})" if first.where else "" if first.declared else "  not in the program"
        sign, style = ("-", "red") if first.drift.gone else ("~", "yellow")
        gone = "  is gone from the cloud" if first.drift.gone else ""
        yield [(sign, style), (f" {first.drift.name}", "bold"), (f"  {first.drift.type}", "dim"), (gone, "red"), (at, "dim")]
        for row in of:
            if row.drift.property:
                yield [(f"    {row.drift.property}: ", ""), (f"program {_program(row)}, ", ""),
                       (f"state {_short(row, row.drift.state_value)}, ", ""), (f"cloud {_short(row, row.drift.cloud_value)}", "red")]


def drift_data(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows for a program."""
    return [{"name": r.drift.name, "type": r.drift.type, "urn": r.drift.urn, "property": r.drift.property or None, "gone": r.drift.gone,
             "program": _data(r, r.program), "state": _data(r, r.drift.state_value), "cloud": _data(r, r.drift.cloud_value),
             "declared": r.declared, "where": r.where} for r in rows]


def difference_lines(found: Sequence[Difference]) -> Iterator[Line]:
    """What an existing thing has otherwise than the program asks for.

        « Jobs  aws.sqs.Queue
            visibility_timeout: there 90, program 60
    """
    for _, some in groupby(found, key=lambda d: d.urn):
        of = list(some)
        yield [("«", "green"), (f" {of[0].name}", "bold"), (f"  {of[0].type}", "dim")]
        for d in of:
            fixed = "  can't be changed in place" if d.fixed else ""
            yield [(f"    {d.property}: there {_text(d.there, d.secret)}, program {_text(d.asked, d.secret)}", ""), (fixed, "red")]


def difference_data(found: Sequence[Difference]) -> list[dict[str, Any]]:
    return [{"name": d.name, "type": d.type, "property": d.property, "there": _plain(d.there, d.secret),
             "program": _plain(d.asked, d.secret), "fixed": d.fixed} for d in found]


def _program(row: Row) -> str:
    if not row.declared:
        return "(none)"
    return "(not set)" if row.program is None else _short(row, row.program)


def _short(row: Row, value: Any) -> str:
    return _text(value, row.drift.secret)


def _text(value: Any, secret: bool, room: int = 60) -> str:
    if secret:
        return SECRET
    text = clean(json.dumps(value, default=_later, ensure_ascii=False))
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _data(row: Row, value: Any) -> Any:
    return _plain(value, row.drift.secret)


def _plain(value: Any, secret: bool) -> Any:
    return (None if value is None else SECRET) if secret else json.loads(json.dumps(value, default=_later))


def _later(value: object) -> str:
    return LATER if value is UNKNOWN else str(value)
