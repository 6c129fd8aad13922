"""What each room of the tests takes, shown at the end of a run of several rooms."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest

from tests.browser import MISSING

_SHOWN = 8


def _without_browser(reports: Iterable[object]) -> int:
    return sum(isinstance(report, pytest.TestReport) and MISSING in str(report.longrepr) for report in reports)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Seconds of all processes together, setup and teardown included."""
    seconds, tests = Counter[str](), Counter[str]()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                room = "/".join(report.nodeid.split("::")[0].split("/")[:-1])
                seconds[room] += report.duration  # type: ignore[assignment]  # a Counter adds floats just as well
                tests[room] += report.when == "call"
    if len(seconds) > 2:
        terminalreporter.section("slowest rooms")
        for room, took in seconds.most_common(_SHOWN):
            terminalreporter.write_line(f"{took:7.1f}s {tests[room]:5} tests  {room}")
    if left := _without_browser(terminalreporter.stats.get("skipped", ())):
        terminalreporter.write_line(f"{left} tests did not run: {MISSING}")
