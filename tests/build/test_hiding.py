"""Which of two modules of one name is found: Python's own, the project's, an installed one."""
from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from sst.build.artefact import build, fingerprint, warnings
from sst.build.project_files import ProjectFiles
from sst.build.python import check
from sst.build.source import Source
from sst.build.standard import standard_modules
from sst.errors import UserError

from .projects import RUNTIME, write
from .test_agreement import run_in_place
from .test_manifests import answer, wheel


def test_a_package_that_python_has_itself_is_left_out(tmp_path: Path, cache: Path) -> None:
    """As in a virtual environment, where Python's own comes first: on Lambda the bundle does."""
    wheel(tmp_path / "p" / "wheels", "uuid", "theirs")
    wheel(tmp_path / "p" / "wheels", "uuids", "theirs")
    root = write(tmp_path / "p", {
        "requirements.txt": "--find-links ./wheels\nuuid==1.0\nuuids==1.0\n",
        "api.py": "import uuid, uuids\ndef handler(e, c): return [hasattr(uuid, 'uuid4'), uuids.V]\n"})
    assert answer(root, cache, tmp_path) == [True, "theirs"]


def test_a_module_of_the_project_comes_before_an_installed_package(tmp_path: Path, cache: Path) -> None:
    """As in `sst dev`. In one folder Python would take the package."""
    packed = wheel(tmp_path / "p" / "wheels", "words", "theirs")
    with zipfile.ZipFile(packed, "a") as z:
        z.writestr("words/__init__.py", "V = 'theirs'\n")
        z.writestr("other.py", "V = 'theirs'\n")
    root = write(tmp_path / "p", {
        "requirements.txt": "--find-links ./wheels\nwords==1.0\n", "words.py": "V = 'ours'\n",
        "api.py": "import other, words\ndef handler(e, c): return [words.V, other.V]\n"})
    source = Source(str(root), "api.handler", RUNTIME)
    assert run_in_place(source, cache) == answer(root, cache, tmp_path) == ["ours", "theirs"]
    assert build(source, cache=cache).fingerprint == fingerprint(source, cache=cache)


def test_a_package_of_the_project_is_not_mixed_with_an_installed_one(tmp_path: Path, cache: Path) -> None:
    """As in `sst dev`. In one folder the two would be one package."""
    def project(name: str, own: str, theirs: str) -> Source:
        packed = wheel(tmp_path / name / "wheels", "words", "theirs")
        with zipfile.ZipFile(packed, "a") as z:
            z.writestr("texts/__init__.py", theirs)
            z.writestr("texts/more.py", "V = 'theirs'\n")
        return Source(str(write(tmp_path / name, {
            "requirements.txt": "--find-links ./wheels\nwords==1.0\n", "texts/__init__.py": own,
            "texts/own.py": "V = 'ours'\n",
            "api.py": "from importlib import util\nimport texts.own, words\ndef handler(e, c):\n"
                      "    return [texts.own.V, words.V, util.find_spec('texts.more') is not None]\n"})),
            "api.handler", RUNTIME)

    said = list[str]()
    source = project("p", "V = 'ours'\n", "")
    assert run_in_place(source, cache) == answer(Path(source.root), cache, tmp_path) == ["ours", "theirs", False]
    build(source, cache=tmp_path / "new", note=said.append)
    assert said[-1].endswith("since the project has modules of these names: texts")
    shared = "from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n"
    source = project("shared", shared, shared)
    assert run_in_place(source, cache) == answer(Path(source.root), cache, tmp_path / "2") == ["ours", "theirs", True]


def test_an_installed_package_comes_before_a_folder_that_is_none(tmp_path: Path, cache: Path) -> None:
    """As in `sst dev`, and wherever Python runs. In one folder the two would be one package."""
    packed = wheel(tmp_path / "p" / "wheels", "words", "theirs")
    with zipfile.ZipFile(packed, "a") as z:
        z.writestr("texts/__init__.py", "")
        z.writestr("texts/more.py", "V = 'theirs'\n")
    root = write(tmp_path / "p", {
        "requirements.txt": "--find-links ./wheels\nwords==1.0\n", "texts/more.py": "V = 'ours'\n",
        "texts/own.py": "V = 'ours'\n", "texts/data.txt": "data",
        "api.py": "from pathlib import Path\nimport texts.more\ndef handler(e, c):\n"
                  "    return [texts.more.V, Path(__file__).with_name('texts').joinpath('data.txt').read_text()]\n",
        "lost.py": "import texts.own\ndef handler(e, c): return 1\n", "texts/api.py": "def handler(e, c): return 1\n"})
    source = Source(str(root), "api.handler", RUNTIME)
    assert run_in_place(source, cache) == answer(root, cache, tmp_path) == ["theirs", "data"]
    assert build(source, cache=cache).fingerprint == fingerprint(source, cache=cache)
    for handler, lost in (("lost.handler", "texts/own.py"), ("texts/api.handler", "texts/api.py")):
        for run in (lambda s: run_in_place(s, cache), lambda s: build(s, cache=cache)):
            with pytest.raises(UserError, match=f"{lost} can't be imported: .* installed package .texts."):
                run(Source(str(root), handler, RUNTIME))


def test_files_that_the_program_names_hide_nothing(tmp_path: Path) -> None:
    root = str(write(tmp_path, {"dist/api.py": "def handler(e, c): return 1\n", "dist/lib/queue.py": "",
                                "api.py": "def handler(e, c): return 1\n", "typing/x.txt": ""}))
    for named in ({"bundle": "dist"}, {"copy_files": (("dist/lib/queue.py", "app/queue.py"), ("typing", "typing"))}):
        assert fingerprint(Source(root, "api.handler", RUNTIME, **named))  # type: ignore[arg-type]  # either one
    copied = Source(root, "api.handler", RUNTIME, copy_files=(("dist/lib", "."),))
    with pytest.raises(UserError, match=r"dist/lib/queue\.py would be queue\.py in the bundle, which has"):
        fingerprint(copied)
    write(tmp_path, {"dist/email/__init__.py": ""})
    with pytest.raises(UserError, match=r"dist/email/__init__\.py would be"):
        fingerprint(Source(root, "api.handler", RUNTIME, bundle="dist"))


def test_modules_that_a_version_of_python_no_longer_has_hide_nothing(tmp_path: Path) -> None:
    assert {"cgi", "queue", "imp"} <= standard_modules("3.11") and "test" not in standard_modules("3.11")
    assert standard_modules("3.11") - standard_modules("3.13") >= {"cgi", "pipes", "distutils", "imp"}
    write(tmp_path, {"pipes.py": "", "api.py": "def handler(e, c): return 1\n"})
    assert check(Source(str(tmp_path), "api.handler", "python3.13"))
    with pytest.raises(UserError, match=r"pipes.py has the name of a module of Python"):
        check(Source(str(tmp_path), "api.handler", "python3.12"))


def test_what_is_imported_is_not_said_to_be_left_out(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {".gitignore": "gen/\nfast.py\nprivate/\n", "gen/a.py": "", "private/x.csv": "",
                                  "fast.py": "", "api.py": "import gen.a, fast\ndef handler(e, c): return 1\n"})
    (said,) = warnings(Source(str(root), "api.handler", RUNTIME), ProjectFiles())
    assert said.endswith("is left out: private")
