"""Bundles of a session: made anew where something changed, told in the user's words where something is wrong."""
from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sst.build.source import Source
from sst.dev.node import NodeBundle, NodeBundler
from sst.dev.node.packets import decode, encode
from sst.embedded.executor import stamp
from sst.errors import UserError

from ..live import descendants, write

FILES = {"src/one.ts": 'import { text } from "./shared";\nexport const handler = async () => text;\n',
         "src/shared.ts": 'export const text: string = "first";\n', "package.json": "{}"}
VALUES = st.recursive(st.none() | st.booleans() | st.integers(-2**31, 2**31 - 1) | st.text() | st.binary(),
                      lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(VALUES, st.integers(0, 2**30), st.booleans())
def test_a_packet_arrives_as_it_was_sent(value: Any, number: int, answer: bool) -> None:
    packet = encode(number, value, answer=answer)
    assert decode(packet[4:]) == (number, answer, value) and int.from_bytes(packet[:4], "little") == len(packet) - 4


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def play(root: Path, cache: Path, story: Callable[[NodeBundler], Awaitable[None]]) -> None:
    async def whole() -> None:
        bundler = NodeBundler(cache=cache, folder=root / ".sst/dev/node")
        try:
            async with asyncio.timeout(60):
                await story(bundler)
        finally:
            await bundler.close()

    asyncio.run(whole())


def source(root: Path, handler: str = "src/one.handler", **nodejs: Any) -> Source:
    return Source(str(root), handler, "nodejs22.x", host=True, nodejs=nodejs)


def says(bundle: NodeBundle) -> str:
    """What its handler answers, in Node."""
    file = next(f for f in bundle.folder.iterdir() if f.stem == "bundle" and f.suffix in (".mjs", ".cjs"))
    program = f"import({json.dumps(str(file))}).then(async (m) => console.log(await m.handler()))"
    return subprocess.run(["node", "-e", program], capture_output=True, text=True, check=True).stdout.strip()


def test_an_edit_is_bundled_and_everything_it_is_made_from_is_known(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path, FILES)

    async def story(bundler: NodeBundler) -> None:
        first = await bundler.bundle(source(root))
        assert says(first) == "first" and first.changed
        assert {p.name for p in first.files} == {"one.ts", "shared.ts", "package.json"}
        again = await bundler.bundle(source(root))
        assert not again.changed and again.files == {p: stamp(p) for p in again.files}
        (root / "src/shared.ts").write_text('export const text: string = "second";\n')
        assert [p.name for p, was in again.files.items() if stamp(p) != was] == ["shared.ts"]
        second = await bundler.bundle(source(root))
        assert says(second) == "second" and second.changed

    play(root, cache, story)


def test_an_error_has_its_place_and_heals(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path, FILES)

    async def story(bundler: NodeBundler) -> None:
        for text, wanted in (("export const text = ;\n", 'src/shared.ts:1:21: Unexpected ";"\n    export const text = ;'),
                             ('import "./nowhere";\n', 'src/shared.ts:1:8: Could not resolve "./nowhere"')):
            (root / "src/shared.ts").write_text(text)
            with pytest.raises(UserError) as failed:
                await bundler.bundle(source(root))
            assert wanted in failed.value.message
        (root / "src/shared.ts").unlink()
        with pytest.raises(UserError, match="Could not resolve"):
            await bundler.bundle(source(root))
        write(root, FILES)
        assert says(await bundler.bundle(source(root))) == "first"

    play(root, cache, story)


def test_packages_outside_of_the_bundle_are_found(tmp_path: Path, cache: Path) -> None:
    package = {"web/node_modules/far/package.json": '{"name": "far", "version": "1.0.0", "main": "index.js"}',
               "web/node_modules/far/index.js": 'exports.text = "far away";\n', "web/package.json": "{}",
               "web/api.ts": 'import { text } from "far";\nexport const handler = async () => text;\n'}
    root = write(tmp_path, package)

    async def story(bundler: NodeBundler) -> None:
        for options in ({}, {"external": ["far"]}, {"external": ["far"], "format": "cjs"}):
            assert says(await bundler.bundle(source(root, "web/api.handler", **options))) == "far away"

    play(root, cache, story)


def test_paths_of_tsconfig_count(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path, {**FILES, "tsconfig.json": '{"compilerOptions": {"paths": {"@lib/*": ["./lib/*"]}}}',
                            "lib/text.ts": 'export const text = "from lib";\n',
                            "src/one.ts": 'import { text } from "@lib/text";\nexport const handler = async () => text;\n'})

    async def story(bundler: NodeBundler) -> None:
        bundle = await bundler.bundle(source(root))
        assert says(bundle) == "from lib" and root / "tsconfig.json" in bundle.files

    play(root, cache, story)


def test_many_at_once_and_a_dead_service(tmp_path: Path, cache: Path) -> None:
    names = [f"f{n}" for n in range(30)]
    root = write(tmp_path, {**FILES, **{f"src/{n}.ts": f'export const handler = async () => "{n}";\n' for n in names}})

    others = set(descendants(os.getpid()))

    def services() -> list[int]:
        return [p for p in descendants(os.getpid()) if p not in others]

    async def story(bundler: NodeBundler) -> None:
        async def all_of_them() -> None:
            bundles = await asyncio.gather(*(bundler.bundle(source(root, f"src/{n}.handler")) for n in names for _ in range(2)))
            assert len({b.folder for b in bundles}) == 30
            assert says(bundles[0]) == "f0" and says(bundles[-1]) == "f29"

        await all_of_them()
        (service,) = services()
        os.kill(service, signal.SIGKILL)
        while services():
            await asyncio.sleep(0.01)
        await all_of_them()

    play(root, cache, story)
    assert not services()


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")
def test_the_service_dies_with_the_session_however_that_ends(tmp_path: Path, cache: Path) -> None:
    write(tmp_path, FILES)
    program = ("import asyncio, sys\nfrom pathlib import Path\nfrom sst.build.source import Source\nfrom sst.dev.node import NodeBundler\n"
               "async def main():\n    bundler = NodeBundler(cache=Path(sys.argv[2]), folder=Path(sys.argv[1]) / '.sst/node')\n"
               "    await bundler.bundle(Source(sys.argv[1], 'src/one.handler', 'nodejs22.x', host=True))\n"
               "    print('made', flush=True)\n    await asyncio.sleep(600)\nasyncio.run(main())\n")
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(cache)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    with process.stdout:
        assert process.stdout.readline() == "made\n"
        services = descendants(process.pid)
        assert len(services) == 1
        process.kill()
        process.wait()
    for _ in range(500):
        if not Path(f"/proc/{services[0]}").exists() or Path(f"/proc/{services[0]}/stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.01)
    raise AssertionError("esbuild lives on")
