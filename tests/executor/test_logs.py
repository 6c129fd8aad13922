"""The lines Lambda itself writes, as text and as JSON."""
from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path

from .stage import Stage, play

LOGGING = """
import logging
logging.getLogger().setLevel("INFO")
def handler(event, context):
    print("plain")
    logging.getLogger("mine").info("told %s", 1)
    1 / 0
"""


def test_text(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function("print('init')\ndef handler(event, context): print('in', event)")
        before = time.time() * 1000
        made = await stage.executor.invoke(fn, b"1", request_id="r-1")
        assert stage.lines[:4] == ["init", "START RequestId: r-1 Version: $LATEST", "in 1", "END RequestId: r-1"]
        report = (r"REPORT RequestId: r-1\tDuration: (\d+\.\d\d) ms\tBilled Duration: (\d+) ms\tMemory Size: 256 MB\t"
                  r"Max Memory Used: (\d+) MB\t")
        first = re.fullmatch(report + r"Init Duration: (\d+\.\d\d) ms\t", stage.lines[4])
        assert first and int(first[2]) == made.billed_ms >= float(first[1]) + float(first[4])
        assert int(first[3]) == made.max_memory_mb
        await stage.executor.invoke(fn, b"2", request_id="r-1")
        assert re.fullmatch(report, stage.lines[-1]) and "init" not in stage.lines[5:]
        times = [at for batch in stage.log for at, _ in batch.lines]
        assert times == sorted(times) and before - 1 <= times[0]
        assert {batch.request_id for batch in stage.log if "in 1" in [text for _, text in batch.lines]} == {"r-1"}
        assert made.logs.decode().splitlines() == stage.lines[:5]

    play(tmp_path, story)


def test_what_is_printed_is_heard_while_the_call_runs_and_else_with_its_end(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function("""
            import pathlib, time
            def handler(event, context):
                print("early", event)
                while not pathlib.Path(event).exists():
                    time.sleep(0.005)
            """)
        there, now = tmp_path / "there", tmp_path / "now"
        running = asyncio.ensure_future(stage.call(fn, str(there)))
        while f"early {there}" not in stage.lines:
            assert not running.done()
            await asyncio.sleep(0.005)
        there.touch()
        await running
        now.touch()
        await stage.call(fn, str(now))
        handed = next(i for i, batch in enumerate(stage.log) if f"early {now}" in [text for _, text in batch.lines])
        assert len(stage.log) == handed + 1 and stage.lines[-1].startswith("REPORT")

    play(tmp_path, story)


def test_json(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        for fn, mine in ((stage.function(LOGGING, log_format="JSON"), "told 1"),
                         (stage.function("exports.handler = async () => { console.info({a: 1}); null.x }", file="i.js",
                                         log_format="JSON",
                                         name="node"), {"a": 1})):
            del stage.log[:]
            await stage.executor.invoke(fn, b"1", request_id="r-1")
            start, *told, report = (json.loads(line) for line in stage.lines if line != "plain")
            assert start["type"] == "platform.start" and start["record"]["requestId"] == "r-1"
            assert report["type"] == "platform.report" and report["record"]["status"] == "success"
            assert report["record"]["metrics"].keys() == {"durationMs", "billedDurationMs", "memorySizeMB",
                                                          "maxMemoryUsedMB",
                                                          "initDurationMs"}
            assert (told[0]["level"], told[0]["message"], told[0]["requestId"]) == ("INFO", mine, "r-1")
            error = told[1].get("message", told[1])
            assert error["errorType"] in ("ZeroDivisionError", "TypeError") and error["stackTrace"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", start["time"])

    play(tmp_path, story)
