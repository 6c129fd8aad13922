"""The process behind the bundles: one for all, speaks in packets, replaced when it dies, gone with the session."""
from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sst.build.esbuild import esbuild
from sst.dev.node import NodeBundler
from sst.dev.node.packets import decode, encode
from sst.dev.node.service import Job, Service

from ..live import descendants, write
from .project import FILES, play, says, source

VALUES = st.recursive(st.none() | st.booleans() | st.integers(-2**31, 2**31 - 1) | st.text() | st.binary(),
                      lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")


@given(VALUES, st.integers(0, 2**30), st.booleans())
def test_a_packet_arrives_as_it_was_sent(value: Any, number: int, answer: bool) -> None:
    packet = encode(number, value, answer=answer)
    assert decode(packet[4:]) == (number, answer, value) and int.from_bytes(packet[:4], "little") == len(packet) - 4


def many(root: Path, count: int) -> list[str]:
    """Functions, each in a file of its own; their handlers."""
    names = [f"f{n}" for n in range(count)]
    write(root, {"package.json": "{}", **{f"src/{n}.ts": f'export const handler = async () => "{n}";\n'
                                          for n in names}})
    return [f"src/{n}.handler" for n in names]


@linux
def test_fifty_at_once_and_a_dead_service(tmp_path: Path, cache: Path) -> None:
    handlers = many(tmp_path, 50)
    others = set(descendants(os.getpid()))

    def services() -> list[int]:
        return [p for p in descendants(os.getpid()) if p not in others]

    async def story(bundler: NodeBundler) -> None:
        async def all_of_them() -> None:
            bundles = await asyncio.gather(*(bundler.bundle(source(tmp_path, h)) for h in handlers for _ in range(2)))
            assert len({b.folder for b in bundles}) == 50 and bundles[0] is bundles[1]
            assert says(bundles[0]) == "f0" and says(bundles[-1]) == "f49"

        await all_of_them()
        (service,) = services()
        os.kill(service, signal.SIGKILL)
        while services():
            await asyncio.sleep(0.01)
        await all_of_them()
        assert len(services()) == 1

    play(tmp_path, cache, story)
    assert not services()


def test_what_does_not_fit_into_memory_is_read_anew(tmp_path: Path, cache: Path) -> None:
    many(tmp_path, 4)
    jobs = [Job(str(tmp_path / f"src/f{n}.ts"), ("--bundle", "--metafile", "--log-level=silent",
                                                 f"--outfile={tmp_path}/out/{n}.mjs"),
                str(tmp_path)) for n in range(4)]

    async def story() -> None:
        service = Service(esbuild(lambda text: None), at_once=2, remembered=1)
        try:
            for _ in range(10):
                made = await asyncio.gather(*(service.build(job) for job in jobs))
                assert [f'"f{n}"'.encode() in made[n]["outputFiles"][0]["contents"] for n in range(4)] == [True] * 4
        finally:
            await service.close()

    asyncio.run(story())


@linux
def test_builds_survive_the_death_of_the_service(tmp_path: Path, cache: Path) -> None:
    handlers = many(tmp_path, 20)
    others = set(descendants(os.getpid()))

    async def story(bundler: NodeBundler) -> None:
        for turns in range(0, 40, 4):
            await bundler.bundle(source(tmp_path, handlers[0]))  # one death for each build
            building = asyncio.gather(*(bundler.bundle(source(tmp_path, h)) for h in handlers))
            for _ in range(turns):  # somewhere on their way
                await asyncio.sleep(0.0005)
            for service in set(descendants(os.getpid())) - others:
                os.kill(service, signal.SIGKILL)
            assert len(await building) == 20

    play(tmp_path, cache, story)


def test_a_forgotten_function_can_come_back(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path, FILES)

    async def story(bundler: NodeBundler) -> None:
        await bundler.forget(source(root))
        first = await bundler.bundle(source(root))
        building = asyncio.create_task(bundler.bundle(source(root)))
        await asyncio.sleep(0)
        await bundler.forget(source(root))
        assert (await building).digest == first.digest
        assert says(await bundler.bundle(source(root))) == "first"

    play(root, cache, story)


def test_closing_ends_what_runs(tmp_path: Path, cache: Path) -> None:
    async def story() -> None:
        bundler = NodeBundler(cache=cache, folder=tmp_path / ".sst/dev/node")
        building = [asyncio.create_task(bundler.bundle(source(tmp_path, h))) for h in many(tmp_path, 5)]
        await building[0]
        more = asyncio.create_task(bundler.bundle(source(tmp_path, "src/f0.handler")))
        await asyncio.sleep(0)
        await bundler.close()
        await asyncio.gather(more, *building, return_exceptions=True)
        await bundler.close()

    asyncio.run(story())


@linux
def test_the_service_dies_with_the_session_however_that_ends(tmp_path: Path, cache: Path) -> None:
    write(tmp_path, FILES)
    program = ("import asyncio, sys\nfrom pathlib import Path\nfrom sst.build.source import Source\nfrom sst.dev.node "
               "import NodeBundler\n"
               "async def main():\n    bundler = NodeBundler(cache=Path(sys.argv[2]), folder=Path(sys.argv[1]) / "
               "'.sst/node')\n"
               "    await bundler.bundle(Source(sys.argv[1], 'src/one.handler', 'nodejs22.x', host=True))\n"
               "    print('made', flush=True)\n    await asyncio.sleep(600)\nasyncio.run(main())\n")
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(cache)], stdout=subprocess.PIPE,
                               text=True)
    assert process.stdout
    with process.stdout:
        assert process.stdout.readline() == "made\n"
        services = descendants(process.pid)
        assert len(services) == 1
        os.kill(services[0], signal.SIGSTOP)  # also if it stands still
        process.kill()
        process.wait()
    for _ in range(500):
        if not Path(f"/proc/{services[0]}").exists() or Path(f"/proc/{services[0]}/stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.01)
    raise AssertionError("esbuild lives on")
