"""A cache that can't be read is a cache that is not there: each of its files, damaged in each way."""
from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sst.build.artefact import build, fingerprint
from sst.build.image.layer import layer_of
from sst.build.needed import needed, remember
from sst.build.source import Source
from sst.build.zip import read

from .projects import RUNTIME, write


def _folder(file: Path) -> None:
    file.unlink()
    (file / "in").mkdir(parents=True)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "nested": lambda f: f.write_text("[" * 100_000 + "]" * 100_000),
    "empty": lambda f: f.write_bytes(b""),
    "half": lambda f: f.write_bytes(f.read_bytes()[:f.stat().st_size // 2]),
    "another type": lambda f: f.write_text("[1]"),
    "no key": lambda f: f.write_text("{}"),
    "number": lambda f: f.write_text("9" * 5000),
    "folder": _folder,
    "gone": Path.unlink,
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Source]:
    python = write(tmp_path_factory.mktemp("python"), {
        "src/api.py": "import idna\ndef handler(e, c): return 1\n", "requirements.txt": "idna==3.10\n"})
    node = write(tmp_path_factory.mktemp("node"), {
        "api.ts": 'import { word } from "./word";\nexport const handler = async () => word;\n',
        "word.ts": "export const word = 1;\n", "package.json": '{"type": "module"}'})
    return [Source(str(python), "src/api.handler", RUNTIME), Source(str(node), "api.handler", "nodejs22.x")]


def used(sources: list[Source], cache: Path) -> list[str]:
    """What a deploy takes from the cache: checksums of zips and layers."""
    made = []
    for source in sources:
        fingerprint(source, cache=cache)
        artefact = build(source, cache=cache)
        with zipfile.ZipFile(artefact.path) as archive:
            assert archive.testzip() is None
        made += [artefact.sha256, artefact.handler, layer_of(read(artefact.path), "app", cache).digest]
        remember(cache, "dev", 1, [artefact.fingerprint])
    assert needed(cache)
    return made


@pytest.fixture(scope="module")
def whole(sources: list[Source], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    cache = tmp_path_factory.mktemp("cache")
    return cache, used(sources, cache)


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_file_of_the_cache(damage: str, sources: list[Source], whole: tuple[Path, list[str]],
                                tmp_path: Path) -> None:
    cache, made = whole
    files = [f.relative_to(cache) for f in cache.rglob("*") if f.is_file() and "locks" not in f.parts]
    assert len(files) >= 20
    for n, file in enumerate(files):
        copy = tmp_path / str(n)
        shutil.copytree(cache, copy)
        DAMAGES[damage](copy / file)
        assert used(sources, copy) == made, file


def test_a_file_in_place_of_an_entry(sources: list[Source], whole: tuple[Path, list[str]], tmp_path: Path) -> None:
    cache, made = whole
    entries = [f.relative_to(cache) for f in cache.glob("*/*") if f.is_dir()]
    for n, entry in enumerate(entries):
        copy = tmp_path / str(n)
        shutil.copytree(cache, copy)
        shutil.rmtree(copy / entry)
        (copy / entry).write_text("x")
        assert used(sources, copy) == made, entry
