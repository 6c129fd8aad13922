"""What changes while it is read stops nothing: what was read is bundled, once, and known for what it is."""
from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sst.build.artefact import build, fingerprint
from sst.build.files import walk
from sst.build.limit import LIMIT
from sst.build.source import Source
from sst.clouds.local.artefacts import Artefacts
from sst.clouds.local.build import Builder
from sst.clouds.local.folders import fingerprint as folder_fingerprint
from sst.clouds.local.folders import read_folder
from sst.clouds.local.site import site_fingerprint
from sst.core.model import Op, Operation, State
from sst.errors import UserError

from .projects import RUNTIME, names, write

HANDLER = "def handler(e, c): return 1\n"


@contextmanager
def written(step: Callable[[int], None]) -> Iterator[None]:
    """``step`` is called again and again meanwhile."""
    done = threading.Event()

    def loop() -> None:
        n = 0
        while not done.is_set():
            n += 1
            step(n)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def growing(root: Path) -> Callable[[int], None]:
    def step(n: int) -> None:
        with (root / "server.out").open("a") as file:
            file.write("line\n")

    return step


def swapping(root: Path) -> Callable[[int], None]:
    def step(n: int) -> None:
        path = root / f"src/{n % 7}.swap"
        path.write_text("x")
        path.unlink()

    return step


def folders(root: Path) -> Callable[[int], None]:
    def step(n: int) -> None:
        place = root / f"d{n % 3}"
        place.mkdir()
        (place / "a").write_text("x")
        (place / "a").unlink()
        place.rmdir()

    return step


def replacing(root: Path) -> Callable[[int], None]:
    def step(n: int) -> None:
        (root / "new.json").write_text(str(n))
        (root / "new.json").replace(root / "data.json")

    return step


def turning(root: Path) -> Callable[[int], None]:
    """A file, a folder, a FIFO that nobody writes to, by one name."""
    def step(n: int) -> None:
        place = root / "src/turning"
        place.write_text(str(n))
        place.unlink()
        place.mkdir()
        place.rmdir()
        os.mkfifo(place)
        place.unlink()

    return step


def database(root: Path) -> Callable[[int], None]:
    def step(n: int) -> None:
        base = sqlite3.connect(root / "dev.sqlite3")
        base.execute("pragma journal_mode=wal")
        base.execute("create table if not exists t(x)")
        base.execute("insert into t values(1)")
        base.commit()
        base.close()

    return step


@pytest.mark.parametrize("kind", [growing, swapping, folders, replacing, turning, database])
def test_a_writer_in_the_project_stops_no_build(kind: Callable[[Path], Callable[[int], None]], tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"src/api.py": HANDLER, **{f"src/m{n}.py": "" for n in range(50)}})
    source = Source(str(root), "src/api.handler", RUNTIME)
    with written(kind(root)):
        for n in range(5):
            fingerprint(source, cache=tmp_path / "cache")
            made = build(source, cache=tmp_path / "cache")
            with zipfile.ZipFile(made.path) as archive:
                assert archive.testzip() is None and "src/api.py" in archive.namelist(), n


def test_a_writer_beside_a_project_with_a_wheel(tmp_path: Path, cache: Path) -> None:
    about = ('[project]\nname = "shop"\nversion = "1"\n[build-system]\nrequires = ["hatchling"]\n'
             'build-backend = "hatchling.build"\n')
    root = write(tmp_path / "p", {"shop/__init__.py": "", "shop/api.py": HANDLER, "pyproject.toml": about, "src/x": ""})
    with written(swapping(root)), written(growing(root)):
        assert "shop/api.py" in names(build(Source(str(root), "shop/api.handler", RUNTIME), cache=cache))


def operation(source: Source, planned: str) -> Operation:
    data = {k: v for k, v in source.to_dict().items() if k != "root"}
    return Operation(
        op=Op.CREATE, urn="u", type="local.Build", base="", inputs={"source": data, "fingerprint": planned}
    )


