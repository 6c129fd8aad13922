"""A program on a pseudo-terminal, seen through pyte: what it shows is what a user would see."""
from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyte

PROGRAM = """
import asyncio, os, sys
from pathlib import Path
from sst.dev.terminal import *

HERE = Path(sys.argv[1])
env = dict(os.environ)

def process(title, command, **more):
    return ProcessPane(title, command, directory=HERE, **more)

{body}
"""


class Session:
    """``body`` is a program with panes; ``command`` is run instead, if it is given."""

    def __init__(self, folder: Path, body: str = "", *, columns: int = 80, lines: int = 24,
                 environment: dict[str, str] | None = None,
                 command: Sequence[str | Path] = ()) -> None:
        self.folder = folder
        if not command:
            (folder / "program.py").write_text(PROGRAM.replace("{body}", textwrap.dedent(body)))
        self.master, self.slave = pty.openpty()
        self.screen = pyte.Screen(columns, lines)
        self.stream, self.raw = pyte.ByteStream(self.screen), b""
        self.size(columns, lines, tell=False)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            command or [sys.executable, str(folder / "program.py"), str(folder)], stdin=self.slave, stdout=self.slave,
            stderr=self.slave,
            start_new_session=True, cwd=folder,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm-256color", "HOME": str(folder),
                 "PS1": "$ ",
                 **(environment or {})})

    def size(self, columns: int, lines: int, *, tell: bool = True) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        if tell:
            self.screen.resize(lines, columns)
            self.screen.reset()
            os.kill(self.process.pid, signal.SIGWINCH)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def line(self, part: str) -> int:
        return next(n for n, line in enumerate(self.screen.display) if part in line)

    def listen(self, seconds: float = 0.05) -> None:
        while select.select([self.master], [], [], seconds)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            self.raw += data
            self.stream.feed(data)
            seconds = 0

    def until(self, what: str | Callable[[], object], *, seconds: float = 30) -> None:
        """Read until the text is on the screen, or the question is answered with yes."""
        end = time.monotonic() + seconds
        while not ((what in self.text) if isinstance(what, str) else what()):
            assert time.monotonic() < end, f"never came: {what!r}; the screen:\n{self.text}\nends {self.raw[-500:]!r}"
            self.listen()

    def over(self, *, seconds: float = 30) -> int:
        self.until(lambda: self.process.poll() is not None, seconds=seconds)
        self.listen()
        assert self.process.returncode is not None
        return self.process.returncode

    def is_restored(self) -> bool:
        """The terminal is as before: its modes, the cursor, the main screen, no mouse, no bracketed paste."""
        end = self.raw[self.raw.rfind(b"\x1b[?1049l") - 80:]
        return (termios.tcgetattr(self.slave) == self.before and not self.screen.cursor.hidden
                and b"\x1b[?1000;1002;1006l" in end and b"\x1b[?2004l" in end)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


def alive(pid: int) -> bool:
    """Whether it runs; the dead that nobody took care of yet don't count."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    try:
        return not (status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z")
    except FileNotFoundError:
        return False
