"""Pages whose last part takes 700 ms: when their first byte comes, behind the whole chain and from their own server."""
from __future__ import annotations

import statistics
import time
import urllib.request
from collections.abc import Mapping

from tests.sites.visitor import AGENT

from .report import Report

__all__ = ["measure_first_bytes"]

TRIES = 5


def measure_first_bytes(report: Report, urls: Mapping[str, str], own: Mapping[str, int]) -> None:
    """``own``: the ports of their own servers. All of them are warm."""
    rows = []
    for name, port in own.items():
        ours, theirs = (statistics.median(_first_byte(f"{url}/slow") for _ in range(TRIES))
                        for url in (urls[name].rstrip("/"), f"http://127.0.0.1:{port}"))
        rows.append((name, f"{ours:.1f} ms", f"{theirs:.1f} ms"))
        report.figure(f"first byte of a page of {name} whose last part takes 700 ms", ours, 200, "ms")
    report.table(("a page whose last part takes 700 ms", "first byte", "of its own server"), rows)


def _first_byte(url: str) -> float:
    """In milliseconds; the whole page is read."""
    began = time.perf_counter()
    with urllib.request.urlopen(urllib.request.Request(url, headers=AGENT), timeout=60) as answer:
        got = answer.read1(65536)
        first = (time.perf_counter() - began) * 1e3
        got += answer.read()
    whole = (time.perf_counter() - began) * 1e3
    if b"last" not in got or whole < 690:
        raise RuntimeError(f"{url} answered {got[-200:]!r} in {whole:.0f} ms")
    return first
