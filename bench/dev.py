"""``sst dev``: from a save to the new answer, what a live call costs, what the session holds, how fast it is up."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from .measure import ROOT
from .report import Report

__all__ = ["run_dev"]

SST = str(Path(sys.executable).with_name("sst"))
NOTE = """A real `sst dev` on stage local. "At once": a request sent right after the file was written, until its \
answer with the new text. "Later": the same half a second after the save, when the function has restarted by itself. \
Floor: the same handler in a bare process, `python app.py` or `node app.mjs`, from its start to its end. SST says of \
its own reload "under 10 ms" and measures until the code is in place, not until an answer; beside it stands the later \
answer."""
CONFIG = """import sst
from sst import aws

def config(input):
    return sst.Config(name="bench")

def run():
    return {f"f{n}": aws.Function(f"F{n}", handler=f"src/f{n}.handler", url=True).url for n in range(%d)}
"""
PYTHON = """import os
import shared

def handler(event, context):
    return {'statusCode': 200, 'body': shared.text}
"""
NODE = """import { text } from "./shared";
export const handler = async () => ({ statusCode: 200, body: text as string });
"""
TEXTS: dict[str, tuple[str, Callable[[str], str], str]] = {
    "Python": ("py", lambda word: f"text = {word!r}\n", PYTHON),
    "Node": ("ts", lambda word: f'export const text: string = "{word}";\n', NODE),
}


def run_dev(report: Report, *, quick: bool, times: int) -> None:
    report.title("sst dev", NOTE)
    rows, held, live = [], list[str](), list[tuple[str, float, float, float]]()
    for language in TEXTS:
        floor = min(_floor(language) for _ in range(times))
        for count in (1,) if quick else (1, 50):
            with _app(language, count) as root, Session(root) as session:
                at_once, later = _saves(session, root, language, 5 * times)
                rows.append((f"{language}, {count} function{'s' * (count > 1)}", f"{at_once:.0f} ms", f"{later:.1f} ms",
                             f"{floor:.0f} ms", f"{at_once / floor:.2f}", f"{later / 10:.2f}"))
                if count == 1:
                    live.append((language, _call(session.urls["f0"], 200),
                                 session.stop_and(lambda url: _call(url, 200)), floor))
                else:
                    held.append(_memory(language, session, count))
    report.table(("save to answer", "at once", "later", "floor", "at once / floor", "later / SST's 10 ms"), rows)
    report.table(("one call after the other", "live", "as deployed", "live / deployed"),
                 [(name, f"{a:.2f} ms", f"{b:.2f} ms", f"{a / b:.2f}") for name, a, b, _ in live])
    for line in held:
        report.say(f"- {line}")
    _start(report, times)


@contextmanager
def _app(language: str, count: int) -> Iterator[Path]:
    suffix, text, handler = TEXTS[language]
    root = Path(tempfile.mkdtemp(prefix="sst-bench-"))
    (root / "src").mkdir()
    (root / "sst_config.py").write_text(CONFIG % count)
    (root / f"src/shared.{suffix}").write_text(text("first"))
    for n in range(count):
        (root / f"src/f{n}.{suffix}").write_text(
            handler
            if n == 0
            else handler.replace("import shared", "import json")
            .replace("shared.text", "'other'")
            .replace('import { text } from "./shared";\n', "")
            .replace("text as string", '"other"')
        )
    try:
        yield root
    finally:
        _stop_cloud(root)
        shutil.rmtree(root, ignore_errors=True)


class Session:
    """``sst dev`` in ``root``, ready; ``urls`` are the outputs."""

    def __init__(self, root: Path, *, mode: str = "basic") -> None:
        self.root, self.urls = root, dict[str, str]()
        self._said = threading.Condition()
        self.ready = False
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("SST_", "AWS_"))}
        self.process = subprocess.Popen([SST, "dev", "--stage", "local", "--mode", mode], cwd=root, env=environ,
                                        text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        threading.Thread(target=self._read, daemon=True).start()
        with self._said:
            self._said.wait_for(lambda: self.ready or self.process.poll() is not None, 300)

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._said:
                name, colon, url = line.removeprefix("[Deploy]").strip().partition(": ")
                if colon and url.startswith("http"):
                    self.urls[name] = url
                if "ready: " in line:
                    self.ready = True
                    self._said.notify_all()

    def stop_and(self, measure: Callable[[str], float]) -> float:
        """What the deployed code takes, once the session has ended."""
        url = self.urls["f0"]
        self.__exit__()
        return measure(url)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(60)


def _saves(session: Session, root: Path, language: str, count: int) -> tuple[float, float]:
    """Medians in milliseconds: at once, and half a second later."""
    suffix, text, _ = TEXTS[language]
    shared, url, found = root / f"src/shared.{suffix}", session.urls["f0"], {0.0: list[float](), 0.5: list[float]()}
    _get(url)
    for pause, took in found.items():
        for n in range(count):
            word = f"{language}-{pause}-{n}"
            part = shared.with_name(".saving")
            part.write_text(text(word))
            part.replace(shared)
            time.sleep(pause)
            began = time.perf_counter()
            answer = _get(url)
            took.append((time.perf_counter() - began) * 1000)
            assert answer == word, f"{answer} is not {word}"
    return median(found[0.0]), median(found[0.5])


def _floor(language: str) -> float:
    """Milliseconds of a bare process that runs the handler once."""
    folder = Path(tempfile.mkdtemp(prefix="sst-bench-"))
    try:
        if language == "Python":
            (folder / "shared.py").write_text("text = 'x'\n")
            (folder / "app.py").write_text(PYTHON + "print(handler({}, None))\n")
            command = [getattr(sys, "_base_executable", sys.executable), "-S", "app.py"]
        else:
            (folder / "shared.mjs").write_text('export const text = "x";\n')
            (folder / "app.mjs").write_text(NODE.replace('"./shared"', '"./shared.mjs"').replace(" as string", "")
                                            + "handler().then(console.log);\n")
            command = ["node", "app.mjs"]
        took = []
        for _ in range(10):
            began = time.perf_counter()
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
            took.append((time.perf_counter() - began) * 1000)
        return median(took)
    finally:
        shutil.rmtree(folder)


def _call(url: str, count: int) -> float:
    """The median of calls, in milliseconds."""
    took = []
    for _ in range(count):
        began = time.perf_counter()
        _get(url)
        took.append((time.perf_counter() - began) * 1000)
    return median(took)


def _memory(language: str, session: Session, count: int) -> str:
    own = _proportional(session.process.pid)
    for n in range(count):
        _get(session.urls[f"f{n}"])
    workers = sum(_proportional(pid) for pid in _children(session.process.pid, session.root))
    return (f"{language}, {count} functions, each called once: the session holds {own:.0f} MB, its {count} workers "
            f"{workers:.0f} MB "
            "(proportional set size)")


def _start(report: Report, times: int) -> None:
    took = []
    folder = Path(tempfile.mkdtemp(prefix="sst-bench-"))
    root = folder / "uploads"
    shutil.copytree(ROOT / "examples" / "uploads", root, ignore=shutil.ignore_patterns(".sst", "__pycache__", ".venv"))
    try:
        for _ in range(times + 1):
            began = time.perf_counter()
            with Session(root):
                took.append(time.perf_counter() - began)
    finally:
        _stop_cloud(root)
        shutil.rmtree(folder, ignore_errors=True)
    report.say(f"- examples/uploads until it is ready: {took[0]:.2f} s the first time (cloud started, everything "
               "deployed), "
               f"{min(took[1:]):.2f} s again.")
    report.figure("sst dev on the deployed demo until ready", min(took[1:]), 2, "s")


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return str(answer.read().decode())


def _children(pid: int, root: Path) -> list[int]:
    """Processes below, without the embedded cloud's."""
    found = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    parents = {int(p): (int(pp), args) for p, pp, args in (line.split(None, 2) for line in found)}

    def below(one: int) -> bool:
        while one in parents and one != pid:
            if str(root / ".sst/local") in parents[one][1] and "boot.py" in parents[one][1]:
                return False
            one = parents[one][0]
        return one == pid

    return [p for p in parents if p != pid and below(p)]


def _proportional(pid: int) -> float:
    """Megabytes of a process, shared pages divided among those that share them; 0 where nobody tells."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return int(next(line for line in text.splitlines() if line.startswith("Pss:")).split()[1]) / 1024


def _stop_cloud(root: Path) -> None:
    from sst.embedded import cloud as embedded

    embedded.reset(root)
