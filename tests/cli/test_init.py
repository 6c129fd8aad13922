"""``sst init``: what it finds, what it writes, what it leaves alone."""
from __future__ import annotations

import ast
from pathlib import Path

import pytest

from sst.project.starter import look, starter

from .conftest import Project


@pytest.fixture
def empty(project: Project, tmp_path: Path) -> Project:
    project.root = tmp_path / "My Shop_2"
    project.root.mkdir()
    return project


MANAGE = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')"


@pytest.mark.parametrize(("files", "kind", "handler"), [
    ({}, "empty", ""),
    ({"requirements.txt": "requests"}, "Python", ""),
    ({"package.json": '{"name": "@acme/web"}'}, "Node", ""),
    ({"main.py": "from fastapi import FastAPI\napp = FastAPI()\n"}, "FastAPI", "main:app"),
    ({"app/main.py": "import fastapi\napi: fastapi.FastAPI = fastapi.FastAPI(title='x')\n"}, "FastAPI", "app.main:api"),
    ({"app/__init__.py": "from flask import Flask\napp = Flask(__name__)\n"}, "Flask", "app:app"),
    ({"src/shop/__init__.py": "", "src/shop/app.py": "from starlette.applications import Starlette\nsite = "
                                                     "Starlette()\n"}, "Starlette",
     "src.shop.app:site"),
    ({"manage.py": MANAGE, "shop/asgi.py": ""}, "Django", "shop.asgi:application"),
    ({"manage.py": MANAGE, "shop/wsgi.py": ""}, "Django", "shop.wsgi:application"),
    ({"pyproject.toml": "[project\n", "package.json": "{", "main.py": "\0"}, "empty", ""),
])
def test_what_it_finds(tmp_path: Path, files: dict[str, str], kind: str, handler: str) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = look(tmp_path)
    assert (found.kind, found.handler) == (kind, handler)
    for write in starter(tmp_path, found):
        if write.path.suffix == ".py":
            ast.parse(write.text)


def test_an_empty_folder(empty: Project) -> None:
    said = empty.run("init", "--yes").out
    assert "This is an empty folder" in said and '"my-shop-2" is set up. Next: sst dev, or sst deploy' in said
    there = {f.relative_to(empty.root).as_posix() for f in empty.root.rglob("*") if f.is_file()}
    assert there == {"sst_config.py", "src/api.py", ".sst/stage"}
    assert (empty.root / ".sst/stage").read_text() == "local\n"
    assert 'name="my-shop-2"' in (empty.root / "sst_config.py").read_text()
    assert "set up already" in empty.run("init").out


def test_a_project_with_an_app_in_git(empty: Project) -> None:
    empty.write("pyproject.toml", '[project]\nname = "Shop.Api"\n')
    empty.write("main.py", "from fastapi import FastAPI\napp = FastAPI()\n")
    empty.write(".gitignore", "__pycache__")
    (empty.root / ".git").mkdir()
    facts = empty.run("init", "--json").json
    assert facts == {"name": "shop-api", "kind": "FastAPI", "handler": "main:app",
                     "wrote": ["sst_config.py", ".sst/stage", ".gitignore"]}
    assert (empty.root / ".gitignore").read_text() == "__pycache__\n.sst/\n"
    assert 'handler="main:app"' in (empty.root / "sst_config.py").read_text() and not (empty.root / "src").exists()


def test_nothing_that_exists_is_changed(empty: Project) -> None:
    empty.write("sst_config.py", "# mine\n")
    empty.write("src/api.py", "# mine too\n")
    empty.write(".gitignore", ".sst\n")
    empty.run("init", "--yes")
    assert (empty.root / "sst_config.py").read_text() == "# mine\n"
    assert (empty.root / ".gitignore").read_text() == ".sst\n"
    (empty.root / "sst_config.py").unlink()
    empty.run("init", "--yes")
    assert (empty.root / "src/api.py").read_text() == "# mine too\n"
