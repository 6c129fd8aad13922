"""Functions that run from source: what they read is told, and the next sandbox is forked with their dependencies
imported."""
from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sst.executor import FunctionVersion, Stamp

from .stage import Stage, play
from .test_life import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux alone")

HEAVY = """
import os, time
from importlib import metadata

time.sleep(0.15)
loaded_by = os.getpid()
try:
    version = metadata.version("heavy")
except metadata.PackageNotFoundError:   # as psycopg goes on, which Django then refuses
    version = "0.0.0"
"""
FUNCTION = """
import os, random, sys
import heavy
mine = random.random()

def handler(event, context):
    if event == "exit": os._exit(5)
    if event == "sleep":
        import time
        time.sleep(60)
    print("said by", os.getpid())
    return {"pid": os.getpid(), "parent": os.getppid(), "heavy": heavy.loaded_by, "word": os.environ["WORD"],
            "version": heavy.version, "random": mine, "tmp": os.environ["TMPDIR"],
            "left": sorted(k for k in os.environ if k.startswith("SST_")), "text": "TEXT"}
"""


def of_source(stage: Stage, folder: Path, text: str = FUNCTION, **more: Any) -> FunctionVersion:
    """A function with a module that takes its time to be imported, as one of somebody else."""
    (folder / "others/heavy-1.2.dist-info").mkdir(parents=True, exist_ok=True)
    (folder / "others/heavy-1.2.dist-info/METADATA").write_text("Name: heavy\nVersion: 1.2\n")
    (folder / "others/heavy.py").write_text(HEAVY)
    fn = stage.function(text, environment={"WORD": "w"}, **more)
    return replace(fn, path=(folder / "others",), watch=(fn.code,))


async def forked(stage: Stage, fn: FunctionVersion) -> dict[str, Any]:
    """Start it anew until it is a fork."""
    while True:
        await stage.executor.retire(fn.arn)
        found: dict[str, Any] = await stage.value(fn)
        if found["heavy"] != found["pid"]:
            return found
        await asyncio.sleep(0.02)


