"""Every example of README, of docs and of the public docstrings runs."""
from __future__ import annotations

import doctest
import inspect
import json
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import sst
from sst import aws
from sst.core.component import Component
from tests.runtime.conftest import bundle, environment_of
from tests.runtime.events import v2

from .examples import PAGES, ROOT, Block, blocks, clean_process, docstring_example, run_module, run_program, write

__all__ = ["bundle", "environment_of"]  # fixtures

PYTHON = [b for page in PAGES for b in blocks(page, "python")]


@pytest.fixture(autouse=True)
def _process() -> Iterator[None]:
    with clean_process():
        yield


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_an_example_of_a_page_runs(block: Block, tmp_path: Path) -> None:
    run(block, tmp_path)


def run(block: Block, root: Path) -> None:
    if block.kind == "module":
        run_module(block, root, "example_module")
        return
    graph, planned = run_program(block, root)
    assert len(planned.steps) == len(graph.goals)


WEB_APPS = [b for b in PYTHON if re.search(r"^from (fastapi|flask) ", b.text, re.MULTILINE)]


@pytest.mark.slow
@pytest.mark.parametrize("block", WEB_APPS, ids=str)
def test_a_web_app_of_a_page_answers(block: Block, environment_of: Callable[..., Path], bundle: Path,
                                     tmp_path: Path) -> None:
    write(tmp_path, "example.py", block.text)
    python = environment_of("fastapi", "python-multipart", "django", "flask")
    done = subprocess.run([python, ROOT / "tests/runtime/frameworks/run.py", "example:app"], text=True,
                          capture_output=True, check=True,
                          input=json.dumps(v2("/")) + "\n", cwd=tmp_path,
                          env={"PYTHONPATH": f"{bundle}:{tmp_path}",
                               "SST_RESOURCE_App": '{"name": "shop", "stage": "test"}'})
    assert json.loads(json.loads(done.stdout)["body"]) in ({"stage": "test"}, {"hello": "world"})


def public() -> Iterator[tuple[str, object]]:
    """Each public name, and the public methods of its class."""
    for home, names in ((sst, sst.__all__), (aws, aws.__all__)):
        for name in names:
            value = getattr(home, name)
            if inspect.isclass(value) and value.__module__.startswith("sst."):
                yield f"{home.__name__}.{name}", value
                for method, member in vars(value).items():
                    if not method.startswith("_") and (callable(member)
                                                       or isinstance(member, property | staticmethod | classmethod)):
                        yield f"{home.__name__}.{name}.{method}", getattr(member, "__func__", member)
            elif inspect.isfunction(value):
                yield f"{home.__name__}.{name}", value


DOCSTRINGS = [b for name, value in public() if (b := docstring_example(value, name))]


@pytest.mark.parametrize("block", DOCSTRINGS, ids=lambda b: b.page)
def test_an_example_of_a_docstring_runs(block: Block, tmp_path: Path) -> None:
    run(block, tmp_path)


DOCTESTS = [f for f in sorted((ROOT / "src/sst").rglob("*.py"))
            if re.search(r"^ *>>> ", f.read_text(encoding="utf-8"), re.MULTILINE)]


@pytest.mark.parametrize("file", DOCTESTS, ids=lambda f: f.stem)
def test_a_session_in_a_docstring_goes_as_shown(file: Path) -> None:
    name = file.relative_to(ROOT / "src").with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
    assert not doctest.testmod(import_module(name)).failed


def test_each_component_has_an_example() -> None:
    shown = {b.page for b in DOCSTRINGS}
    components = [c for c in (sst.Secret, sst.Linkable, sst.DevCommand, *(getattr(aws, n) for n in aws.__all__))
                  if _is_component(c)]
    assert not [c.kind for c in components if c.kind not in shown]


def _is_component(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, Component)


@pytest.mark.parametrize("block", [b for page in PAGES for b in blocks(page) if b.language in ("json", "toml")],
                         ids=str)
def test_data_of_a_page_is_well_formed(block: Block) -> None:
    {"json": json.loads, "toml": tomllib.loads}[block.language](block.text)
