"""Records what real programs write to a terminal of 80 by 24: ``python -m tests.dev.terminal.record``."""
from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

FOLDER = Path(__file__).with_name("recorded")
TEXT = "".join(f"{n:3} the quick brown fox jumps over the lazy dog — größer, 日本 \t end {'=' * (n % 40)}\n"
               for n in range(200))
PROGRAMS: dict[str, tuple[list[str], list[bytes]]] = {
    "vim": (["vim", "-u", "NONE", "-N", "text"],
            [b"jjj", b"10G", b"dd", b"ihello\x1b", b":split\r", b"/fox\r", b"\x06", b"u", b":set number\r", b":q!\r",
             b":q!\r"]),
    "less": (["less", "text"], [b" ", b" ", b"b", b"/quick\r", b"n", b"k", b"G", b"q"]),
    "top": (["top", "-d", "1"], [b"", b"z", b"", b"q"]),
    "bash": (["bash", "--norc"],
             [b"ls --color=always /\r", b"printf '\\033[1;31mred\\033[0m\\n'\r",
              b"echo abc\x01\x05\x17def\r", b"\x12ech\x1b[A\r", b"exit\r"]),
    "progress": ([sys.executable, "-c",
                  "for i in range(101):\n    print(f'\\r\\x1b[K\\x1b[32m{chr(0x2588) * (i // 4)}\\x1b[0m {i}%', "
                  "end='', flush=True)"], []),
}


def record(command: list[str], keys: list[bytes]) -> bytes:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, close_fds=True,
                             cwd=FOLDER,
                             env={"PATH": os.environ["PATH"], "TERM": "xterm-256color",
                                  "LANG": "C.UTF-8", "HOME": str(FOLDER), "HISTFILE": ""})
    os.close(slave)
    out = b""

    def listen(seconds: float) -> None:
        nonlocal out
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and select.select([master], [], [], left)[0]:
            try:
                out += os.read(master, 65536)
            except OSError:
                return

    listen(1)
    for key in keys:
        os.write(master, key)
        listen(0.4)
    listen(0.5)
    child.kill()
    child.wait()
    os.close(master)
    return out


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "text").write_text(TEXT)
    for name, (command, keys) in PROGRAMS.items():
        # the last picture is the interesting one: the program's farewell is left out
        (FOLDER / f"{name}.bin").write_bytes(record(command, [k for k in keys if k not in (b"q", b":q!\r")]))
    for extra in [p for p in FOLDER.iterdir() if p.suffix != ".bin"]:
        shutil.rmtree(extra) if extra.is_dir() else extra.unlink()
