"""The rows of a trace: each call below what caused it."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["trace_rows"]

Row = Mapping[str, Any]


def trace_rows(trace: Mapping[str, Sequence[Row]]) -> Iterator[tuple[int, Row]]:
    """Depth and row, in the order in which a person reads them: calls of functions and AWS calls by turns."""
    below: dict[str, list[Row]] = defaultdict(list)
    every = sorted((*trace["invocations"], *trace["calls"]), key=lambda row: row["began"])
    spans = {row["span"] for row in every}
    for row in every:
        below[row["parent"] if row["parent"] in spans else ""].append(row)
    shown: set[int] = set()

    def walk(row: Row, depth: int) -> Iterator[tuple[int, Row]]:
        if id(row) not in shown:
            shown.add(id(row))
            yield depth, row
            for other in below[row["span"]]:
                yield from walk(other, depth + 1)

    for row in (*below[""], *every):  # a circle of parents has no beginning
        yield from walk(row, 0)
