"""The pages of components say what the code says: arguments, types, defaults, transform keys, links, resources.

``SST_ACCEPT=1`` writes types and defaults into the tables, and the page of link permissions.
"""
from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import sst
from sst import aws
from sst.aws.function import Function, FunctionArgs
from sst.aws.permissions import granted
from sst.clouds.aws import dynamodb, events, lambda_, rds, s3, sesv2, sns, sqs
from sst.clouds.aws.columns import Grant
from sst.core.component import Component
from sst.core.link import Linkable

from .examples import ROOT, blocks, clean_process, run_program
from .signatures import FOLDER, PAGES, Table, options, tables, written

ACCEPT = os.environ.get("SST_ACCEPT") == "1"
EMPTY = re.compile(r"^\| `[^`]+` \|.*\| +\|$", re.MULTILINE)
BY_NAME = {page.name: page for page in PAGES}


@pytest.fixture(autouse=True)
def _process() -> Iterator[None]:
    with clean_process():
        yield


def agree(path: Path, wanted: list[Table]) -> None:
    text = path.read_text(encoding="utf-8")
    made = text
    for table in wanted:
        made = written(made, table)
    if ACCEPT:
        path.write_text(made, encoding="utf-8")
    else:
        assert text == made, "SST_ACCEPT=1 writes the tables"


@pytest.mark.parametrize("name", BY_NAME)
def test_a_page_has_each_argument_as_it_is(name: str) -> None:
    agree(BY_NAME[name].path, list(tables(BY_NAME[name])))


def test_the_index_has_the_options_of_all_components() -> None:
    agree(FOLDER / "README.md", [options()])


@pytest.mark.parametrize("name", BY_NAME)
def test_a_page_has_no_section_of_something_that_is_not_there(name: str) -> None:
    page = BY_NAME[name]
    known = {t.heading.removeprefix("### ").strip("`") for t in tables(page)} | set(dir(page.component))
    said = re.findall(r"^### `(\w+)`$", page.path.read_text(), re.MULTILINE)
    assert len(said) == len(set(said)) and set(said) <= known
    methods = {n for n, m in vars(page.component).items() if not n.startswith("_")
               and callable(getattr(m, "__func__", m))} \
        if inspect.isclass(page.component) else set()
    assert methods - {"dev_parts", "link"} <= set(said)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_page_has_its_sections(name: str) -> None:
    text = BY_NAME[name].path.read_text()
    for heading in ("## Arguments", "## What it creates", "## On stage `local`", "## Differences to SST"):
        assert f"\n{heading}\n" in text


@pytest.mark.parametrize("name", BY_NAME)
def test_a_page_says_what_its_first_example_creates_and_links(name: str, tmp_path: Path) -> None:
    page = BY_NAME[name]
    text = page.path.read_text()
    graph, _ = run_program(blocks(page.path, "python")[0], tmp_path)
    mine = [c for c in graph.components.values() if type(c) is page.component
            and not c.logical_name.startswith("Given")]
    for one in mine:
        for goal in graph.goals.values():
            if goal.parent == one.urn:
                assert f"`{goal.type}`" in text.partition("## What it creates")[2]
        if isinstance(one, Linkable) and name != "linkable":
            section = text.partition("\n## Link\n")[2].partition("\n## ")[0]
            assert set(one.link().properties) <= set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE))
            assert ("Allows" in section) == bool(granted([one.link()]))


def test_every_component_has_a_page_and_a_line_on_the_index() -> None:
    wanted = {*(getattr(aws, n) for n in aws.__all__ if n not in ("Provider", "account_id", "permission")),
              *(v for n in sst.__all__ if _is_component(v := getattr(sst, n)))} - {Component}
    assert {page.component for page in PAGES} == wanted
    index = (FOLDER / "README.md").read_text()
    assert all(f"({page.name}.md)" in index for page in PAGES)
    assert {p.stem for p in FOLDER.glob("*.md")} == {"README", *BY_NAME}


def _is_component(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, Component)


def test_the_arguments_of_a_handler_are_those_of_a_function() -> None:
    parameters = dict(inspect.signature(Function.__init__).parameters)
    own = {n: p.annotation.removesuffix(" | None") for n,
           p in parameters.items() if n not in ("self", "logical_name", "options")}
    assert {k: a.__forward_arg__ for k, a in FunctionArgs.__annotations__.items()} == own
    assert get_type_hints(FunctionArgs)


LINKED = {"Bucket": s3.Bucket.actions, "Dynamo": dynamodb.Table.actions, "Queue": sqs.Queue.actions,
          "SnsTopic": sns.Topic.actions, "Bus": events.EventBus.actions, "Email": sesv2.EmailIdentity.actions,
          "Function": lambda_.Function.actions, "Aurora": rds.HttpEndpoint.actions}


def permissions_page() -> str:
    rows = []
    for component, accesses in LINKED.items():
        rows += [f"## {component}", "", "| access | actions | on |", "|---|---|---|"]
        for access, grants in accesses.items():
            shown = f"`{access}`" + (" (default)" if access == "read-write" else "")
            rows += [f"| {shown if g is grants[0] else ''} | {', '.join(f'`{a}`' for a in g.actions)} | {_on(g)} |"
                     for g in grants]
        rows.append("")
    return "\n".join(rows).rstrip() + "\n"


def _on(grant: Grant) -> str:
    return ", ".join(f"`arn{part}`" if part else "`arn`" for part in grant.on)


def test_the_page_of_link_permissions_is_the_table() -> None:
    path = ROOT / "docs/link_permissions.md"
    head, mark, _ = path.read_text(encoding="utf-8").partition("<!-- from the actions of rows in src/sst/clouds/aws "
                                                               "-->\n")
    assert mark
    wanted = f"{head}{mark}\n{permissions_page()}"
    if ACCEPT:
        path.write_text(wanted, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == wanted, "SST_ACCEPT=1 writes the page"


def local_table() -> str:
    """What each component is on stage ``local``: the first sentence that its page says of it."""
    rows = ["| component | on stage `local` |", "|---|---|"]
    for page in sorted(PAGES, key=lambda p: p.name):
        title, section = (re.search(pattern, page.path.read_text(encoding="utf-8"), re.M | re.S)
                          for pattern in (r"^# (.+?)$", r"^## On stage `local`\n\n(.+?)(?=\n\n|\Z)"))
        assert title and section, page.name
        sentence = re.split(r"(?<=[.:]) (?=[A-Z`])", " ".join(section[1].split()))[0]
        said = re.sub(r"\]\((?!http)", "](components/", sentence).replace("components/../", "")
        said = said.replace("components/#", f"components/{page.name}.md#")
        rows.append(f"| [{title[1]}](components/{page.name}.md) | {said} |")
    return "\n".join(rows) + "\n"


def test_the_page_of_the_embedded_cloud_says_what_each_component_is_there() -> None:
    path = ROOT / "docs/embedded_cloud.md"
    head, mark, rest = path.read_text(encoding="utf-8").partition("<!-- from the pages of components -->\n\n")
    assert mark
    tail = rest[rest.index("\n## "):]
    wanted = f"{head}{mark}{local_table()}{tail}"
    if ACCEPT:
        path.write_text(wanted, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == wanted, "SST_ACCEPT=1 writes the table"


def test_each_cell_says_something() -> None:
    """Of the arguments of a component; a type may say all that is to be said of the rest."""
    for page in PAGES:
        section = page.path.read_text().partition("\n## Arguments\n")[2].partition("\n### ")[0].partition("\n## ")[0]
        silent = [m for m in EMPTY.findall(section) if "](" not in m and '`, `"' not in m]
        assert not silent, page.name