def test_what_was_read_is_what_the_state_says(tmp_path: Path) -> None:
    """Else a file that gets its old content again would be taken for deployed."""
    root = write(tmp_path / "p", {"src/a.py": HANDLER, "src/b.py": HANDLER, "src/word.py": "old"})
    a, b = (Source(str(root), f"src/{n}.handler", RUNTIME) for n in "ab")
    builder = Builder(Artefacts(root, tmp_path / "cache"))
    planned = fingerprint(a, cache=tmp_path / "cache")
    assert planned == fingerprint(b, cache=tmp_path / "cache")
    write(root, {"src/word.py": "between"})
    first = builder.create(operation(a, planned), lambda text: None)
    write(root, {"src/word.py": "later"})
    second = builder.create(operation(b, planned), lambda text: None)
    assert first.outputs["sha256"] == second.outputs["sha256"]  # one bundle a deploy, though files go on changing
    assert first.inputs and first.inputs["fingerprint"] != planned and first.id == first.inputs["fingerprint"]
    write(root, {"src/word.py": "old"})
    assert fingerprint(a, cache=tmp_path / "cache") == planned
    was = State("u", "local.Build", first.id, first.inputs, first.outputs)
    assert builder.plan("local.Build", was, operation(a, planned).inputs).changed == {"fingerprint"}
    third = builder.create(operation(a, planned), lambda text: None)
    with zipfile.ZipFile(str(third.outputs["path"])) as archive:
        assert archive.read("src/word.py") == b"old"


def test_the_file_that_a_command_writes_its_output_to_is_no_part_of_it(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"api.py": HANDLER})
    program = ("from pathlib import Path; from sst.build.artefact import build; from sst.build.source import "
               f"Source; print('x', flush=True); made = build(Source({str(root)!r}, 'api.handler', {RUNTIME!r}), "
               f"cache=Path({str(tmp_path / 'cache')!r})); print(made.sha256, flush=True)")
    said = set()
    for name in ("deploy.txt", "deploy.txt"):
        with (root / name).open("w") as out:
            subprocess.run([sys.executable, "-c", program], stdout=out, check=True)
        said.add((root / name).read_text())
    assert len(said) == 1


@pytest.mark.parametrize("name", ["backup.json", "old/state-1.json"])
@pytest.mark.parametrize("text", ['{\n  "serial": 1,\n  "meta": {}', '{\n  "sst_plan": 1'])
def test_an_exported_state_or_plan_is_no_part_of_a_bundle(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / name).write_text(text)
    (tmp_path / "data.json").write_text('{\n  "serials": 1}')
    assert [f.name for f in walk(tmp_path).files] == ["data.json"]


def test_fifos_sockets_and_links_to_nothing_are_passed_over(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {"api.py": HANDLER})
    os.mkfifo(root / "pipe")
    (root / "gone").symlink_to("nowhere")
    (root / "loop").symlink_to("loop")
    at, here = socket.socket(socket.AF_UNIX), Path.cwd()
    os.chdir(root)
    try:
        at.bind("sock")
    finally:
        os.chdir(here)
        at.close()
    found = names(build(Source(str(root), "api.handler", RUNTIME), cache=cache))
    assert {n for n in found if not n.startswith("sst/")} == {"api.py", "_sst_entry.py"}


def test_odd_names(tmp_path: Path, cache: Path) -> None:
    odd = ["a b.txt", "é😀.txt", "tab\t.txt", "line\nend.txt", "back\\slash.txt", "[x]*.txt", "-f.txt", "'q\".txt"]
    root = write(tmp_path / "p", {"api.py": HANDLER, **dict.fromkeys(odd, "x")})
    source = Source(str(root), "api.handler", RUNTIME)
    assert set(odd) <= set(names(build(source, cache=cache)))
    (root / os.fsdecode(b"\xff.txt")).write_text("x")
    with pytest.raises(UserError, match=r"xff.txt' is not UTF-8"):
        fingerprint(source, cache=cache)
    left_out = Source(str(root), "api.handler", RUNTIME, python={"exclude": [os.fsdecode(b"\xff.txt")]})
    assert set(odd) <= set(names(build(left_out, cache=cache)))


ODD = os.fsdecode(b"caf\xe9")
WHEEL = ('[project]\nname = "p"\nversion = "1"\n[build-system]\nrequires = ["hatchling"]\n'
         'build-backend = "hatchling.build"\n')
