"""Functions run from their source with exactly what their bundle would have."""
from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from sst.build import uv
from sst.build.artefact import build
from sst.build.in_place import InPlace, in_place
from sst.build.source import Source
from tests.long import first_of

from .projects import RUNTIME, unpack, write
from .projects import call as called

LAYOUTS = {
    "plain": ({"api.py": "def handler(e, c): return 1\n"}, "api.handler"),
    "loose src": ({"src/api.py": "from shared import n\ndef handler(e, c): return n\n", "src/shared.py": "n = 1\n"},
                  "src/api.handler"),
    "package": ({"shop/__init__.py": "", "shop/api.py": "from shop.n import n\ndef handler(e, c): return n\n",
                 "shop/n.py": "n = 1\n"},
                "shop/api.handler"),
    "built": ({"src/shop/__init__.py": "", "src/shop/api.py": "from shop.n import n\ndef handler(e, c): return n\n",
               "src/shop/n.py": "n = 1\n",
               "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n[build-system]\nrequires = ["hatchling"]\n'
                                 'build-backend = "hatchling.build"\n'}, "src/shop/api.handler"),
}


def call(at: InPlace, runtime: str) -> object:
    stem, _, attribute = at.handler.rpartition(".")
    program = (f"import sys, json, importlib; sys.path[0:0] = {[str(p) for p in (at.folder, *at.path)]!r}; "
               f"m = importlib.import_module({stem.replace('/', '.')!r}); print(json.dumps(getattr(m, "
               f"{attribute!r})(0, 0)))")
    if ":" in at.handler:
        head, _, rest = at.handler.partition(".")
        program = program.replace(repr(stem.replace("/", ".")), repr(head)).replace(repr(attribute), repr(rest))
    python, _ = uv.interpreter(runtime.removeprefix("python"))
    done = subprocess.run([python, "-I", "-S", "-c", program], capture_output=True, text=True, cwd=at.folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


ABOVE = '[project]\nname = "whole"\nversion = "1"\ndependencies = ["idna==3.10"]\n'
BUILT = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
CHOSEN = {
    "requirements above": {"requirements.txt": "idna==3.10\n"},
    "requirements below": {"back.end/shop/requirements.txt": "idna==3.10\n"},
    "its own before those below": {"back.end/requirements.txt": "idna==3.10\n", "back.end/shop/requirements.txt": "x"},
    "a package above": {"pyproject.toml": ABOVE + BUILT, "src/whole/__init__.py": "", "src/whole/n.py": "n = 1\n",
                        "back.end/shop/n.py": "from whole.n import n\n"},
}


@pytest.mark.parametrize("case", first_of(CHOSEN))
def test_modules_are_imported_from_the_chosen_folder_whatever_declares_its_dependencies(
        case: str, tmp_path: Path, cache: Path) -> None:
    code = "import idna\nfrom shop.n import n\ndef handler(e, c): return [idna.__version__, n]\n"
    files = {"back.end/shop/__init__.py": "", "back.end/shop/n.py": "n = 1\n", "back.end/shop/api.py": code}
    root = write(tmp_path / "p", {**files, **CHOSEN[case]})
    source = Source(str(root), "back.end/shop/api:handler", RUNTIME, host=True, python={"root": "back.end"})
    at = in_place(source, cache=cache)
    assert (at.folder, at.handler) == (root / "back.end", "_sst_entry.shop/api::handler")
    plain = replace(at, handler="shop/api.handler")
    assert call(plain, RUNTIME) == ["3.10", 1]
    made = build(source, cache=cache)
    assert made.handler == at.handler
    assert called(unpack(made, tmp_path / "out"), plain.handler) == ["3.10", 1]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_runs_from_its_source(layout: str, tmp_path: Path, cache: Path) -> None:
    files, handler = LAYOUTS[layout]
    at = in_place(Source(str(write(tmp_path / "p", files)), handler, RUNTIME, host=True), cache=cache)
    assert call(at, RUNTIME) == 1


def test_dependencies_are_those_of_the_bundle_and_no_others(tmp_path: Path, cache: Path) -> None:
    code = """
        import importlib.util, idna
        import sst
        def handler(e, c):
            return [idna.__version__, *(importlib.util.find_spec(n) is None for n in ("pytest", "sst.core"))]
    """
    root = write(tmp_path / "p", {"api.py": code, "requirements.txt": "idna==3.10\n"})
    at = in_place(Source(str(root), "api.handler", RUNTIME, host=True), cache=cache)
    assert call(at, RUNTIME) == ["3.10", True, True]
    assert [f.name for f in at.declared] == ["requirements.txt"] and at.roots == (root,)


def test_a_deleted_module_is_gone_at_once(tmp_path: Path, cache: Path) -> None:
    """Nothing of the project itself is kept aside."""
    root = write(tmp_path / "p", {"api.py": "import importlib.util\ndef handler(e, c): return "
                                            "importlib.util.find_spec('other') is None\n",
                                  "other.py": ""})
    at = in_place(Source(str(root), "api.handler", RUNTIME, host=True), cache=cache)
    assert call(at, RUNTIME) is False
    (root / "other.py").unlink()
    assert call(at, RUNTIME) is True


def test_a_workspace_member_is_found_in_its_folder(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {
        "api/requirements.txt": "../core\n", "api/api.py": "from core import n\ndef handler(e, c): return n\n",
        "core/pyproject.toml": '[project]\nname = "core"\nversion = "1"\n[build-system]\nrequires = ["hatchling"]\n'
                               'build-backend = "hatchling.build"\n',
        "core/src/core/__init__.py": "n = 7\n"})
    at = in_place(Source(str(root), "api/api.handler", RUNTIME, host=True), cache=cache)
    assert call(at, RUNTIME) == 7
    assert (root / "core").resolve() in at.roots
