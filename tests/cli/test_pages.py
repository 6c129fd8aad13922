"""Each command has a page whose help is what the command prints. ``SST_ACCEPT=1`` writes the help into the pages."""
from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from sst.cli.root import COMMANDS, root

PAGES = Path(__file__).parents[2] / "docs" / "cli"


def help_of(command: click.Command, path: str) -> str:
    with click.Context(command, info_name=path, terminal_width=100, max_content_width=100) as ctx:
        return command.get_help(ctx)


def commands(name: str) -> Iterator[tuple[str, click.Command]]:
    found = getattr(import_module(f"sst.cli.commands.{name}"), name)
    yield f"sst {name}", found
    if isinstance(found, click.Group):
        for sub in found.commands.values():
            yield f"sst {name} {sub.name}", sub


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_of_a_command_shows_its_help(name: str) -> None:
    page = PAGES / f"{name}.md"
    block = "\n\n".join(help_of(c, path) for path, c in commands(name))
    # A group's help is followed by that of its sub-commands; the options that all share are told once, on the index
    # page.
    block = re.sub(r"\n+Global options:\n(?:  .*\n?)+", "\n", block + "\n").rstrip() + "\n"
    text = page.read_text() if page.exists() else f"# sst {name}\n\n```text\n```\n"
    wanted = re.sub(r"```text\n.*?```", lambda _: f"```text\n{block}```", text, count=1, flags=re.DOTALL)
    if os.environ.get("SST_ACCEPT"):
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(wanted)
    assert text == wanted or os.environ.get("SST_ACCEPT"), "SST_ACCEPT=1 writes the help into the page"


def test_the_index_shows_the_help_of_sst() -> None:
    page = PAGES / "README.md"
    wanted = f"```text\n{help_of(root, 'sst')}\n```"
    text = page.read_text() if page.exists() else "# The command line\n\n```text\n```\n"
    if os.environ.get("SST_ACCEPT"):
        page.write_text(re.sub(r"```text\n.*?```", lambda _: wanted, text, count=1, flags=re.DOTALL))
    assert wanted in page.read_text()
    for name in COMMANDS:
        assert f"({name}.md)" in page.read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_the_list_is_the_first_line_of_the_help(name: str) -> None:
    found = getattr(import_module(f"sst.cli.commands.{name}"), name)
    assert (found.help or "").strip().split("\n")[0].strip() == COMMANDS[name]


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("name", ["state", "local", "secret"])
def test_no_help_of_a_command_is_cut(name: str, width: int) -> None:
    for path, command in commands(name):
        with click.Context(command, info_name=path, terminal_width=width, max_content_width=width) as ctx:
            lines = command.get_help(ctx).splitlines()
        assert not [line for line in lines if line.endswith("...") and not line.startswith("Usage:")]
