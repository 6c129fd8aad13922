"""What all pages have in common: links lead somewhere, each public name is explained, nothing names one machine, prose
is wrapped."""
from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import sst
from sst import aws
from sst.cli.root import root

from .examples import PAGES, ROOT, blocks

NAMES = [p.relative_to(ROOT).as_posix() for p in PAGES]
FOREIGN = re.compile(r"(pypi|npmjs|hosted|crates)\.\w|/(home|users|root|work)/\w|/tmp/pytest", re.IGNORECASE)


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {slug(h) for h in re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)}


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", target):
            continue
        file, _, anchor = target.partition("#")
        at = (page.parent / file).resolve() if file else page
        assert at.exists(), target
        assert not anchor or anchor in anchors(at), target


@pytest.mark.parametrize("name", NAMES)
def test_a_page_names_no_registry_and_no_machine(name: str) -> None:
    assert not FOREIGN.findall((ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("docs/")])
def test_a_page_is_reached_from_the_readme(name: str) -> None:
    seen, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen or page.suffix != ".md" or not page.is_file():
            continue
        seen.add(page)
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            at = (page.parent / target).resolve()
            todo += sorted(at.glob("*.md")) if at.is_dir() else [at]
    assert ROOT / name in seen


@pytest.mark.parametrize("name", [*(f"sst.{n}" for n in sst.__all__ if n != "aws"), *(f"aws.{n}" for n in aws.__all__)])
def test_a_public_name_is_explained(name: str) -> None:
    """In words or in an example, somewhere a user looks."""
    pages = [p for p in PAGES if "cli" not in p.parts]
    bare = name.partition(".")[2]
    other = rf"|^# {bare}\b|import {bare}\b" if name.startswith("sst.") else ""
    wanted = re.compile(rf"{re.escape(name)}\b{other}", re.MULTILINE)
    assert any(wanted.search(p.read_text(encoding="utf-8")) for p in pages)


def test_each_dependency_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(d for extra in project["optional-dependencies"].values() for d in extra)]
    text = (ROOT / "docs/dependencies.md").read_text()
    assert re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE) == [re.split(r"[<>=[]", d)[0] for d in wanted]


def command_lines(page: Path) -> Iterator[str]:
    """Each ``sst ...`` that a page tells its reader to type."""
    text = page.read_text(encoding="utf-8")
    for block in blocks(page):
        if block.language in ("sh", "console"):
            yield from re.findall(r"^(?:\$ )?(sst .*)$", block.text, re.MULTILINE)
    yield from re.findall(r"`(sst [a-z][^`]*)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("name", NAMES)
def test_each_command_line_is_understood(name: str) -> None:
    for line in command_lines(ROOT / name):
        words = shlex.split(re.split(r" [|<>] | \$", line)[0], comments=True)[1:]
        words = words[: words.index("--")] if "--" in words else words
        found: click.Command = root
        while words and isinstance(found, click.Group):
            inner = found.get_command(click.Context(found), word := words.pop(0))
            assert inner is not None, f"{line}: there is no command {word}"
            found = inner
        flags = {f for p in found.params for f in p.opts} | {"--help", "-h"}
        assert not [w for w in words if w.startswith("-") and len(w) > 1 and w not in flags], line


@pytest.mark.parametrize("name", NAMES)
def test_prose_is_wrapped(name: str) -> None:
    """At 120 columns. Code blocks, tables and lines that are one link may be longer."""
    text = re.sub(r"^```.*?^```", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    long = [line for line in text.split("\n") if len(line) > 120 and not line.startswith(("|", "    ", "<!--"))]
    assert not [line for line in long if " " in line.strip()]


def test_each_term_of_the_glossary_is_used() -> None:
    glossary = ROOT / "docs/glossary.md"
    terms = [t.strip() for row in re.findall(r"^\| ([^|]+) \|", glossary.read_text(), re.MULTILINE)
             for t in row.split(",") if row not in ("term",) and not row.startswith("---")]
    sources = [p for p in PAGES if p != glossary] + sorted((ROOT / "src/sst").rglob("*.py"))
    text = "\n".join(" ".join(p.read_text(encoding="utf-8").lower().split()) for p in sources)
    assert len(terms) > 30
    assert not [t for t in terms if t.lower() not in text]
