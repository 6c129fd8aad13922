"""``sst dev`` on a terminal, as a user sees it."""
from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .live import FILES, SST, WITH_WEB, config, environment, get, write
from .terminal.session import Session, alive

pytestmark = pytest.mark.slow


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Callable[..., Session]]:
    begun = list[Session]()

    def started(files: dict[str, str], *, columns: int = 80, lines: int = 24, **more: str) -> Session:
        given = environment(**more)
        if "NO_COLOR" not in more:
            del given["NO_COLOR"]
        given.pop("CI", None)
        begun.append(Session(write(tmp_path, files), command=[SST, "dev"], columns=columns, lines=lines,
                             environment=given))
        return begun[-1]

    yield started
    for one in begun:
        one.close()
    subprocess.run([SST, "local", "stop"], cwd=tmp_path, env=environment(), capture_output=True, check=False)


def url(session: Session, name: str) -> str:
    found = re.search(rf"{name}: (http://\S+)", session.text)
    assert found, session.text
    return found[1]


def test_panes_invocations_and_the_way_out(screen: Callable[..., Session]) -> None:
    session = screen(WITH_WEB)
    session.until("ready: 2 functions run from source", seconds=60)
    session.until("Web is ready")
    one = url(session, "one")
    assert all(title in session.text for title in ("Deploy", "Functions",
                                                   "Web")) and max(map(len, session.text.split("\n"))) <= 80
    session.type("j")
    session.until("request and response")
    assert get(one) == (200, "first")
    session.until("One  GET /  #1")
    session.until("cold, init")
    session.type("i")
    session.until('"userAgent": "Python-urllib')
    session.until("│response")
    (session.folder / "src/one.py").write_text("def handler(event, context):\n    raise KeyError('nothing')\n")
    session.until("One reloaded: src/one.py")
    assert get(one)[0] == 502
    session.until("KeyError: 'nothing'")
    session.until("src/one.py:2 in handler")
    session.type("j")
    session.until("listening on http://localhost")
    session.type("\x03")
    assert session.over(seconds=30) == 0 and session.is_restored()


def test_an_error_in_the_program_and_a_loss_that_is_agreed_to(screen: Callable[..., Session]) -> None:
    session = screen(FILES)
    session.until("ready:", seconds=60)
    assert "agree" not in session.text
    program = session.folder / "sst_config.py"
    program.write_text(config("oops"))
    session.until("NameError: name 'oops' is not defined")
    session.until("Deploy         ✗")
    program.write_text(config().replace('aws.Bucket("Uploads")', 'aws.Bucket("Pictures")'))
    session.until("this would delete Uploads")
    session.until("y confirm")
    session.type("y")
    session.until("Deploy         ✓")
    session.until("deleted")
    session.type("\x03")
    assert session.over(seconds=30) == 0


def test_a_narrow_terminal_and_a_change_of_size(screen: Callable[..., Session]) -> None:
    session = screen(FILES, columns=50, lines=15)
    session.until("ready:", seconds=60)
    session.size(120, 40)
    session.until("run from source; saving a file is enough")
    session.type("\x03")
    assert session.over(seconds=30) == 0 and session.is_restored()


def test_a_tiny_terminal_gets_lines(screen: Callable[..., Session]) -> None:
    session = screen(FILES, columns=30, lines=8)
    session.until(lambda: b"[Deploy]" in session.raw, seconds=60)
    session.until(lambda: b"ready:" in session.raw, seconds=60)
    assert b"\x1b[?1049h" not in session.raw
    os.kill(session.process.pid, signal.SIGINT)  # it leaves ctrl-c to the terminal
    assert session.over(seconds=30) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_however_it_is_ended_the_terminal_is_given_back(screen: Callable[..., Session], number: signal.Signals) -> None:
    session = screen(WITH_WEB)
    session.until("Web is ready", seconds=60)
    os.kill(session.process.pid, number)
    session.over(seconds=30)
    assert session.is_restored() and not alive(session.process.pid)


def test_no_color_is_kept(screen: Callable[..., Session]) -> None:
    session = screen(FILES, NO_COLOR="1")
    session.until("ready:", seconds=60)
    assert not re.search(rb"\x1b\[[0-9;]*3[0-7]m", session.raw)
    session.type("\x03")
    assert session.over(seconds=30) == 0
