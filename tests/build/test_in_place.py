"""Functions run from their source with exactly what their bundle would have."""
from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from sst.build import uv
from sst.build.in_place import InPlace, in_place
from sst.build.source import Source

from .projects import RUNTIME, write

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
