"""The pages of the site: those of docs/, with the README as the first one, and the menu that names each of them."""
from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

__all__ = ["NAVIGATION", "Odd", "pages_of", "prepare"]

_LINK = re.compile(r"(\]\()([^)\s]+)(\))")
_FENCE = re.compile(r"(```.*?```|~~~.*?~~~|`[^`\n]+`)", re.DOTALL)

NAVIGATION: Mapping[str, tuple[str, ...]] = {
    "Start": ("index.md", "tour.md", "config.md", "resource.md", "testing.md", "glossary.md"),
    "Components": ("components/",),
    "On this machine": ("embedded_cloud.md", "dev.md", "dev_bridge.md", "dev_terminal.md", "console.md", "executor.md",
                        "platforms.md"),
    "Build": ("bundling.md", "web_frameworks.md", "django.md", "fastapi.md", "steps.md"),
    "AWS and other clouds": ("aws_resources.md", "aws_settings.md", "link_permissions.md", "deploy_permissions.md",
                             "providers.md", "any_provider.md", "cost.md"),
    "Commands": ("cli/",),
    "Inside": ("state.md", "reliability.md", "ARCHITECTURE.md", "strict_cloud.md", "smoke_aws.md", "benchmarks.md",
               "dependencies.md", "contributing.md"),
}
"""Title -> pages; a folder stands for all of its pages, README first."""


class Odd(Exception):
    """The site can't be built; the text says why."""


def pages_of(docs: Path) -> list[str]:
    return sorted(p.relative_to(docs).as_posix() for p in docs.rglob("*.md"))


def prepare(root: Path, to: Path) -> dict[str, list[str]]:
    """Copy the pages; the menu, with each page of a folder. What no menu names is under ``More``."""
    shutil.copytree(root / "docs", to)
    above = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md"}
    for source, name in above.items():
        text = (root / source).read_text(encoding="utf-8")
        (to / name).write_text(_linked(text, lambda target: above.get(target, target.removeprefix("docs/"))),
                               encoding="utf-8")
    for page in to.rglob("*.md"):
        if page.name not in above.values():
            here = page.relative_to(to)
            page.write_text(_linked(page.read_text(encoding="utf-8"), partial(_of_page, here=here)), encoding="utf-8")
    menu = {title: list(_named(to, pages)) for title, pages in NAVIGATION.items()}
    named = {name for pages in menu.values() for name in pages}
    left = [name for name in pages_of(to) if name not in named]
    return menu | ({"More": left} if left else {})


def _named(docs: Path, pages: tuple[str, ...]) -> Iterator[str]:
    for name in pages:
        found = sorted(docs.glob(f"{name}*.md")) if name.endswith("/") else [docs / name]
        if not found or not all(page.is_file() for page in found):
            raise Odd(f"the menu names {name}, which is not there")
        yield from (page.relative_to(docs).as_posix() for page in found)


def _linked(text: str, change: Callable[[str], str]) -> str:
    """The text with its links changed, those in code left alone; what only tests read after a fence's language goes."""
    parts = _FENCE.split(text)
    parts[1::2] = [re.sub(r"\A(```\w+)[^\n]*", r"\1", part) for part in parts[1::2]]
    parts[::2] = [_LINK.sub(lambda found: f"{found[1]}{change(found[2])}{found[3]}", part) for part in parts[::2]]
    return "".join(parts)


def _of_page(target: str, here: Path) -> str:
    up = "../" * len(here.parts)
    readme = f"{up}README.md"
    return f"{up[3:]}index.md{target.removeprefix(readme)}" if target.startswith(readme) else target
