"""The terminal of ``sst dev``: what programs may write in a second, and what a picture costs."""
from __future__ import annotations

import time
from collections.abc import Callable

from sst.dev.terminal.frame import Frame, layout
from sst.dev.terminal.log_pane import LogPane
from sst.dev.terminal.vt import Terminal

from .report import Report

__all__ = ["run_terminal"]

STREAMS = {
    "coloured log": "".join(f"\x1b[3{n % 8}m2026-11-22T23:00:{n % 60:02}Z \x1b[0mINFO request id={n} GET "
                            f"/api/items/{n} 200 {n * 3}ms\r\n"
                            for n in range(100)) * 80,
    "plain": ("x" * 100 + "\r\n") * 8000,
    "accents and arrows": ("→ grüße " * 12 + "\r\n") * 5000,
    "two columns each": ("漢字テスト " * 10 + "\r\n") * 2000,
}


def run_terminal(report: Report, *, quick: bool, times: int) -> None:
    report.title("The terminal of sst dev")
    speeds = {name: max(_speed(text.encode()) for _ in range(times)) for name, text in STREAMS.items()}
    report.table(("output of a program", "MB/s"), [(name, f"{speed:.1f}") for name, speed in speeds.items()])
    picture = min(_picture() for _ in range(times))
    report.say(f"A picture of 120 by 40 after one more line of a log: {picture * 1000:.2f} ms.")
    report.figure("time for 1 MB of coloured log", 1000 / speeds["coloured log"], 200, "ms")


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _speed(data: bytes) -> float:
    terminal = Terminal(120, 40)
    return len(data) / 1e6 / _timed(lambda: [terminal.feed(data[at: at + 4096]) for at in range(0, len(data), 4096)])


def _picture(count: int = 200) -> float:
    pane, frame, at = LogPane("Functions"), Frame(colour=True), layout(120, 40, ["Functions"])

    def draw(n: int) -> None:
        pane.write_line(f"\x1b[32m+{n}ms\x1b[0m line {n} of a log")
        frame.draw(at, frame.sidebar(at, [pane], 0, active=True, now=n / 30)
                   | frame.main(at, pane.rows(at.width, at.height)), None)

    return _timed(lambda: [draw(n) for n in range(count)]) / count
