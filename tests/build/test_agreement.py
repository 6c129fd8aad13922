"""`sst dev` and a deploy agree: what runs from the sources runs from the bundle, or is refused by both."""
from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sst.build import uv
from sst.build.artefact import build, fingerprint, warnings
from sst.build.in_place import in_place
from sst.build.project_files import ProjectFiles
from sst.build.source import Source
from sst.errors import UserError

from .projects import RUNTIME, call, names, unpack, write

HATCH = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
SAYS = "from {0} import V\ndef handler(e, c): return V\n"


SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'


@dataclass(frozen=True)
class Case:
    files: Mapping[str, str]
    handler: str = "src/api.handler"
    links: Mapping[str, str] = field(default_factory=dict)
    answer: object = "ok"
    refused: str = ""


CASES = {
    "a linked folder from outside": Case(
        {"p/src/api.py": SAYS.format("src.shared.greet"), "shared/greet.py": "V = 'ok'\n"},
        links={"p/src/shared": "../../shared"}),
    "the source folder is a link": Case(
        {"code/api.py": SAYS.format("src.deep.x"), "code/deep/x.py": "V = 'ok'\n"}, links={"p/src": "../code"}),
    "a linked module from outside": Case(
        {"p/src/api.py": SAYS.format("src.far"), "far.py": "V = 'ok'\n"}, links={"p/src/far.py": "../../far.py"}),
    "a linked package in a package": Case(
        {"p/app/api.py": "from .pkg.x import V\ndef handler(e, c): return V\n", "p/app/__init__.py": "",
         "pkg/x.py": "from . import y\nV = y.V\n", "pkg/y.py": "V = 'ok'\n", "pkg/__init__.py": ""},
        "app/api.handler", links={"p/app/pkg": "../../pkg"}),
    "a linked package in a wheel": Case(
        {"p/pyproject.toml": '[project]\nname = "app"\nversion = "1"\n' + HATCH, "p/src/app/__init__.py": "",
         "p/src/app/api.py": SAYS.format("app.pkg.x"), "pkg/x.py": "V = 'ok'\n", "pkg/__init__.py": ""},
        "src/app/api.handler", links={"p/src/app/pkg": "../../../pkg"}),
    "an ignored handler": Case({"p/.gitignore": "lib/\n", "p/lib/api.py": "def handler(e, c): return 'ok'\n"},
                               "lib/api.handler"),
    "an ignored web app": Case({"p/.gitignore": "src/\n",
                                "p/src/api.py": "from src.other import V\ndef handler(e, c): return V\n",
                                "p/src/other.py": "V = 'ok'\n"}),
    "an ignored generated module": Case({"p/.gitignore": "*_pb2.py\n", "p/src/api.py": SAYS.format("src.generated_pb2"),
                                         "p/src/generated_pb2.py": "V = 'ok'\n"}),
    "an ignored module without the src": Case({"p/.gitignore": "gen/\n", "p/src/api.py": SAYS.format("gen.a"),
                                               "p/src/gen/a.py": "import gen.b\nV = gen.b.V\n",
                                               "p/src/gen/b.py": "V = 'ok'\n"}),
    "ignored settings by a literal name": Case(
        {"p/.gitignore": "local_settings.py\n", "p/local_settings.py": "V = 'ok'\n",
         "p/api.py": "import importlib\ndef handler(e, c): return importlib.import_module('local_settings').V\n"},
         "api.handler"),
    "a module below tests": Case({"p/api.py": SAYS.format("tests.data"), "p/tests/data.py": "V = 'ok'\n"},
                                 "api.handler"),
    "a module of another project's folder": Case({"p/api.py": SAYS.format("web.words"), "p/web/words.py": "V = 'ok'\n",
                                                  "p/web/pyproject.toml": '[project]\nname = "w"\nversion = "1"\n'},
                                                  "api.handler"),
    "a handler in a folder of tests": Case({"p/tests/api.py": SAYS.format("tests.x"), "p/tests/x.py": "V = 'ok'\n"},
                                           "tests/api.handler"),
    "queue.py in src": Case({"p/src/queue.py": "import concurrent.futures\ndef handler(e, c): return 'ok'\n"},
                            "src/queue.handler"),
    **{f"{n}.py beside the handler": Case({"p/src/api.py": "import tempfile, uuid, calendar, email.message, queue\n"
                                                           "def handler(e, c): return 'ok'\n", f"p/src/{n}.py": ""})
       for n in ("email", "calendar", "platform", "random", "queue", "types", "selectors", "token")},
    **{f"{n} at the root": Case({"p/api.py": "def handler(e, c): return 1\n", f"p/{n}": ""}, "api.handler",
                                refused=f"{n.partition('/')[0]}.* has the name of a module of Python")
       for n in ("queue.py", "email/__init__.py", "types.py")},
    "a handler's own file with the name of a module": Case({"p/calendar.py": "def handler(e, c): return 1\n"},
                                                           "calendar.handler", refused="hint: rename it"),
    "a folder beside a wheel with the name of a module": Case(
        {"p/pyproject.toml": '[project]\nname = "app"\nversion = "1"\n' + HATCH, "p/src/app/__init__.py": "",
         "p/src/app/api.py": "def handler(e, c): return 'ok'\n", "p/code/__init__.py": ""}, "src/app/api.handler"),
    "a module of a wheel with the name of one of Python": Case(
        {"p/pyproject.toml": '[project]\nname = "app"\nversion = "1"\n' + HATCH, "p/src/app/__init__.py": "",
         "p/src/app/api.py": "def handler(e, c): return 1\n", "p/src/queue/__init__.py": ""}, "src/app/api.handler",
        refused="src/queue has the name of a module of Python"),
    "a module of a local package with the name of one of Python": Case(
        {"p/requirements.txt": "../lib\n", "p/api.py": "def handler(e, c): return 1\n", "lib/src/queue.py": "",
         "lib/pyproject.toml": '[project]\nname = "lib"\nversion = "1"\n' + HATCH}, "api.handler",
        refused="lib/src/queue.py has the name of a module of Python"),
    "names that hide nothing": Case(
        {"p/api.py": "import json, queue\ndef handler(e, c): return 'ok'\n", "p/json/data.txt": "",
         "p/app/queue.py": "", "p/queues.py": ""}, "api.handler"),
    "modules of src without src": Case({"p/src/api.py": SAYS.format("helper"), "p/src/helper.py": "V = 'ok'\n"}),
    "a module that only type checkers import": Case(
        {"p/api.py": "import typing\nif typing.TYPE_CHECKING:\n    import tests.big\ndef handler(e, c): return 'ok'\n",
         "p/tests/big.py": ""}, "api.handler"),
    "a handler in a dot folder": Case({"p/.hidden/api.py": "def handler(e, c): return 1\n"}, ".hidden/api.handler",
                                      refused="a dot in its name"),
    **{f"an ignored module by {n}": Case(
        {"p/.gitignore": "gen.py\n", "p/app/api.py": f"{first}\nV = {load}.V\ndef handler(e, c): return V\n",
         "p/app/gen.py": "V = 'ok'\n"}, "app/api.handler") for n, first, load in (
            ("a relative name", "import importlib", "importlib.import_module('.gen', __package__)"),
            ("another name of import_module", "from importlib import import_module as load", "load('app.gen')"))},
    "settings of Django that import ignored ones": Case(
        {"p/.gitignore": "local_settings.py\n", "p/web/local_settings.py": "V = 'ok'\n",
         "p/web/wsgi.py": "import os, importlib\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'web.settings')\n"
                          "def handler(e, c): return importlib.import_module(os.environ['DJANGO_SETTINGS_MODULE']).V\n",
         "p/web/settings.py": "V = 'lost'\ntry:\n    from .local_settings import *\nexcept ImportError:\n    pass\n"},
        "web/wsgi.handler"),
    **{f"packages of a wheel in lib, by {n}": Case(
        {"p/pyproject.toml": f'[project]\nname = "shop"\nversion = "1"\n{table}', "p/lib/shop/__init__.py": "",
         "p/lib/shop/api.py": SAYS.format("shop.words"), "p/lib/shop/words.py": "V = 'ok'\n"}, "lib/shop/api.handler")
       for n, table in (
            ("hatch", HATCH + '[tool.hatch.build.targets.wheel]\npackages = ["lib/shop"]\n'),
            ("setuptools", SETUPTOOLS + '[tool.setuptools.packages.find]\nwhere = ["lib"]\n'),
            ("poetry", '[tool.poetry]\npackages = [{include = "shop", from = "lib"}]\n[build-system]\n'
                       'requires = ["poetry-core>=2"]\nbuild-backend = "poetry.core.masonry.api"\n'),
            ("pdm", '[tool.pdm.build]\npackage-dir = "lib"\n[build-system]\nrequires = ["pdm-backend"]\n'
                    'build-backend = "pdm.backend"\n'))},
    "a package of a wheel under another name": Case(
        {"p/pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n' + SETUPTOOLS + '[tool.setuptools]\n'
                             'packages = ["shop"]\npackage-dir = {"shop" = "code"}\n',
         "p/code/__init__.py": "from shop.words import V\n", "p/code/words.py": "V = 'ok'\n",
         "p/code/api.py": "import shop\nfrom .words import V\ndef handler(e, c): return V if shop.V == V else 'no'\n"},
        "code/api.handler"),
    "a byte-order mark": Case({"p/api.py": "\ufeffdef handler(e, c): return 'ok'\n"}, "api.handler"),
    "links in a circle": Case({"p/a/api.py": "def handler(e, c): return 'ok'\n", "p/b/x.py": ""}, "a/api.handler",
                              links={"p/a/l": "../b", "p/b/l": "../a", "p/b/self": "."}),
}


