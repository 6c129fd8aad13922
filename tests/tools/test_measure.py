"""What the benchmarks say of a command is the command's own."""
from __future__ import annotations

import sys

import pytest
from bench.contender import KEYS
from bench.measure import contender, run, server

PYTHON = sys.executable


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count the peak in another unit")
def test_the_peak_of_a_command_is_not_that_of_the_process_that_measures() -> None:
    held = bytearray(150_000_000)
    held[::4096] = b"x" * len(held[::4096])
    assert run([PYTHON, "-c", "pass"]).rss < 60 < run([PYTHON, "-c", "print(len(b'x' * 80_000_000))"]).rss < 140


def test_a_failure_says_what_the_command_said() -> None:
    with pytest.raises(RuntimeError, match=r"ended with 3:\nno such thing"):
        run([PYTHON, "-c", "import sys; print('no such thing'); sys.exit(3)"])


def test_a_last_line_of_json_is_what_a_command_said() -> None:
    cost = run([PYTHON, "-c", "print('first'); print('{\"n\": 1}')"])
    assert (cost.said, cost.output) == ({"n": 1}, 'first\n{"n": 1}\n')
    assert cost.cpu > 0 and cost.wall > 0


def test_awscrt_is_hidden_as_users_do_not_have_it() -> None:
    code = "import botocore.compat; print(botocore.compat.HAS_CRT)"
    assert run([PYTHON, "-c", code]).output == "False\n"


def test_the_contenders_of_wide_make_their_calls() -> None:
    with server(0.0) as url:
        said = {name: contender(name, "wide", 1, url, "app", *KEYS).said for name in ("engine", "boto3", "raw")}
    assert (said["engine"]["resources"], said["boto3"]["calls"], said["raw"]["calls"]) == (3, 3, 3)
