"""Runs a contender in a process of its own and says what that cost."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["ROOT", "Cost", "best", "contender", "run", "server"]

ROOT = Path(__file__).resolve().parent.parent
LAUNCH = str(ROOT / "bench" / "launch.py")
HIDDEN = str(ROOT / "bench" / "hidden")
"""A folder of modules that a checkout has, and users have not."""
LIMIT = 120
"""Seconds after which a contender is ended and the benchmark fails."""


@dataclass(frozen=True)
class Cost:
    """Of one process, from its start to its end."""

    wall: float
    cpu: float
    """Seconds, user and system, of the process and the children it waited for."""
    rss: float
    """Peak resident memory in MB."""
    said: Mapping[str, Any] = field(default_factory=dict)
    """What it printed as its last line, if that was JSON."""
    output: str = ""


def run(command: Sequence[str], *, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> Cost:
    """Run it to its end. Raises RuntimeError with what it said if it fails or takes longer than two minutes."""
    environ = dict(os.environ if env is None else env)
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, (HIDDEN, environ.get("PYTHONPATH"))))
    reads, writes = os.pipe()
    process = subprocess.Popen([sys.executable, "-I", "-S", LAUNCH, str(writes), *command], cwd=cwd, env=environ,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, pass_fds=(writes,),
                               process_group=0)
    os.close(writes)
    assert process.stdout
    previous = signal.signal(signal.SIGALRM, lambda *_: os.killpg(process.pid, signal.SIGKILL))
    signal.alarm(LIMIT)
    try:
        output = process.stdout.read()
        process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
    process.stdout.close()
    with os.fdopen(reads, encoding="ascii") as pipe:
        wall, cpu, rss, code = map(float, pipe.read().split() or (0, 0, 0, process.returncode))
    if code:
        raise RuntimeError(f"{' '.join(command)} ended with {code:.0f}:\n{output[-2000:]}")
    last = output.strip().rpartition("\n")[2]
    said = json.loads(last) if last.startswith("{") else {}
    return Cost(wall, cpu, rss, said, output)


def best(times: int, once: Callable[[int], Cost]) -> Cost:
    """The one with the least wall time: others use this machine too, and noise only ever adds."""
    return min((once(i) for i in range(times)), key=lambda c: c.wall)


def contender(name: str, *args: object) -> Cost:
    """Run a function of ``contender.py`` in a fresh Python."""
    return run([sys.executable, "-m", "bench.contender", name, *map(str, args)])


@contextmanager
def server(latency: float) -> Iterator[str]:
    """A null server in a process of its own; its URL. ``latency`` is in seconds."""
    process = subprocess.Popen([sys.executable, "-m", "bench.null_server", str(latency)], cwd=ROOT,
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