NODE = "export const handler = () => 1\n"
UNNAMED: dict[str, tuple[dict[str, str], str, str, dict[str, Any]]] = {
    "a wheel": ({"pyproject.toml": WHEEL, "src/p/api.py": HANDLER, f"src/p/{ODD}.txt": ""},
                "src/p/api.handler", RUNTIME, {}),
    "a local package": ({"requirements.txt": "./lib\n", "api.py": HANDLER, "lib/pyproject.toml": WHEEL,
                         "lib/src/p/__init__.py": "", f"lib/src/p/{ODD}.txt": ""},
                        "api.handler", RUNTIME, {"python": {"exclude": ["lib"]}}),
    "copy_files, a folder": ({"api.py": HANDLER, f"d/{ODD}.txt": "", ".gitignore": "d\n"}, "api.handler", RUNTIME,
                             {"copy_files": [("d", "")]}),
    "copy_files, a file": ({"api.py": HANDLER, f"{ODD}.txt": "", ".gitignore": "*.txt\n"}, "api.handler", RUNTIME,
                           {"copy_files": [(f"{ODD}.txt", "")]}),
    "a finished bundle": ({"b/api.py": HANDLER, f"b/{ODD}.txt": ""}, "api.handler", RUNTIME, {"bundle": "b"}),
    "Node": ({f"{ODD}/api.js": NODE}, f"{ODD}/api.handler", "nodejs24.x", {}),
    "Node, an import of many": ({"api.js": "export const handler = (e) => import(`./data/${e.name}.js`)\n",
                                 f"data/{ODD}.js": NODE}, "api.handler", "nodejs24.x", {}),
    "Node in an image": ({"server.js": NODE, "package.json": "{}", f"{ODD}.txt": ""}, "server.*", "nodejs24.x",
                         {"image": True}),
}


@pytest.mark.parametrize("kind", UNNAMED)
def test_a_name_that_is_not_utf8_is_refused_by_the_plan(kind: str, tmp_path: Path, cache: Path) -> None:
    files, handler, runtime, more = UNNAMED[kind]
    root = write(tmp_path / "p", files)
    with pytest.raises(UserError, match=r"(?s)name of the file .*caf.*is not UTF-8.*hint: rename it"):
        fingerprint(Source(str(root), handler, runtime, **more), cache=cache)


def test_names_that_are_not_utf8_and_are_in_no_wheel_may_stay(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {"pyproject.toml": WHEEL, "src/p/api.py": HANDLER, f"tests/{ODD}.txt": "",
                                  "old.txt": "", ".gitignore": "data\n", f"data/{ODD}.txt": ""})
    assert fingerprint(Source(str(root), "src/p/api.handler", RUNTIME), cache=cache)


def test_names_that_are_not_utf8_in_other_folders(tmp_path: Path) -> None:
    site = write(tmp_path / "site", {"index.html": "", f"{ODD}.png": ""})
    with pytest.raises(UserError, match=r"caf\\xe9.png' is not UTF-8, so it can't be in a bucket"):
        read_folder(site, tmp_path)
    before = [folder_fingerprint(site, [], None), site_fingerprint(site)]  # a command or a build may read it
    (site / f"{ODD}.png").write_text("edited")
    assert all(a != b for a, b in zip(before, [folder_fingerprint(site, [], None), site_fingerprint(site)],
                                      strict=True))


@pytest.mark.parametrize("exclude", [["data"], ["data/*"], ["*.bin"], ["data/model.bin"], ["./data/"], ["**/*.bin"]])
def test_what_is_excluded_is_not_looked_at(exclude: list[str], tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {"src/api.py": HANDLER, "data/model.bin": "", "data/x": "x"})
    with (root / "data/model.bin").open("wb") as file:
        file.truncate(LIMIT + 1)
    source = Source(str(root), "src/api.handler", RUNTIME, python={"exclude": exclude})
    with written(lambda n: os.utime(root / "data/model.bin")):
        first = fingerprint(source, cache=cache)
        assert "data/model.bin" not in names(build(source, cache=cache))
        assert fingerprint(source, cache=cache) == first
