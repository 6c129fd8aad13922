"""Bundles of a session: made anew where something changed, told in the user's words where something is wrong."""
from __future__ import annotations

import asyncio
import random
import threading
import zipfile
from pathlib import Path

import pytest

from sst.build.artefact import build
from sst.build.source import Source
from sst.dev.node import NodeBundle, NodeBundler
from sst.errors import UserError
from sst.executor import stamp

from ..live import write
from .project import FILES, play, says, source


def test_an_edit_is_bundled_and_everything_it_is_made_from_is_known(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path, FILES)

    async def story(bundler: NodeBundler) -> None:
        first = await bundler.bundle(source(root))
        assert says(first) == "first" and first.changed and first.milliseconds > 0
        assert {p.name for p in first.files} == {"one.ts", "shared.ts", "package.json"}
        again = await bundler.bundle(source(root))
        assert (again.changed, again.digest) == (False,
                                                 first.digest) and again.files == {p: stamp(p) for p in again.files}
        (root / "src/shared.ts").write_text('export const text: string = "second";\n')
        assert [p.name for p, was in again.files.items() if stamp(p) != was] == ["shared.ts"] and not again.current()
        second = await bundler.bundle(source(root))
        assert says(second) == "second" and second.changed and second.digest != first.digest

    play(root, cache, story)


def test_a_commonjs_handler_is_exported_by_its_name(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path, {"src/old.js": "exports.handler = async () => 'before'\n", "package.json": "{}"})

    async def story(bundler: NodeBundler) -> None:
        assert says(await bundler.bundle(source(root, "src/old.handler"))) == "before"
        (root / "src/old.js").write_text("module.exports = { handler: async () => 'after' }\n")
        assert says(await bundler.bundle(source(root, "src/old.handler"))) == "after"

    play(root, cache, story)


def test_an_error_has_its_place_and_heals(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path, FILES)
    broken = (("export const text = ;\n", 'src/shared.ts:1:21: Unexpected ";"\n    export const text = ;'),
              ('const é = "日本", text = ;\n', 'src/shared.ts:1:24: Unexpected ";"'),
              ('import "./nowhere";\n', 'src/shared.ts:1:8: Could not resolve "./nowhere"\n    import "./nowhere";\n  '
                                        'hint: install'))

    async def story(bundler: NodeBundler) -> None:
        for healthy in ("first", "second"):
            for text, wanted in broken:
                (root / "src/shared.ts").write_text(text)
                with pytest.raises(UserError) as failed:
                    await bundler.bundle(source(root))
                assert failed.value.message.startswith("Could not bundle src/one.handler\n  ")
                assert wanted in failed.value.message
            (root / "src/shared.ts").write_text(f'export const text = "{healthy}";\n')
            assert says(await bundler.bundle(source(root))) == healthy
        (root / "src/shared.ts").rename(root / "away.ts")
        with pytest.raises(UserError, match=r"src/one\.ts:1:22: Could not resolve"):
            await bundler.bundle(source(root))
        (root / "away.ts").rename(root / "src/shared.ts")
        assert says(await bundler.bundle(source(root))) == "second"
        with pytest.raises(UserError, match="There is no export"):
            await bundler.bundle(source(root, "src/one.other"))
        with pytest.raises(UserError, match=r'Could not bundle src/one\.handler\n.*Invalid build flag: "--nonsense=1"'):
            await bundler.bundle(source(root, esbuild={"nonsense": 1}))

    play(root, cache, story)


def test_packages_outside_of_the_bundle_are_found(tmp_path: Path, cache: Path) -> None:
    package = {"web/node_modules/far/package.json": '{"name": "far", "version": "1.0.0", "main": "index.js"}',
               "web/node_modules/far/index.js": 'exports.text = "far away";\n', "web/package.json": "{}",
               "web/api.ts": 'import { text } from "far";\nexport const handler = async () => text;\n'}
    root = write(tmp_path, package)

    async def story(bundler: NodeBundler) -> None:
        inside = await bundler.bundle(source(root, "web/api.handler"))
        assert says(inside) == "far away" and {p.relative_to(root).as_posix() for p in inside.files} == package.keys()
        for options in ({"external": ["far"]}, {"external": ["far"], "format": "cjs"}):
            outside = await bundler.bundle(source(root, "web/api.handler", **options))
            assert says(outside) == "far away" and root / "web/node_modules/far/index.js" not in outside.files

    play(root, cache, story)


def test_installed_packages_are_found(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path, {"api.js": 'import odd from "is-odd";\nexport const handler = async () => odd(3);\n'})

    async def story(bundler: NodeBundler) -> None:
        assert says(await bundler.bundle(source(root, "api.handler", install={"is-odd": "3.0.1"}))) == "true"

    play(root, cache, story)


