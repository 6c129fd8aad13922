"""The live tree on a real (pseudo) terminal, as a terminal would show it."""
from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

PROGRAM = """
import sys, time, threading
from sst.cli.ui.screen import Screen
from sst.core.model import Op
from sst.events import *
n = int(sys.argv[1])
s = Screen(sys.stdout, sys.stderr, sys.stdin, environ={"TERM": "xterm"})
assert s.is_live and s.asks
with s.watch() as sink:
    sink(Planned({Op.CREATE: n}))
    for i in range(n):
        sink(StepStarted(str(i), str(i), Op.CREATE, f"Part{i % 40}/R{i}", "aws.sqs.Queue", None, ""))
    print("said by the program")
    sys.stdin.readline()
    for i in range(n):
        sink(StepDone(str(i), Op.CREATE, 0.1))
    sink(Finished({Op.CREATE: n}, 0, 0, 1.0, {}))
s.done("over")
"""


class Screen:
    """As much of a terminal as the tree uses."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height, self.rows, self.row, self.col, self.hidden = width, height, [""], 0, 0, False

    def feed(self, text: str) -> None:
        for part in re.findall(r"\x1b\[\??[\d;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
            if part == "\n":
                self.row += 1
                while len(self.rows) <= self.row:
                    self.rows.append("")
            elif part == "\r":
                self.col = 0
            elif part.startswith("\x1b"):
                self._control(part[2:-1], part[-1])
            else:
                line = self.rows[self.row].ljust(self.col)
                self.rows[self.row] = line[: self.col] + part + line[self.col + len(part):]
                self.col += len(part)

    def _control(self, number: str, kind: str) -> None:
        if kind == "A":
            assert int(number) <= self.height, "a terminal can't go above its first row"
            self.row -= int(number)
            assert self.row >= 0
        elif kind == "K":
            self.rows[self.row] = self.rows[self.row][: self.col]
        elif kind == "J":
            self.rows[self.row] = self.rows[self.row][: self.col]
            del self.rows[self.row + 1:]
        elif kind in "hl":
            self.hidden = kind == "l"

    @property
    def text(self) -> str:
        return "\n".join(self.rows)


class Run:
    def __init__(self, tmp_path: Path, count: int, width: int, height: int) -> None:
        (tmp_path / "p.py").write_text(PROGRAM)
        self.master, slave = pty.openpty()
        self.resize(width, height)
        self.screen = Screen(width, height)
        env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")} | {"TERM": "xterm"}
        self.process = subprocess.Popen([sys.executable, str(tmp_path / "p.py"), str(count)], env=env,
                                        stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)

    def resize(self, width: int, height: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def read_until(self, *words: str) -> None:
        while not all(w in self.screen.text for w in words):
            assert select.select([self.master], [], [], 20)[0], f"no {words} in\n{self.screen.text}"
            self.screen.feed(os.read(self.master, 65536).decode())

    def end(self) -> int:
        try:
            while select.select([self.master], [], [], 20)[0]:
                self.screen.feed(os.read(self.master, 65536).decode())
        except OSError:
            pass
        os.close(self.master)
        return self.process.wait(20)


@pytest.mark.parametrize(("count", "width", "height"), [(3, 80, 24), (400, 80, 24), (400, 30, 6)])
def test_the_tree_is_redrawn_in_place_and_gives_the_cursor_back(tmp_path: Path, count: int, width: int,
                                                                height: int) -> None:
    run = Run(tmp_path, count, width, height)
    run.read_until("said by the program", f"0/{count} done, {count} running")
    assert run.screen.hidden
    tree = run.screen.text.split("said by the program\n")[1].rstrip("\n").splitlines()
    assert len(tree) < height and all(len(line) < width for line in tree)
    os.write(run.master, b"\n")
    run.read_until("over")
    assert run.end() == 0 and not run.screen.hidden
    assert "running" not in run.screen.text and run.screen.text.count("said by the program") == 1


def test_a_narrower_terminal_does_not_confuse_it(tmp_path: Path) -> None:
    run = Run(tmp_path, 5, 100, 24)
    run.read_until("running")
    run.resize(60, 10)
    os.write(run.master, b"\n")
    assert run.end() == 0 and "over" in run.screen.text


def test_an_interrupt_gives_the_cursor_back(tmp_path: Path) -> None:
    run = Run(tmp_path, 5, 80, 24)
    run.read_until("running")
    run.process.send_signal(signal.SIGINT)
    assert run.end() != 0 and not run.screen.hidden