def test_a_new_sandbox_has_the_dependencies_imported_and_nothing_of_the_user(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = of_source(stage, tmp_path)
        first = await stage.value(fn)
        assert first["heavy"] == first["pid"] and first["left"] == []
        second = await forked(stage, fn)
        assert second["parent"] == second["heavy"] and second["word"] == "w" and second["left"] == []
        assert first["version"] == second["version"] == "1.2", "a package finds its own version while it is imported"
        (fn.code / "app.py").write_text((fn.code / "app.py").read_text().replace("TEXT", "changed"))
        third = await forked(stage, fn)
        assert third["text"] == "changed" and third["heavy"] == second["heavy"]
        assert len({first["random"], second["random"], third["random"]}) == 3
        assert len({first["tmp"], second["tmp"], third["tmp"]}) == 3

    stage = play(tmp_path, story)
    assert "said by" in "\n".join(stage.lines)


def test_a_fork_ends_and_fails_like_any_other_process(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = of_source(stage, tmp_path)
        found = await forked(stage, fn)
        assert "exit status 5" in (await stage.failure(fn, "exit"))["errorMessage"]
        await forked(stage, fn)
        slow = replace(fn, timeout=0.3)
        assert (await stage.failure(slow, "sleep"))["errorType"] == "Sandbox.Timedout"
        again = await forked(stage, fn)
        os.kill(again["pid"], signal.SIGKILL)
        await until(lambda: not alive(again["pid"]))
        await stage.executor.retire(fn.arn)
        assert (await stage.value(fn))["pid"] not in (found["pid"], again["pid"])

    play(tmp_path, story)


def test_without_its_parent_a_function_starts_the_long_way(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = of_source(stage, tmp_path)
        found = await forked(stage, fn)
        os.kill(found["parent"], signal.SIGKILL)
        await until(lambda: not alive(found["parent"]))
        assert (await stage.value(fn))["pid"] == found["pid"]  # it lives on
        await stage.executor.retire(fn.arn)
        made = await stage.value(fn)
        assert made["heavy"] == made["pid"]

    play(tmp_path, story)


def test_another_environment_is_another_parent(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = of_source(stage, tmp_path)
        found = await forked(stage, fn)
        other = replace(fn, environment=(("WORD", "other"),))
        made = await stage.value(other)
        assert made["word"] == "other" and made["heavy"] == made["pid"]
        assert (await forked(stage, other))["heavy"] != found["heavy"]

    play(tmp_path, story)


def test_a_module_that_starts_threads_is_never_forked(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = of_source(stage, tmp_path)
        thread = "import threading\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
        (tmp_path / "others/heavy.py").write_text(HEAVY + thread)
        for _ in range(4):
            made = await stage.value(fn)
            assert made["heavy"] == made["pid"]
            await stage.executor.retire(fn.arn)
            await asyncio.sleep(0.3)

    play(tmp_path, story)


def test_a_dependency_that_reads_the_project_is_left_to_the_sandbox(tmp_path: Path) -> None:
    """As Django's models read the settings; also one that would go on without it, and who imports such a one."""
    function = ("import heavy, strict, above, lenient\n\ndef handler(event, context):\n    import os\n"
                "    return {'pid': os.getpid(), 'heavy': heavy.loaded_by,\n"
                "            'text': [strict.conf.text, lenient.conf.text, above.strict.conf.text]}\n")

    async def story(stage: Stage) -> None:
        fn = of_source(stage, tmp_path, function)
        for name, text in (("strict", "import conf"), ("above", "import strict"),
                           ("lenient", "try:\n    import conf\nexcept ImportError:\n    conf = None")):
            (tmp_path / f"others/{name}.py").write_text(f"{text}\n")
        for word in ("first", "second, and longer"):
            (fn.code / "conf.py").write_text(f"text = {word!r}\n")
            assert (await forked(stage, fn))["text"] == [word] * 3

    play(tmp_path, story)


def test_nothing_is_left_of_forks_and_their_parents(tmp_path: Path) -> None:
    pids = set[int]()

    async def story(stage: Stage) -> None:
        fn = of_source(stage, tmp_path)
        for _ in range(5):
            found = await forked(stage, fn)
            pids.update((found["pid"], found["parent"]))

    play(tmp_path, story)
    assert len(pids) == 6 and not [p for p in pids if alive(p)]


def test_what_is_read_is_told_with_its_time_from_before(tmp_path: Path) -> None:
    heard = dict[str, Stamp]()

    def hear(fn: FunctionVersion, files: Mapping[str, Stamp]) -> None:
        heard.update({Path(name).name: found for name, found in files.items()})

    async def story(stage: Stage) -> None:
        fn = of_source(stage, tmp_path, "import json, near\n\ndef handler(event, context):\n    import late\n"
                                        "    open(near.here + '/written.txt', 'w').close()\n    open(near.here + "
                                        "'/written.txt').close()\n"
                                        "    return open(near.here + '/data.txt').read()\n")
        (fn.code / "near.py").write_text("import os\nhere = os.path.dirname(__file__)\n")
        (fn.code / "late.py").write_text("")
        (fn.code / "data.txt").write_text("data")
        assert await stage.executor.prepare(fn) is None
        assert heard.keys() == {"app.py", "near.py"}
        assert await stage.value(fn) == "data"
        assert heard.keys() == {"app.py", "near.py", "late.py", "data.txt"}
        s = (fn.code / "data.txt").stat()
        assert heard["data.txt"] == (s.st_mtime_ns, s.st_ctime_ns, s.st_size)

    play(tmp_path, story, on_files=hear)


def test_an_edit_that_keeps_time_and_size_is_seen(tmp_path: Path) -> None:
    """Also by the byte code that Python keeps."""
    async def story(stage: Stage) -> None:
        fn = of_source(stage, tmp_path, "import near\n\ndef handler(event, context):\n    return near.word\n")
        near = fn.code / "near.py"
        near.write_text("word = 'one'\n")
        os.utime(near, (1_700_000_000, 1_700_000_000))
        assert await stage.value(fn) == "one"
        near.write_text("word = 'two'\n")
        os.utime(near, (1_700_000_000, 1_700_000_000))
        assert await stage.value(fn) == "two"

    play(tmp_path, story)


def test_a_prepared_sandbox_takes_the_next_call_and_a_broken_one_says_why(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = of_source(stage, tmp_path, "import os\n\ndef handler(event, context): return os.getpid()\n")
        assert await stage.executor.prepare(fn) is None
        made = await stage.call(fn)
        assert made.cold and not made.error
        broken = of_source(stage, tmp_path, "def handler(:\n", name="g")
        error = await stage.executor.prepare(broken)
        assert error is not None and b"Runtime.UserCodeSyntaxError" in error

    play(tmp_path, story)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
