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
