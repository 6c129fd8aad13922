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

__all__ = ["difference_data", "difference_lines", "drift_lines"]


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
        yield [(sign, style), (f" {first.drift.name}", "bold"), (f"  {first.drift.type}", "dim"), (gone, "red"),
               (at, "dim")]
        for row in of:
            if row.drift.property:
                program, state, cloud = _apart((row.program, row.drift.state_value, row.drift.cloud_value),
                                               secret=row.drift.secret)
                if row.program is None or not row.declared:
                    program = "(not set)" if row.declared else "(none)"
                yield [(f"    {row.drift.property}: ", ""), (f"program {program}, ", ""), (f"state {state}, ", ""),
                       (f"cloud {cloud}", "red")]


def difference_lines(found: Sequence[Difference]) -> Iterator[Line]:
    """How an existing resource differs from the program.

        « Jobs  aws.sqs.Queue
            visibility_timeout: there 90, program 60
    """
    for _, some in groupby(found, key=lambda d: d.urn):
        of = list(some)
        yield [("«", "green"), (f" {of[0].name}", "bold"), (f"  {of[0].type}", "dim")]
        for d in of:
            fixed = "  can't be changed in place" if d.fixed else ""
            there, asked = _apart((d.there, d.asked), secret=d.secret)
            yield [(f"    {d.property}: there {there}, program {asked}", ""), (fixed, "red")]


def difference_data(found: Sequence[Difference]) -> list[dict[str, Any]]:
    return [{"name": d.name, "type": d.type, "property": d.property, "there": _plain(d.there, d.secret),
             "program": _plain(d.asked, d.secret), "fixed": d.fixed} for d in found]


def _apart(values: Sequence[Any], *, secret: bool, room: int = 60) -> list[str]:
    """The values in few words. Of long ones that begin alike, the place where they part."""
    if secret:
        return [SECRET for _ in values]
    texts = [clean(json.dumps(v, default=_later, ensure_ascii=False)) for v in values]
    parts = {t for t in texts if t != "null"}
    alike = next((n for n, letters in enumerate(zip(*parts, strict=False)) if len(set(letters)) > 1), 0)
    begin = max(0, alike - 8) if alike > room // 2 else 0
    return [_cut(t, 0 if t == "null" else begin, room) for t in texts]


def _cut(text: str, begin: int, room: int) -> str:
    if begin:
        text = f"…{text[begin:]}"
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _plain(value: Any, secret: bool) -> Any:
    return (None if value is None else SECRET) if secret else json.loads(json.dumps(value, default=_later))


def _later(value: object) -> str:
    return LATER if value is UNKNOWN else str(value)
