"""The manual of this version: the pages below ``docs``, which the wheel brings along."""
from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import sst

__all__ = ["Page", "Section", "find_sections", "pages"]

_HEADING = re.compile(r"^(#{1,3}) (.+)$")


@dataclass(frozen=True)
class Section:
    page: str
    heading: str
    text: str
    """With its heading."""


@dataclass(frozen=True)
class Page:
    name: str
    """Below ``docs``: ``cli/deploy.md``."""
    title: str
    sections: tuple[Section, ...]


@cache
def pages() -> tuple[Page, ...]:
    package = Path(sst.__file__).parent
    folder = package / "manual"
    if not folder.is_dir():  # a checkout
        folder = package.parents[1] / "docs"
    return tuple(_page(file.relative_to(folder).as_posix(), file.read_text(encoding="utf-8"))
                 for file in sorted(folder.rglob("*.md")))


def find_sections(words: str) -> list[Section]:
    """Those that have all the words, the best first: what stands in headings and page names counts more."""
    wanted = [w for w in re.findall(r"[\w.-]+", words.lower()) if w]
    scored: list[tuple[float, Section]] = []
    for page in pages():
        for section in page.sections:
            head, text = f"{section.heading} {page.name} {page.title}".lower(), section.text.lower()
            if wanted and all(w in text or w in head for w in wanted):
                score = sum(20 * head.count(w) + min(10, text.count(w)) for w in wanted)
                scored.append((score / (1 + len(text) / 20_000), section))
    return [section for _, section in sorted(scored, key=lambda found: -found[0])]


def _page(name: str, text: str) -> Page:
    sections: list[Section] = []
    heading, lines, code = "", list[str](), False
    for line in [*text.split("\n"), "# "]:
        code ^= line.startswith("```")
        found = None if code else _HEADING.match(line)
        if found or line == "# ":
            if any(part.strip() for part in lines):
                sections.append(Section(name, heading, "\n".join(lines).strip() + "\n"))
            heading, lines = found[2] if found else "", []
        lines.append(line)
    return Page(name, sections[0].heading if sections else name, tuple(sections))
