"""Tracebacks as the developer reads them: own frames with their code, those of frameworks folded into one line each."""
from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .colors import Colors

__all__ = ["Tracebacks"]

_START = "Traceback (most recent call last)"
_FRAME = re.compile(r'^(?P<indent>[ |+-]*)File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>.*)$')
_NODE = re.compile(r"^(?P<indent> +)at (?:(?P<name>.*) "
                   r"\()?(?:file://)?(?P<file>(?:/|node:)[^()]*?):(?P<line>\d+)(?::\d+)?\)?$")
_FOREIGN = ("/site-packages/", "/dist-packages/", "/.sst/", "/node_modules/", "/lib/python", "/sst/runtime/", "<frozen",
            "node:")


@dataclass(frozen=True, slots=True)
class _Frame:
    indent: str
    file: str
    line: str
    name: str
    code: tuple[str, ...]


class Tracebacks:
    """``root`` is the project's folder: paths are relative to it."""

    def __init__(self, root: Path, colors: Colors) -> None:
        self._root, self._colors = f"{root}/", colors

    def has_frames(self, text: str) -> bool:
        return any(_FRAME.match(line) or _NODE.match(line) for line in text.split("\n"))

    def lines(self, text: str, *, full: bool = False) -> Iterator[str]:
        """The text with its frames made readable. ``full`` shows those of frameworks too."""
        folded: list[_Frame] = []
        for part in _parts(text):
            if isinstance(part, _Frame) and not full and not self.is_own(part.file):
                folded.append(part)
                continue
            yield from self._fold(folded)
            folded = []
            if isinstance(part, _Frame):
                yield from self._frame(part)
            elif _START not in part:
                yield self._colors(part, "dim") if _between(part) else part
        yield from self._fold(folded)

    def is_own(self, file: str) -> bool:
        """Whether it is the user's, not of a dependency, of Python or of ours."""
        return not any(part in file for part in _FOREIGN)

    def _frame(self, frame: _Frame) -> Iterator[str]:
        own = self.is_own(frame.file)
        place = f"{self.shown(frame.file)}:{frame.line}"
        inside = self._colors(f"in {frame.name}", "dim") if frame.name else ""
        yield f"{frame.indent}{place if own else self._colors(place, 'dim')} {inside}".rstrip()
        if own:
            yield from (f"{frame.indent}  {line.strip()}" for line in frame.code)

    def _fold(self, frames: list[_Frame]) -> Iterator[str]:
        if frames:
            packages = dict.fromkeys(filter(None, map(_package, (f.file for f in frames))))
            of = f" of {', '.join(packages)}" if packages else ""
            count = f"{len(frames)} frame{'s' * (len(frames) != 1)}"
            yield self._colors(f"{frames[0].indent}… {count}{of}", "dim")

    def shown(self, file: str) -> str:
        return file.removeprefix(self._root)


def _parts(text: str) -> Iterator[_Frame | str]:
    lines = text.rstrip("\n").split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if found := _FRAME.match(line):
            code = []
            depth = len(found["indent"])
            while at < len(lines) and _is_code(lines[at], depth):
                if stripped := lines[at].strip(" |^~"):
                    code.append(stripped)
                at += 1
            yield _Frame(found["indent"].replace("+-", "  "), found["file"], found["line"], found["name"], tuple(code))
        elif found := _NODE.match(line):
            yield _Frame(found["indent"], found["file"], found["line"], found["name"] or "", ())
        else:
            yield line


def _is_code(line: str, depth: int) -> bool:
    """A line of code below a frame stands two columns further in."""
    return len(line) > depth + 2 and not line[: depth + 2].strip(" |") and line[depth: depth + 2] == "  " \
        and not _FRAME.match(line)


def _between(line: str) -> bool:
    return line.strip(" |").startswith(("The above exception was", "During handling of the above"))


def _package(file: str) -> str:
    for folder in ("/site-packages/", "/dist-packages/", "/node_modules/"):
        if folder in file:
            return file.rpartition(folder)[2].split("/")[0].removesuffix(".py")
    if "/.sst/" in file:
        inside = file.rpartition("/.sst/")[2].split("/")
        return "" if len(inside) < 4 else inside[3].removesuffix(".py")
    return ""
