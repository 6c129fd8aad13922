"""Starts doomed processes quickly: one process that has everything imported forks one for each run.

    with Forge() as forge:
        ended = forge.run(["deploy"], folder, doom)
"""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .doomed import Doom, sst

__all__ = ["Ended", "Forge"]


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code, or the negative number of the signal; what it said; the boundaries it came by."""

    code: int
    said: str
    boundaries: tuple[str, ...]

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


class Forge:
    def __init__(self) -> None:
        # a session of its own: a signal sent to a run's group never reaches the tests
        self._process = subprocess.Popen([sys.executable, "-m", __name__], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True,
                                         cwd=Path(__file__).parents[2], start_new_session=True)

    def __enter__(self) -> Forge:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def run(self, words: Sequence[str], folder: Path, doom: Doom, **environment: str) -> Ended:
        return self.wait(self.start(words, folder, doom, **environment))

    def start(self, words: Sequence[str], folder: Path, doom: Doom, **environment: str) -> tuple[int, Doom, str]:
        """Begin a run, which goes on beside others: its pid and what ``wait`` needs."""
        handle, said = tempfile.mkstemp(dir=folder.parent, suffix=".said")
        os.close(handle)
        answer = self._ask({"words": [*words], "folder": str(folder), "doom": asdict(doom), "said": said,
                            "environment": environment})
        return int(answer["pid"]), doom, said

    def wait(self, begun: tuple[int, Doom, str]) -> Ended:
        pid, doom, said = begun
        code = int(self._ask({"wait": pid})["code"])
        log = Path(doom.log)
        ended = Ended(code, Path(said).read_text(encoding="utf-8"),
                      tuple(log.read_text().splitlines()) if log.exists() else ())
        Path(said).unlink()
        log.unlink(missing_ok=True)
        return ended

    def stopped(self, begun: tuple[int, Doom, str]) -> bool:
        """Wait until it has stopped itself; False if it ended before."""
        return bool(self._ask({"stopped": begun[0]})["stopped"])

    def _ask(self, what: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


def _child(order: dict[str, Any]) -> None:
    out = os.open(order["said"], os.O_WRONLY | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, at in ((null, 0), (out, 1), (out, 2)):
        os.dup2(source, at)
    os.chdir(order["folder"])
    os.environ.update(order["environment"])
    os.environ["PWD"] = order["folder"]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = sst(order["words"], Doom(**order["doom"]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _serve() -> None:
    import tests.clouds.aws.rows  # noqa: F401  # all rows, and botocore

    ended: dict[int, int] = {}
    for line in sys.stdin:
        order = json.loads(line)
        if pid := order.get("wait"):
            answer = {"code": os.waitstatus_to_exitcode(ended.pop(pid) if pid in ended else os.waitpid(pid, 0)[1])}
        elif pid := order.get("stopped"):
            _, status = os.waitpid(pid, os.WUNTRACED)
            answer = {"stopped": os.WIFSTOPPED(status)}
            if not os.WIFSTOPPED(status):
                ended[pid] = status
        else:
            pid = os.fork()
            if not pid:
                try:
                    _child(order)
                except BaseException:
                    traceback.print_exc()
                finally:
                    sys.stderr.flush()
                    os._exit(99)
            answer = {"pid": pid}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
