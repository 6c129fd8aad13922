"""Sandboxes: reuse, concurrency, limits, and that nothing of them is left over."""
from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from .stage import Stage, play

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")

WHO = """
import os, time
def handler(event, context):
    if event:
        os.close(os.open(f"{event['began']}-{os.getpid()}", os.O_CREAT))
        while not os.path.exists(event["go"]):
            time.sleep(0.005)
    return os.getpid()
"""


async def until(true: object, *, seconds: float = 20) -> None:
    """Wait for a condition of the world outside."""
    deadline = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


def test_calls_one_after_the_other_share_a_sandbox_and_parallel_ones_do_not(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function(WHO)
        assert len({await stage.value(fn) for _ in range(20)}) == 1
        event = {"began": str(tmp_path / "began"), "go": str(tmp_path / "go")}
        calls = [asyncio.create_task(stage.value(fn, event)) for _ in range(8)]
        await until(lambda: len(list(tmp_path.glob("began-*"))) == 8)
        (tmp_path / "go").touch()
        assert len(set(await asyncio.gather(*calls))) == 8
        assert len({batch.sandbox for batch in stage.log}) == 8

    play(tmp_path, story)


def test_a_hundred_parallel_calls(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function("def handler(event, context):\n    print('saw', event)\n    return event")
        assert await asyncio.gather(*(stage.value(fn, i) for i in range(100))) == list(range(100))
        assert sorted(line for line in stage.lines if line.startswith("saw")) == sorted(f"saw {i}" for i in range(100))

    play(tmp_path, story)


def test_over_the_limit_calls_wait_and_idle_sandboxes_make_place(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        source = "import time, os\ndef handler(event, context):\n    time.sleep(0.02)\n    return os.getpid()"
        functions = [stage.function(source, name=f"f{i}") for i in range(4)]
        pids = await asyncio.gather(*(stage.value(fn) for fn in functions for _ in range(5)))
        assert len(pids) == 20
        assert len([pid for pid in set(pids) if _alive(pid)]) <= 2

    play(tmp_path, story, limit=2)


@pytest.mark.parametrize("freeze", [True, False])
def test_a_thread_in_the_background_stands_still_between_calls(tmp_path: Path, freeze: bool) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function("""
            import os, threading, time
            def count(place):
                while True:
                    with open(place, "a") as file:
                        file.write(".")
                    time.sleep(0.001)
            def handler(event, context):
                if event:
                    threading.Thread(target=count, args=(event,), daemon=True).start()
                return os.getpid()
        """)
        counted = tmp_path / "counted"
        pid = await stage.value(fn, str(counted))
        await until(counted.exists)
        if freeze:
            await until(lambda: _state(pid) == "T")
        size = counted.stat().st_size
        if freeze:
            await asyncio.sleep(0.05)
            assert counted.stat().st_size == size
        else:
            await until(lambda: counted.stat().st_size > size + 5)
        assert await stage.value(fn) == pid
        assert not (await stage.call(fn)).cold

    play(tmp_path, story, freeze=freeze)


def test_a_changed_function_gets_a_new_sandbox_and_running_calls_end(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function(WHO)
        old = await stage.value(fn)
        event = {"began": str(tmp_path / "began"), "go": str(tmp_path / "go")}
        running = asyncio.create_task(stage.value(fn, event))
        await until(lambda: list(tmp_path.glob("began-*")))
        await stage.executor.retire(fn.arn)
        new = await stage.value(fn)
        (tmp_path / "go").touch()
        assert await running == old != new
        await until(lambda: not _alive(old))
        assert _alive(new)

    play(tmp_path, story)


def test_an_idle_sandbox_is_ended(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        pid = await stage.value(stage.function(WHO))
        await until(lambda: not _alive(pid))
        await until(lambda: not list((tmp_path / "run/tmp").iterdir()))

    play(tmp_path, story, idle=0.05)


def test_a_cancelled_call_runs_to_its_end(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function(WHO)
        event = {"began": str(tmp_path / "began"), "go": str(tmp_path / "go")}
        call = asyncio.create_task(stage.value(fn, event))
        await until(lambda: list(tmp_path.glob("began-*")))
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        (tmp_path / "go").touch()
        await until(lambda: bool(stage.lines) and stage.lines[-1].startswith("REPORT"))
        assert len({batch.sandbox for batch in stage.log}) == 1 and not (await stage.call(fn)).cold

    play(tmp_path, story)


def test_who_waits_for_an_end_is_cancelled_at_the_end(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function(WHO)
        await stage.call(fn)

        async def wait() -> None:
            await stage.executor.begin(fn, json.dumps(event).encode())

        event = {"began": str(tmp_path / "began"), "go": str(tmp_path / "go")}
        waiting = asyncio.create_task(wait())
        await until(lambda: list(tmp_path.glob("began-*")))
        waiting.cancel()
        assert not (await asyncio.wait((waiting,), timeout=0.1))[0]
        (tmp_path / "go").touch()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert stage.lines[-1].startswith("REPORT") and not (await stage.call(fn)).cold

    play(tmp_path, story)


def test_close_leaves_nothing(tmp_path: Path) -> None:
    files, threads = _files(), threading.active_count()

    async def story(stage: Stage) -> None:
        fn = stage.function(WHO)
        event = {"began": str(tmp_path / "began"), "go": str(tmp_path / "go")}
        calls.extend(asyncio.create_task(stage.call(fn, event)) for _ in range(3))
        await until(lambda: len(list(tmp_path.glob("began-*"))) == 3)

    calls: list[asyncio.Task[object]] = []
    play(tmp_path, story)
    assert all(b"Runtime.ExitError" in call.result().payload for call in calls)  # type: ignore[attr-defined]
    assert not [pid for file in tmp_path.glob("began-*") if _alive(pid := int(file.name.split("-")[1]))]
    assert not list((tmp_path / "run/tmp").iterdir())
    assert _files() == files and threading.active_count() <= threads + 1


PARENT = """
import asyncio, sys
from pathlib import Path
from tests.executor.stage import Stage
async def main(folder):
    stage = Stage(folder)
    await stage.executor.start()
    code = "import os, subprocess, time\\ndef handler(event, context):\\n" \
           "    p = subprocess.Popen(['sleep', '600'])\\n    "
    busy = stage.function(code + "open(event, 'w').write(f'{os.getpid()} {p.pid}')\\n    time.sleep(600)", timeout=900)
    idle = stage.function(code + "return [os.getpid(), p.pid]", name="idle")
    node = stage.function("exports.handler = async () => [process.pid]", file="index.js", name="node")
    pids = await stage.value(idle) + await stage.value(node)
    asyncio.create_task(stage.call(busy, str(folder / "busy")))
    while not (folder / "busy").exists() or not (folder / "busy").read_text():
        await asyncio.sleep(0.01)
    print(*pids, (folder / "busy").read_text(), flush=True)
    await asyncio.sleep(600)
asyncio.run(main(Path(sys.argv[1])))
"""


def test_nothing_survives_a_kill_of_the_executor(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True,
                              cwd=root)
    assert parent.stdout
    with parent.stdout:
        pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 5 and all(_alive(pid) for pid in pids)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 20
    while left := [pid for pid in pids if _alive(pid)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.01)

    async def story(stage: Stage) -> None:  # the next one clears up
        assert not (tmp_path / "run/tmp").exists()

    play(tmp_path, story)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _alive(pid: int) -> bool:
    """Zombies of init do not count."""
    return _state(pid) not in ("", "Z", "X")


def _files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_calls_that_wait_while_it_closes_are_refused_without_a_word(tmp_path: Path) -> None:
    """Whoever asked for them may be gone, as after ctrl-c."""
    said: list[str] = []

    async def story(stage: Stage) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(str(context)))
        fn = stage.function(WHO)
        event = json.dumps({"began": str(tmp_path / "began"), "go": str(tmp_path / "never")}).encode()
        stage.executor.begin(fn, event)
        await until(lambda: list(tmp_path.glob("began-*")))
        for _ in range(3):
            stage.executor.begin(fn, event)
        await asyncio.sleep(0)

    play(tmp_path, story, limit=1)
    gc.collect()
    assert said == []
