from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sst.core.graph import Graph
from sst.core.link import Link
from sst.core.output import Output
from sst.core.resource import Arg, Resource, out, prop
from sst.errors import UserError
from sst.project.resource_types import find_venv, keep_types, stub, types_of, write_types

from .conftest import HOME

LINKS: dict[str, dict[str, Any]] = {
    "Uploads": {"name": str, "type": "'sst.aws.Bucket'"},
    "Conf": {"limits": {"rate": int}, "tags": "list[str]", "odd": "no type!", "not-a-name": str, "any": object,
             "many": list},
    "my-queue": {"url": str},
}
PROGRAM = """
from sst import Resource
import sst
reveal_type(Resource.Uploads.name)
reveal_type(Resource.Uploads.type)
reveal_type(Resource.App.stage)
reveal_type(Resource.Conf.limits.rate)
reveal_type(sst.Resource.Conf.tags)
for name in Resource:
    print(name, Resource[name], dict(Resource.Uploads))
Resource.Upload.name
Resource.Uploads.nme
number: int = Resource.Uploads.name
"""


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """A virtual environment with sst installed in it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "app" / ".venv")], check=True)
    site = next((tmp_path / "app" / ".venv" / "lib").glob("python3*/site-packages"))
    shutil.copytree(HOME, site / "sst", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "app" / "program.py").write_text(PROGRAM)
    return tmp_path / "app" / ".venv"


def test_the_stub_is_the_same_whatever_the_order() -> None:
    text = stub(LINKS)
    assert text == stub(dict(reversed(LINKS.items())))
    assert text.partition("import Linked\n")[2] == """
class _App(Linked):
    name: str
    stage: str

class _Conf_limits(Linked):
    rate: int

class _Conf(Linked):
    any: Any
    limits: _Conf_limits
    many: list[Any]
    odd: Any
    tags: list[str]

class _Uploads(Linked):
    name: str
    type: Literal['sst.aws.Bucket']

class Links:
    App: _App
    Conf: _Conf
    Uploads: _Uploads
"""


def test_types_come_from_the_program() -> None:
    class Shelf(Resource, type="test.Shelf"):
        name: Arg[str | None] = prop(default=None)
        size: Arg[int] = prop(default=1)
        url: Output[str] = out()

    with Graph("app", "test").active() as graph:
        shelf = Shelf("Shelf")
        link = Link("Shelf", "test.Shelf", {
            "url": shelf.url, "size": shelf.size, "path": f"{shelf.url}/x", "parts": shelf.url.apply(str.split),
            "count": 3, "on": True,
            "key": Output(lambda _: "k", secret=True), "more": {"rate": 1.5, "names": ["a"], "name": shelf.name}})
        types = types_of([link], graph.resources)
    assert types == {"Shelf": {"url": "str", "size": "int", "path": str, "parts": object, "count": int, "on": bool,
                               "key": str,
                               "more": {"rate": float, "names": list, "name": object}, "type": "'test.Shelf'"}}
    assert "    parts: Any\n" in stub(types) and "    url: str\n" in stub(types)


def test_types_are_written_only_when_they_change(venv: Path) -> None:
    assert [write_types(venv, LINKS), write_types(venv, LINKS), write_types(venv, {}),
            write_types(venv, {})] == [True, False, True, False]
    with pytest.raises(UserError, match="has no site-packages"):
        write_types(venv.parent, LINKS)


def test_the_projects_environment_is_found(tmp_path: Path) -> None:
    def made(*parts: str) -> Path:
        home = tmp_path.joinpath(*parts)
        home.mkdir(parents=True)
        (home / "pyvenv.cfg").touch()
        return home

    root = tmp_path / "repo" / "app"
    root.mkdir(parents=True)
    outside = made(".venv")
    assert find_venv(root, {}) is None
    active = made("active")
    assert find_venv(root, {"VIRTUAL_ENV": str(active)}) == active
    (tmp_path / "repo" / ".git").mkdir()
    workspace = made("repo", ".venv")
    assert find_venv(root, {"VIRTUAL_ENV": str(active)}) == workspace != outside
    own = made("repo", "app", ".venv")
    assert find_venv(root, {}) == own
    assert find_venv(root, {"UV_PROJECT_ENVIRONMENT": "env"}) == own
    assert find_venv(root, {"UV_PROJECT_ENVIRONMENT": str(active)}) == active


def test_a_project_without_an_environment_is_told_so(tmp_path: Path, venv: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    assert keep_types(alone, {}, [], {}) == ""
    (alone / "pyproject.toml").touch()
    assert "there is no virtual environment" in keep_types(alone, {}, [], {})
    (alone / ".venv").mkdir()
    (alone / ".venv" / "pyvenv.cfg").touch()
    assert "has no site-packages" in keep_types(alone, {}, [], {})
    assert keep_types(venv.parent, {}, [], {}) == ""
    assert next(venv.glob("lib/*/site-packages/sst-stubs/runtime/links.pyi")).is_file()


def mypy(venv: Path) -> str:
    command = [sys.executable, "-m", "mypy", "--config-file=", "--python-executable", str(venv / "bin" / "python"),
               "program.py"]
    done = subprocess.run(command, cwd=venv.parent, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.long
def test_mypy_knows_what_is_linked_once_types_are_written(venv: Path) -> None:
    assert mypy(venv).count('Revealed type is "Any"') == 5
    write_types(venv, LINKS)
    told = mypy(venv)
    assert [line.partition("is ")[2] for line in told.splitlines() if "Revealed" in line] == [
        '"str"', "\"Literal['sst.aws.Bucket']\"", '"str"', '"int"', '"list[str]"']
    assert '"Resources" has no attribute "Upload"' in told and 'has no attribute "nme"; maybe "name"?' in told
    assert "Incompatible types in assignment" in told and "Found 3 errors" in told


@pytest.mark.slow
@pytest.mark.long
def test_pyright_knows_what_is_linked_once_types_are_written(venv: Path, npm_tool: Callable[[str], Path]) -> None:
    write_types(venv, LINKS)
    done = subprocess.run([npm_tool("pyright"), "--pythonpath", str(venv / "bin" / "python"), "program.py"],
                          cwd=venv.parent,
                          capture_output=True, text=True, check=False)
    told = done.stdout
    assert [line.partition('" is ')[2] for line in told.splitlines() if "information: Type of" in line] == [
        '"str"', "\"Literal['sst.aws.Bucket']\"", '"str"', '"int"', '"list[str]"']
    assert 'Cannot access attribute "Upload"' in told and 'Cannot access attribute "nme"' in told and "3 errors" in told
