"""What a person sees of a deploy, moment by moment."""
from __future__ import annotations

import io
import json
import threading

import pytest

from sst.cli.ui.faults import fault_lines
from sst.cli.ui.progress import Progress, summary
from sst.cli.ui.sinks import json_sink, live, plain
from sst.cli.ui.style import UNICODE, Paint, clean, clip, seconds, width_of
from sst.core.model import Op
from sst.errors import DeployError, Failure, Problems, ProviderError, UserError
from sst.events import Finished, Planned, StepDone, StepFailed, StepNote, StepSkipped, StepStarted

DULL = Paint(False)


def started(name: str, type: str = "aws.sqs.Queue", op: Op = Op.CREATE) -> StepStarted:
    return StepStarted(name, name, op, name, type, None, "sst_config.py:3")


def text(progress: Progress, width: int = 80, height: int = 24, now: float = 5.0) -> list[str]:
    return [DULL.line(line) for line in progress.lines(width, height, now, UNICODE)]


def test_a_component_and_its_children_at_work() -> None:
    p = Progress()
    p.see(Planned({Op.CREATE: 4, Op.SAME: 9}), 0)
    for name, kind in (("Api/Role", "aws.iam.Role"), ("Api/Code", "aws.s3.Object"), ("Jobs", "aws.sqs.Queue")):
        p.see(started(name, kind), 1.0)
    p.see(StepDone("Api/Role", Op.CREATE, 0.5), 1.5)
    p.see(StepNote("Api/Code", "uploading 3 MB"), 2.0)
    assert text(p) == [
        "⠋ Api  1 created",
        "  ⠋ Code  aws.s3.Object  creating 4.0s  uploading 3 MB",
        "⠋ Jobs  aws.sqs.Queue  creating 4.0s",
        "⠋ 1/4 done, 2 running, 5.0s",
    ]


def test_what_failed_and_what_waited_for_it() -> None:
    p = Progress()
    p.see(started("Api/Role"), 0)
    p.see(StepFailed("Api/Role", ProviderError("no\nsecond line", code="Denied"), 1.0), 1.0)
    p.see(StepSkipped("Api/Function", "u", "Api/Function", "Api/Role"), 1.0)
    assert [DULL.line(line) for line in p.final(UNICODE, 80)] == [
        "✗ Api", "  ✗ Role  aws.sqs.Queue  creating failed  Denied: no", "  ○ Function  skipped: waited for Api/Role"]


def test_many_resources_fit_a_small_terminal_and_what_runs_is_kept() -> None:
    p = Progress()
    p.see(Planned({Op.CREATE: 300}), 0)
    for i in range(300):
        p.see(started(f"Q{i}"), 0)
        if i % 50:
            p.see(StepDone(f"Q{i}", Op.CREATE, 0.1), 0.1)
    shown = text(p, 80, 24)
    assert len(shown) <= 23 and all(len(line) < 80 for line in shown)
    assert sum("creating" in line for line in shown) == 6
    assert "… " in shown[0] and "more" in shown[0] and shown[-1].endswith("294/300 done, 6 running, 5.0s")


@pytest.mark.parametrize(("width", "height"), [(20, 4), (1, 1), (10, 2), (300, 100)])
def test_no_size_of_terminal_breaks_it(width: int, height: int) -> None:
    p = Progress()
    for i in range(10):
        p.see(started(f"Api/Résumé漢字{i}"), 0)
    shown = text(p, width, height)
    assert len(shown) <= max(height, 3) and all(width_of(line) <= max(1, width) for line in shown)


def test_text_from_outside_can_not_move_the_cursor() -> None:
    p = Progress()
    p.see(started("Jobs"), 0)
    p.see(StepNote("Jobs", "a\x1b[2Jb\nc\rd"), 0)
    assert "\x1b" not in "".join(text(p)) and clean("a\nb") == "a b"