def made(tmp_path: Path, case: Case) -> Source:
    write(tmp_path, case.files)
    (tmp_path / "p").mkdir(exist_ok=True)
    for link, target in case.links.items():
        (tmp_path / link).symlink_to(target)
    return Source(str(tmp_path / "p"), case.handler, RUNTIME)


def run_in_place(source: Source, cache: Path) -> Any:
    """As an interpreter of `sst dev` is started: modules are found before the standard library."""
    at = in_place(Source.from_dict({**source.to_dict(), "host": True}), cache=cache)
    stem, _, attribute = at.handler.rpartition(".")
    if ":" in at.handler:
        stem, _, attribute = at.handler.partition(".")
    program = (f"import importlib, json; m = importlib.import_module({stem.replace('/', '.')!r}); "
               f"print(json.dumps(getattr(m, {attribute!r})(0, 0)))")
    python, _ = uv.interpreter(source.version)
    environment = {"PYTHONPATH": ":".join(map(str, (at.folder, *at.path))), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([python, "-S", "-P", "-c", program], capture_output=True, text=True, cwd="/", env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def cases(*names: str) -> list[Any]:
    """Those that build a wheel, and those that say again what another one says, only in `make long-tests`."""
    again = ("a package of a wheel", "an ignored module by a", "packages of a wheel in lib", "a folder beside a wheel")
    return [pytest.param(n, marks=pytest.mark.long if n.startswith(again) else ()) for n in names]


@pytest.mark.parametrize("name", cases(*CASES))
def test_sources_and_bundle_say_the_same(name: str, tmp_path: Path, cache: Path) -> None:
    case = CASES[name]
    source = made(tmp_path, case)
    if case.refused:
        for way in (lambda: build(source, cache=cache), lambda: in_place(source, cache=cache),
                    lambda: fingerprint(source)):
            with pytest.raises(UserError, match=case.refused):
                way()
        return
    artefact = build(source, cache=cache)
    assert call(unpack(artefact, tmp_path / "unpacked"), artefact.handler) == case.answer
    assert run_in_place(source, cache) == case.answer
    assert artefact.fingerprint == fingerprint(source, cache=cache)


@pytest.mark.parametrize("name", cases(*(n for n, c in CASES.items() if not c.refused and "src" not in c.links)))
def test_an_edit_of_what_is_imported_is_a_change(name: str, tmp_path: Path, cache: Path) -> None:
    case = CASES[name]
    source = made(tmp_path, case)
    for file in case.files:
        if file.endswith(".py") and "big" not in file:
            before = fingerprint(source, cache=cache)
            (tmp_path / file).write_text((tmp_path / file).read_text() + "\n# edited\n")
            assert fingerprint(source, cache=cache) != before, file


def test_credentials_and_strangers_do_not_come_through_links(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path, {"p/src/api.py": "def handler(e, c): return 1\n", "p/.env": "TOKEN=1",
                            "p/secrets/id_rsa": "x",
                            "passwd": "root", "more/data.txt": "x", "p/keep/a.txt": "a"}) / "p"
    for link, target in {"src/data.txt": "../.env", "src/passwd.txt": "../../passwd", "src/more": "../../more",
                         "src/key": "../secrets/id_rsa",
                         "src/kept": "../keep", "src/gone": "nowhere", "src/git": "../.git"}.items():
        (root / link).symlink_to(target)
    (root / ".git").mkdir()
    (root / ".git/config").write_text("")
    source = Source(str(root), "src/api.handler", RUNTIME)
    found = {n for n in names(build(source, cache=cache)) if not n.startswith("sst/")}
    assert found == {"src/api.py", "src/kept/a.txt", "keep/a.txt", "_sst_entry.py"}
    told = {line.split(" is a link")[0] for line in warnings(source, ProjectFiles())}
    assert told == {"src/passwd.txt", "src/more"}


def test_copied_files_stay_in_the_project(tmp_path: Path) -> None:
    root = write(tmp_path, {"p/api.py": "def handler(e, c): return 1\n", "p/t/a.txt": "", "passwd": "root",
                            "p/t/.env": ""}) / "p"
    (root / "t/out").symlink_to("../../passwd")
    (root / "t/in").symlink_to("a.txt")
    made = build(Source(str(root), "api.handler", RUNTIME, copy_files=(("t", "t"),)), cache=tmp_path / "cache")
    assert {n for n in names(made) if n.startswith("t/")} == {"t/a.txt", "t/in"}
    (root / ".aws").mkdir()
    (root / ".aws/credentials").write_text("key")
    (root / "t/aws.txt").symlink_to("../.aws/credentials")
    (root / "env.txt").symlink_to("t/.env")
    made = build(Source(str(root), "api.handler", RUNTIME, copy_files=(("t", "t"),)), cache=tmp_path / "cache")
    assert {n for n in names(made) if n.startswith("t/")} == {"t/a.txt", "t/in"}
    with pytest.raises(UserError, match=r"env\.txt leads to credentials"):
        fingerprint(Source(str(root), "api.handler", RUNTIME, copy_files=(("env.txt", "x"),)))
    for outside in ("../passwd", "/etc/passwd"):
        with pytest.raises(UserError, match="lies outside of"):
            fingerprint(Source(str(root), "api.handler", RUNTIME, copy_files=((outside, "x"),)))
