"""The examples in docs/config.md and docs/cli run as they stand."""
from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sst.core.graph import Graph
from sst.project.app import App
from sst.project.config import Config
from sst.project.dotenv import parse
from sst.project.project import open_project

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.parametrize("text", blocks("config.md", "python"))
def test_the_programs_of_the_config_page(tmp_path: Path, text: str) -> None:
    (tmp_path / "sst_config.py").write_text(text)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/api.py").write_text("def handler(event, context): ...\n")
    project = open_project(tmp_path / "sst_config.py", stage="local", environ={})
    graph: Graph = project.graph()
    app: App = project.declare(graph)
    assert list(app.outputs) == ["url"] and any(g.type == "aws.lambda.Function" for g in graph.goals.values())


def test_every_option_of_the_config_is_on_its_page() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", (DOCS / "config.md").read_text(), re.MULTILINE)
    assert rows == list(Config.__dataclass_fields__)


def test_the_env_file_of_the_page() -> None:
    (text,) = blocks("cli/README.md", "sh")
    assert parse(text) == {"API_HOST": "example.com", "GREETING": "two\nlines", "PASSWORD": "as $it is"}