def test_plain_lines_for_a_log() -> None:
    out = io.StringIO()
    now = [0.0]
    with plain(out, DULL, lambda: now[0]) as sink:
        sink(Planned({Op.CREATE: 2}))
        sink(started("Jobs"))
        sink(StepNote("Jobs", "waiting for the queue"))
        sink(StepDone("Jobs", Op.CREATE, 2.0))
        sink(started("Old", op=Op.DELETE))
        sink(StepFailed("Old", ProviderError("in use", code="Busy"), 1.0))
        sink(StepSkipped("X", "X", "X", "interrupted"))
        sink(Finished({Op.CREATE: 1}, 1, 1, 3.0, {}))
    assert out.getvalue() == """\
  Jobs  aws.sqs.Queue  waiting for the queue
+ Jobs  aws.sqs.Queue  created (2.0s)
x Old  aws.sqs.Queue  deleting failed: Busy: in use
o X  skipped: interrupted
"""


def test_a_quiet_log_gets_a_sign_of_life() -> None:
    came = threading.Event()

    class Out(io.StringIO):
        def write(self, s: str) -> int:
            if "still working" in s:
                came.set()
            return super().write(s)

    out = Out()
    with plain(out, DULL, iter(range(0, 100_000, 31)).__next__, quiet=30.0) as sink:
        sink(started("Cert", "aws.acm.Certificate"))
        sink(StepNote("Cert", "waiting for validation"))
        assert came.wait(10)
    assert "Cert creating" in out.getvalue() and "(waiting for validation)" in out.getvalue()


def test_json_lines() -> None:
    out = io.StringIO()
    with json_sink(out, redact=lambda s: s.replace("hunter2", "***")) as sink:
        sink(Planned({Op.CREATE: 1}))
        sink(StepFailed("a", ProviderError("bad hunter2", code="Bad", operation="sqs create_queue", request_id="r1"),
                        0.12345))
    first, second = map(json.loads, out.getvalue().splitlines())
    assert first == {"event": "planned", "counts": {"create": 1}, "round": 1}
    assert second["event"] == "step_failed" and second["seconds"] == 0.123
    assert second["error"] == {"kind": "ProviderError", "message": "bad ***", "code": "Bad",
                               "operation": "sqs create_queue",
                               "request_id": "r1", "exit_code": 2}


def test_a_reader_that_went_away_stops_nothing() -> None:
    class Gone(io.StringIO):
        def write(self, s: str) -> int:
            raise BrokenPipeError

    sinks = [plain(Gone(), DULL, lambda: 0.0), json_sink(Gone()), live(Gone(), DULL, lambda: 0.0, lambda: (80, 24))]
    for each in sinks:
        with each as sink:
            sink(started("Jobs"))
            sink(StepDone("Jobs", Op.CREATE, 1.0))


def test_the_error_of_a_failed_deploy() -> None:
    cause = ProviderError("Invalid value for the parameter VisibilityTimeout.", code="InvalidAttributeValue",
                          operation="sqs set_queue_attributes", request_id="5f1",
                          hint='visibility must be at most 12 hours; it is "13 hours"')
    error = DeployError([Failure("u", "Jobs", "aws.sqs.Queue", "update", "sst_config.py:12", cause)], skipped=2)
    assert list(fault_lines(error, UNICODE, DULL)) == [
        '✗ Queue "Jobs" (sst_config.py:12) could not be updated',
        "  InvalidAttributeValue: Invalid value for the parameter VisibilityTimeout.   [sqs set_queue_attributes, "
        "request 5f1]",
        '  hint: visibility must be at most 12 hours; it is "13 hours"',
        "  2 more waited for it and were not tried",
    ]


def test_several_problems_in_one_report() -> None:
    error = Problems([UserError("one", where="a.py:1", hint="do it"), UserError("two")])
    assert list(fault_lines(error, UNICODE, DULL)) == ["✗ one (a.py:1)", "  hint: do it", "✗ two",
                                                       "  2 problems; nothing was changed"]


def test_small_things() -> None:
    assert [seconds(s) for s in (0.04, 9.9, 9.96, 59.4, 61, 3720)] == ["0.0s", "9.9s", "10s", "59s", "1m 01s", "1h 02m"]
    assert DULL.line(clip([("abc", ""), ("漢字", "")], 6)) == "abc漢…"
    assert Paint(True)("x", "red") == "\x1b[31mx\x1b[0m"
    assert summary({Op.CREATE: 3, Op.SAME: 26}, 0, 0) == "3 created, 26 unchanged" and summary({}, 0, 0) == "no changes"