def test_settings_count(tmp_path: Path, cache: Path) -> None:
    base = '{"compilerOptions": {"paths": {"@lib/*": ["./%s/*"]}}}'
    root = write(tmp_path / "app", {
        **FILES, "tsconfig.json": '{"extends": "../base"}', "lib/text.ts": 'export const text = "from lib";\n',
        "other/text.ts": 'export const text = "from other";\n',
        "src/one.ts": 'import { text } from "@lib/text";\nimport { far } from "../../far";\n'
                      "export const handler = async () => text + far;\n"})
    write(tmp_path, {"base.json": base % "app/lib", "far.ts": 'export const far = "!";\n'})

    async def story(bundler: NodeBundler) -> None:
        bundle = await bundler.bundle(source(root))
        assert says(bundle) == "from lib!"
        assert bundle.files.keys() == {root / "tsconfig.json", root / "package.json", root / "src/one.ts",
                                       root / "lib/text.ts",
                                       tmp_path / "base.json", tmp_path / "far.ts"}
        (tmp_path / "base.json").write_text(base % "app/other")
        assert not bundle.current() and says(await bundler.bundle(source(root))) == "from other!"

    play(root, cache, story)


def test_the_handler_may_become_another_file(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path, FILES)

    async def story(bundler: NodeBundler) -> None:
        assert says(await bundler.bundle(source(root))) == "first"
        (root / "src/one.ts").unlink()
        write(root, {"src/one.mjs": 'export const handler = async () => "no types";\n'})
        assert says(await bundler.bundle(source(root))) == "no types"

    play(root, cache, story)


def test_who_asks_after_a_save_gets_what_was_saved(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path, FILES)

    async def story(bundler: NodeBundler) -> None:
        await bundler.bundle(source(root))
        for n in range(20):
            earlier = asyncio.create_task(bundler.bundle(source(root)))
            for _ in range(n):  # somewhere on its way
                await asyncio.sleep(0)
            (root / "src/shared.ts").write_text(f'export const text = "number {n:03}";\n')
            later = [asyncio.create_task(bundler.bundle(source(root))) for _ in range(3)]
            await asyncio.gather(earlier, *later)
            assert f"number {n:03}" in (root / later[0].result().folder / "bundle.mjs").read_text()

    play(root, cache, story)


def test_nobody_sees_half_of_a_bundle(tmp_path: Path, cache: Path) -> None:
    root, done, cut = write(tmp_path, FILES), threading.Event(), list[str]()

    async def story(bundler: NodeBundler) -> None:
        file = (await bundler.bundle(source(root))).folder / "bundle.mjs"

        def read() -> None:
            while not done.is_set():
                if not (text := file.read_text()).endswith("//# sourceMappingURL=bundle.mjs.map\n"):
                    cut.append(text)

        reader = asyncio.create_task(asyncio.to_thread(read))
        for n in range(20):
            (root / "src/shared.ts").write_text(f'export const text = "{str(n) * 100_000}";\n')
            assert (await bundler.bundle(source(root))).changed
        done.set()
        await reader

    play(root, cache, story)
    assert not cut


def at_once(source: Source, cache: Path) -> bytes:
    """As a deploy bundles it."""
    with zipfile.ZipFile(build(source, cache=cache).path) as archive:
        return archive.read("bundle.mjs")


@pytest.mark.parametrize("seed", range(3))
def test_after_any_edits_the_bundle_is_what_a_deploy_makes(seed: int, tmp_path: Path, cache: Path) -> None:
    """Modules that import one another are written, broken, deleted; a bundle that calls itself current has missed
    nothing."""
    chance, names = random.Random(seed), [f"m{n}" for n in range(6)]

    def module(n: int, step: int) -> str:
        others = [o for o in range(n + 1, 6) if chance.random() < 0.6]
        lines = [f'import {{ m{o} }} from "./m{o}";' for o in others]
        return "\n".join([*lines, f'export const m{n}: string = "{step:05}"' + "".join(f" + m{o}" for o in others)
                          + ";\n"])

    root = write(tmp_path, {**{f"src/{name}.ts": module(n, 0) for n, name in enumerate(names)}, "package.json": "{}",
                            "src/one.ts": 'import { m0 } from "./m0";\nexport const handler = async () => m0;\n'})

    async def story(bundler: NodeBundler) -> None:
        known: NodeBundle | None = None
        for step in range(1, 40):
            n = chance.randrange(6)
            match chance.random():
                case x if x < 0.1:
                    (root / f"src/m{n}.ts").unlink(missing_ok=True)
                case x if x < 0.2:
                    (root / f"src/m{n}.ts").write_text("export const = broken;\n")
                case _:
                    (root / f"src/m{n}.ts").write_text(module(n, step))
            try:
                wanted: bytes | None = await asyncio.to_thread(at_once, source(root), cache)
            except UserError:
                wanted = None
            if not known or not known.current():
                try:
                    known = await bundler.bundle(source(root))
                except UserError:
                    assert wanted is None
                    continue
            assert (known.folder / "bundle.mjs").read_bytes() == wanted

    play(root, cache, story)
