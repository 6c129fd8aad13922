"""What comes of a build: files in a folder, what they were made from, or what is wrong."""
from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...build.resolution import settings_files
from ...executor import GONE, Stamp, stamp
from ...machine.files import replace_file

__all__ = ["complaint", "made_from", "write"]

_TICK = 10_000_000
"""Nanoseconds that a file system's clock may be late."""
_SHOWN = 5


def write(outputs: Iterable[Mapping[str, Any]]) -> bool:
    """Put the files in place, each at once; whether one of them is another than before.

    A source map counts: a process that holds the old one would tell wrong lines.
    """
    new = [(path, output["contents"]) for output in outputs
           if not _holds(path := Path(output["path"]), output["contents"])]
    for path, content in sorted(new, key=lambda n: n[0].suffix != ".map"):
        replace_file(path, content)
    return bool(new)


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except FileNotFoundError:
        return False


def made_from(metafile: str, base: Path, was: Mapping[Path, Stamp], began: int) -> dict[Path, Stamp]:
    """The files of the bundle, and those that decide how they are read, as they were when the build began
    (nanoseconds).

    ``was`` has what was looked at before. Of a new file that was saved later than that nobody knows which content was
    read: it gets `GONE`, which fits no file.
    """
    inputs = {Path(os.path.normpath(base / name)) for name in json.loads(metafile)["inputs"]}
    found = {}
    for path in inputs | set(settings_files(inputs, base)):
        now = was.get(path) or stamp(path)
        found[path] = now if path in was or max(now[:2]) < began - _TICK else GONE
    return found


def complaint(errors: list[Mapping[str, Any]]) -> str:
    """Each error with file:line:column (from 1, in characters) and the text of the line, indented."""
    lines = []
    for error in errors[:_SHOWN]:
        where = error.get("location")
        if not where:
            lines.append(f"  {error['text']}")
            continue
        text = where.get("lineText", "")
        column = len(text.encode()[:where["column"]].decode(errors="ignore")) + 1
        lines.append(f"  {where['file']}:{where['line']}:{column}: {error['text']}")
        lines += [f"    {text.strip()}"] if text.strip() else []
    return "\n".join(lines + ([f"  … and {len(errors) - _SHOWN} more"] if len(errors) > _SHOWN else []))
