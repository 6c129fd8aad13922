"""Timeouts, memory and sizes: each ends as on Lambda, and the next call works."""
from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from sst.executor import PAYLOAD_LIMIT, Refused

from .stage import Stage, play

LIMITS = """
import subprocess, sys, time
def handler(event, context):
    if "sleep" in event:
        print("began")
        subprocess.Popen(["sleep", "987"])
        time.sleep(event["sleep"])
    if "memory" in event:
        block = bytearray(event["memory"] << 20)
        for i in range(0, len(block), 4096):
            block[i] = 1
        time.sleep(event.get("hold", 0))
    if "bytes" in event:
        return "x" * (event["bytes"] - 2)
    return "fine"
"""


def test_a_slow_function_is_killed_at_its_timeout_with_what_it_started(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function(LIMITS, timeout=0.5)
        assert await stage.value(fn, {}) == "fine"
        began = time.monotonic()
        made = await stage.executor.invoke(fn, b'{"sleep": 40}', request_id="r-1")
        assert 0.5 <= time.monotonic() - began < 30
        assert json.loads(made.payload) == {"errorType": "Sandbox.Timedout",
                                            "errorMessage": "RequestId: r-1 Error: Task timed out after 0.50 seconds"}
        assert (made.error, made.duration_ms, made.billed_ms) == ("Unhandled", 500, 500)
        start, said, line, end, report = stage.lines[-5:]
        assert (start, said, end) == ("START RequestId: r-1 Version: $LATEST", "began", "END RequestId: r-1")
        assert re.fullmatch(r"[-\dT:.]+Z r-1 Task timed out after 0\.50 seconds", line)
        assert "Duration: 500.00 ms\tBilled Duration: 500 ms" in report and report.endswith("\tStatus: timeout")
        assert made.max_memory_mb > 0 and f"Max Memory Used: {made.max_memory_mb} MB" in report
        assert await stage.value(fn, {}) == "fine"
        assert b"sleep\x00987" not in _commands()

    play(tmp_path, story)


def test_a_function_that_prints_without_end_is_killed_in_time_all_the_same(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function("import subprocess\ndef handler(event, context): subprocess.run(['yes', 'x' * 200])",
                            timeout=2)
        made = await stage.call(fn)
        assert json.loads(made.payload)["errorType"] == "Sandbox.Timedout" and made.duration_ms == 2000
        assert "x" * 200 in stage.lines

    play(tmp_path, story)


@pytest.mark.parametrize("hold", [0, 5])
def test_too_much_memory_kills_it(tmp_path: Path, hold: int) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function(LIMITS, memory=128)
        assert await stage.value(fn, {"memory": 60}) == "fine"
        error = await stage.failure(fn, {"memory": 200, "hold": hold})
        assert error["errorType"] == "Runtime.OutOfMemory"
        assert error["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
        assert "Max Memory Used: 128 MB" in stage.lines[-1]
        assert stage.lines[-1].endswith("Status: error\tError Type: " "Runtime.OutOfMemory")
        assert await stage.value(fn, {}) == "fine"

    play(tmp_path, story)


def test_memory_of_children_counts(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function("""
            import subprocess, sys
            def handler(event, context):
                code = "import time; b = bytearray(b'x') * (200 << 20); time.sleep(5)"
                return subprocess.run([sys.executable, "-c", code]).returncode
        """, memory=128)
        assert (await stage.failure(fn))["errorType"] == "Runtime.OutOfMemory"

    play(tmp_path, story)


def test_an_answer_over_6_mb_is_refused_and_the_sandbox_stays(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function(LIMITS)
        assert len((await stage.call(fn, {"bytes": 6291556})).payload) == 6291556
        error = await stage.failure(fn, {"bytes": 6291557})
        assert error == {"errorType": "Function.ResponseSizeTooLarge",
                         "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes)."}
        assert any("6 MB in one piece: streaming=True" in line and "cluster=cluster" in line for line in stage.lines)
        assert not (await stage.call(fn, {})).cold

    play(tmp_path, story)


def test_an_event_over_6_mb_is_refused(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function(LIMITS)
        with pytest.raises(Refused, match="Request must be smaller than 6291456 bytes for the InvokeFunction "
                                          "operation"):
            await stage.executor.invoke(fn, b" " * (PAYLOAD_LIMIT + 1))
        assert (await stage.executor.invoke(fn, b"{}" + b" " * (PAYLOAD_LIMIT - 2))).payload == b'"fine"'

    play(tmp_path, story)


def _commands() -> set[bytes]:
    found = set()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.add(file.read_bytes().strip(b"\0"))
        except OSError:
            continue
    return found
