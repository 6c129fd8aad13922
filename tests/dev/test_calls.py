"""Calls as events, what they add up to, and how they read."""
from __future__ import annotations

import json
from pathlib import Path

from sst.dev.calls import CallStore
from sst.dev.colors import Colors
from sst.dev.events import AnyEvent, CallBegan, CallEnded, LogLine, Notice
from sst.dev.function_lines import FunctionLines
from sst.dev.recorder import BODY_LIMIT, CallRecorder
from sst.dev.stream import EventStream
from sst.dev.tracebacks import Tracebacks
from sst.executor import FunctionVersion, Invocation, LogLines

ROOT = Path("/home/me/app")
FN = FunctionVersion("arn", "name", "$LATEST", "python3.12", "h", Path())


def recorded() -> tuple[CallRecorder, list[AnyEvent], CallStore]:
    events, store = list[AnyEvent](), CallStore()

    def emit(event: AnyEvent) -> None:
        events.append(event)
        store.see(event)

    return CallRecorder(emit, clock=lambda: 100.0), events, store


def test_a_call_its_lines_and_its_end_are_events() -> None:
    recorder, events, store = recorded()
    call = recorder.begin("Api", b'{"requestContext": {"http": {"method": "GET"}}, "rawPath": "/a"}', "r1")
    recorder.log(LogLines(FN, "s", ((100_250, "[WARNING]\t2030-01-01T00:00:00Z\tr1\tlow\rspace\n"),
                                    (1, "START RequestId: r1")), "r1"), "Api")
    call.response += b'{"statusCode": 503}'
    recorder.end(call, Invocation(b"", "", "r1", duration_ms=12, max_memory_mb=40))
    assert [type(e) for e in events] == [CallBegan, LogLine, CallEnded]
    assert events[0].trigger == "GET /a"  # type: ignore[union-attr]  # just checked
    assert events[1] == LogLine("Api", 100.25, "low\nspace", "WARNING", 1)
    assert store.failed == 1 and store.failing == ["Api"] and store.functions["Api"].most_memory_mb == 40
    again = recorder.begin("Api", b"{}", "r2")
    recorder.end(again, Invocation(b"{}", "", "r2", duration_ms=3))
    assert store.failing == [] and [c.began.number for c in store.slowest()] == [1, 2]


def test_a_large_event_is_cut_in_events_and_whole_for_a_replay() -> None:
    recorder, events, _ = recorded()
    large = json.dumps("x" * 3 * BODY_LIMIT).encode()
    recorder.begin("Api", large, "r1")
    assert len(events[0].request) == BODY_LIMIT and recorder.replay_event(1) == ("Api", large)  # type: ignore[union-attr]
    for n in range(300):
        recorder.begin("Api", b"{}", f"n{n}")
    assert recorder.replay_event(1) is None and recorder.replay_event(301) == ("Api", b"{}")


def lines(event: AnyEvent, store: CallStore | None = None, *, full: bool = False) -> list[str]:
    text = FunctionLines(ROOT, Colors(False), store or CallStore())(event)
    assert text
    return list(text.full if full else text.short)


def test_a_line_has_the_time_at_which_it_was_written() -> None:
    store = CallStore()
    store.see(CallBegan(1, "Api", "invoke", "r1", 100.0, "{}"))
    assert lines(LogLine("Api", 100.321, "hello", "", 1), store) == ["Api    +321ms hello"]
    assert lines(LogLine("Api", 100.321, "outside")) == ["Api    outside"]


WEB = '''the app failed at GET /
Traceback (most recent call last):
  File "/home/me/app/.sst/cache/unpacked/b33d739e/starlette/errors.py", line 10, in __call__
    await self.app(scope)
          ^^^^^^^^
  File "/home/me/app/.sst/cache/unpacked/b33d739e/fastapi/routing.py", line 20, in app
    return run(dependant)
  File "/home/me/app/src/api.py", line 7, in read
    raise ValueError("bad")
ValueError: bad'''


def test_frames_of_frameworks_are_folded_and_can_be_shown() -> None:
    event = LogLine("Api", 1.0, WEB, "ERROR")
    assert lines(event) == ["Api    error the app failed at GET /", "Api      … 2 frames of starlette, fastapi",
                            "Api      src/api.py:7 in read", 'Api        raise ValueError("bad")',
                            "Api    ValueError: bad"]
    assert len(lines(event, full=True)) == 6 and "starlette/errors.py:10 in __call__" in lines(event, full=True)[1]


def test_chains_and_groups_of_exceptions_are_whole() -> None:
    def raised() -> BaseException:
        try:
            try:
                raise KeyError("inner")
            except KeyError as e:
                nested = ExceptionGroup("nested", [ValueError("two")])
                raise ExceptionGroup("many", [RuntimeError("one"), nested]) from e
        except ExceptionGroup as e:
            return e

    import traceback

    text = "".join(traceback.format_exception(raised()))
    shown = "\n".join(Tracebacks(ROOT, Colors(False)).lines(text))
    for part in ("KeyError: 'inner'", "direct cause", "ExceptionGroup: many (2 sub-exceptions)", "RuntimeError: one",
                 "ExceptionGroup: nested", "ValueError: two", "test_calls.py:"):
        assert part in shown
    assert "Traceback (most recent" not in shown


def test_a_stream_gives_what_was_before_and_is_bounded() -> None:
    stream, seen = EventStream(), list[AnyEvent]()
    for n in range(6000):
        stream.emit(Notice("deploy", str(n)))
    end = stream.subscribe(seen.append)
    assert len(seen) == 5000 and seen[-1] == Notice("deploy", "5999")
    stream.emit(CallBegan(1, "Api", "invoke", "r", 1.0, "x" * 40_000_000))
    end()
    stream.emit(Notice("deploy", "unheard"))
    assert isinstance(seen[-1], CallBegan) and stream.past() == [Notice("deploy", "unheard")]
