"""``sst dev`` on a terminal, as a user sees it."""
from __future__ import annotations

import os
import re
import signal
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.long import first_of

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


@pytest.mark.long
def test_the_keys_of_functions_and_addresses(screen: Callable[..., Session], tmp_path: Path) -> None:
    editor, browser = tmp_path / "editor.sh", tmp_path / "browser.sh"
    editor.write_text('#!/bin/sh\necho \'{"edited": 7}\' > "$1"\n')
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    for script in (editor, browser):
        script.chmod(0o755)
    two = "def handler(event, context):\n    print('got', event.get('edited'))\n    raise ValueError('no luck')\n"
    session = screen({**FILES, "src/two.py": two}, columns=130, lines=40, EDITOR=str(editor), BROWSER=f"{browser} %s")
    session.until("ready: 2 functions run from source", seconds=60)
    one, failing = url(session, "one"), url(session, "two")
    assert get(one) == (200, "first") and get(failing)[0] == 502
    session.until(lambda: re.search(r"λ Functions +1 ✗", session.text))
    session.until("↗ one")
    session.type("?")
    session.until("search; n and N")
    session.type("?")
    session.type("jj")
    session.until("u open  y copy")
    session.type("u")
    session.until(lambda: (tmp_path / "opened").exists() and (tmp_path / "opened").read_text() == f"{one}\n")
    session.type("y")
    session.until(lambda: b"\x1b]52;c;" + b64encode(one.encode()) in session.raw)
    session.type("k")
    session.until("edit and replay")
    session.type("p")
    session.until("replay call #: 2")
    session.type("\x7f1\r")
    session.until("replay of #1")
    session.type("e")
    session.until("edit and replay call #: 3")
    session.type("\x7f2\r")
    session.until("replay of #2")
    session.until("got 7")
    session.type("r")
    session.until("restart function: Two")
    session.type("\r")
    session.until("Two restarted")
    session.type("s")
    session.until("slowest calls")
    session.type("o")
    session.until(lambda: "/#token=" in (tmp_path / "opened").read_text(), seconds=30)
    session.type("a")
    session.until("pane of function: Two")
    session.type("\x15Onne\r")
    session.until('there is no function Onne; did you mean "One"?')
    session.type("a")
    session.until("pane of function: Two")
    session.type("\x15One\r")
    session.until(lambda: re.search(r"ƒ One +✓", session.text))
    session.until(lambda: "replay of #1" in session.text and "no luck" not in session.text)
    session.type("x")
    session.until(lambda: "ƒ One" not in session.text)
    session.type("/")
    session.type("got none\r")
    session.until("n older, N newer")
    session.until("got None")
    session.type("\x1b")
    session.until(lambda: "n older" not in session.text)    # what came at once after it would be a key with alt
    (session.folder / "src/two.py").write_text("def handler(event, context):\n    return 1\n")
    assert get(failing)[0] == 200
    session.until(lambda: re.search(r"λ Functions +2 ✓", session.text))
    session.type("\x03")
    assert session.over(seconds=30) == 0 and session.is_restored()
    log = (session.folder / ".sst/dev/local/session.log").read_text()
    assert "[Deploy] ready: 2 functions" in log and "[Functions] Two  " in log and "\x1b" not in log


@pytest.mark.long
def test_a_second_terminal_has_the_same_panes(screen: Callable[..., Session]) -> None:
    session = screen(WITH_WEB, columns=110)
    session.until("Web is ready", seconds=60)
    second = Session(session.folder, command=[SST, "dev"], columns=110, lines=24, environment=environment())
    try:
        second.until("ready: 2 functions run from source")
        second.until("→ Web")
        assert get(url(session, "one")) == (200, "first")
        second.type("j")
        second.until("One  GET /  #1")
        second.type("p")
        second.type("\r")
        second.until("replay of #1")
        session.type("j")
        session.until("replay of #1")
        second.type("\x03")
        assert second.over(seconds=30) == 0 and second.is_restored()
    finally:
        second.close()
    session.type("\x03")
    assert session.over(seconds=30) == 0


@pytest.mark.long
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


@pytest.mark.long
def test_a_narrow_terminal_and_a_change_of_size(screen: Callable[..., Session]) -> None:
    session = screen(FILES, columns=50, lines=15)
    session.until("ready:", seconds=60)
    session.size(120, 40)
    session.until("run from source; saving a file is enough")
    session.type("\x03")
    assert session.over(seconds=30) == 0 and session.is_restored()


@pytest.mark.long
def test_a_tiny_terminal_gets_lines(screen: Callable[..., Session]) -> None:
    session = screen(FILES, columns=30, lines=8)
    session.until(lambda: b"[Deploy]" in session.raw, seconds=60)
    session.until(lambda: b"ready:" in session.raw, seconds=60)
    assert b"\x1b[?1049h" not in session.raw
    os.kill(session.process.pid, signal.SIGINT)  # it leaves ctrl-c to the terminal
    assert session.over(seconds=30) == 0


@pytest.mark.parametrize("number", first_of([signal.SIGTERM, signal.SIGHUP]))
@pytest.mark.long
def test_however_it_is_ended_the_terminal_is_given_back(screen: Callable[..., Session], number: signal.Signals) -> None:
    session = screen(WITH_WEB)
    session.until("Web is ready", seconds=60)
    os.kill(session.process.pid, number)
    session.over(seconds=30)
    assert session.is_restored() and not alive(session.process.pid)


@pytest.mark.long
def test_no_color_is_kept(screen: Callable[..., Session]) -> None:
    session = screen(FILES, NO_COLOR="1")
    session.until("ready:", seconds=60)
    assert not re.search(rb"\x1b\[[0-9;]*3[0-7]m", session.raw)
    session.type("\x03")
    assert session.over(seconds=30) == 0
