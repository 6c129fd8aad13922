"""The examples of docs/any_provider.md, against schemas written from published bindings: planned, checked by mypy."""
from __future__ import annotations

import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from venv import create

import pytest

import sst
from sst.clouds.terraform.catalogue import Catalogue, activate
from sst.clouds.terraform.native import NATIVE, native_schemas
from sst.clouds.terraform.stubs import stub_files
from sst.plugins.lock import Lock, Locked
from sst.plugins.source import source_of
from sst.project.resource_types import write_provider_types

from .published import PROVIDERS, schemas_of
from .test_programs import Stage

PAGE = (Path(__file__).parents[3] / "docs" / "any_provider.md").read_text()


def blocks(text: str) -> list[str]:
    return [b for b in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "from sst.providers" in b]


EXAMPLES = blocks(PAGE.partition("## Examples")[2].partition("\n## ")[0])
NAMES = [e.split()[3] for e in EXAMPLES]


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Stage]:
    """Stage local, with the schemas of all these providers cached and none of them installed."""
    lock = Lock()
    catalogue = Catalogue(tmp_path, {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    for name in PROVIDERS:
        one = Locked(name, source_of(name), "1.0.0", protocol=6)
        lock = lock.with_provider(one)
        schemas_of(name).write(catalogue.store.cache / "schemas" / str(one.source) / "1.0.0.schema", "a file")
    lock.write(tmp_path)
    catalogue = Catalogue(tmp_path, catalogue.environ, simulates=True)
    activate(catalogue)
    made = Stage(catalogue, local=True)
    yield made
    made.clouds.close()
    activate(None)


def test_each_provider_has_an_example() -> None:
    assert sorted(NAMES) == PROVIDERS


@pytest.mark.parametrize("text", EXAMPLES, ids=NAMES)
def test_an_example_is_planned(local: Stage, text: str, tmp_path: Path) -> None:
    """With stand-ins for what is of AWS and needs a cloud for its plan."""
    api = SimpleNamespace(url="https://api.test/", name="api", value="t0ken")
    given = {"aws": SimpleNamespace(Function=lambda *args, **options: api),
             "sst": SimpleNamespace(Secret=lambda name: api, Linkable=sst.Linkable)}
    (tmp_path / "program.py").write_text(text)
    todo = local.plan(lambda: runpy.run_path(str(tmp_path / "program.py"), given))
    assert {s.type.partition(":")[0] for s in todo.changes} == {text.split()[3]} and len(todo.changes) >= 2


@pytest.mark.long
def test_mypy_finds_nothing_in_the_examples_and_something_in_what_is_wrong(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    create(venv, symlinks=True)
    site = next(venv.glob("lib/python3*/site-packages"))
    (site / "sst.pth").write_text(str(Path(sst.__file__).parents[1]))
    schemas = {**{n: schemas_of(n) for n in PROVIDERS}, **{n: native_schemas(n) for n in NATIVE}}
    write_provider_types(venv, {n: stub_files(n, n, s) for n, s in schemas.items()})
    for n, text in enumerate(blocks(PAGE)):
        body = text if "import sst\n" in text else f"import sst\nfrom sst import aws\n{text}"
        (tmp_path / f"block{n}.py").write_text(body)
    wrong = {'stripe.Price("A", product="p", currency="usd", recurring={"intervall": "month"})': "incompatible type",
             'github.Repository("A", visibility="private")': 'Missing named argument "name"',
             'vercel.Project("A", name="x", framwork="nextjs")': 'did you mean "framework"?',
             'neon.Branch("A", project_id=1)': 'Argument "project_id" to "Branch" has incompatible type "int"',
             'datadog.Monitor("A", name="x").querry': 'maybe "query"?'}
    (tmp_path / "wrong.py").write_text(f"from sst.providers import {', '.join(PROVIDERS)}\n" + "\n".join(wrong) + "\n")
    done = subprocess.run([sys.executable, "-m", "mypy", "--config-file=", "--strict", "--python-executable",
                           str(venv / "bin/python"), "--cache-dir", str(tmp_path / "cache"), "--no-error-summary",
                           *sorted(f.name for f in tmp_path.glob("*.py"))], capture_output=True, text=True,
                          cwd=tmp_path)
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert not [e for e in errors if e.startswith("block")], done.stdout
    for n, (line, message) in enumerate(wrong.items(), 2):
        assert any(e.startswith(f"wrong.py:{n}:") and message in e for e in errors), f"{line}\n{done.stdout}"
