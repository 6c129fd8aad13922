"""Is the handler there? Answered by reading its file, before anything is built or deployed."""
from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..errors import UserError
from .project_files import ProjectFiles

__all__ = ["check_python"]


def check_python(file: Path, attribute: str, *, shown: str, version: str, files: ProjectFiles) -> None:
    """UserError if the file has a syntax error or does not define the attribute at its top level; ``*`` is the file
    itself.

    ``shown`` is the file's name in messages, ``version`` the function's Python; syntax newer than ours is not judged.
    """
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    found = files.derived(f"names-{running}", str(file), _look)
    if found is None:
        raise UserError(f"The handler's file can't be read: {shown}")
    if "error" in found:
        major, _, minor = version.partition(".")
        if (int(major), int(minor or 0)) > sys.version_info[:2]:
            return
        message, line = found["error"]
        raise UserError(f"Syntax error in the handler's file: {message}", where=f"{shown}:{line}")
    names = found["names"]
    if attribute in names or attribute == "*" or "*" in names or "__getattr__" in names:
        return
    close = get_close_matches(attribute, names, 1)
    hint = f'did you mean "{close[0]}"?' if close else \
        "it defines " + (", ".join(sorted(n for n in names if not n.startswith("_"))[:8]) or "nothing")
    if attribute == "py":
        hint = f"a handler is the file without .py, a dot and the function; {hint}"
    raise UserError(f'There is no "{attribute}" in {shown}', where=f"{shown}:1", hint=hint)


def _look(content: bytes) -> dict[str, Any]:
    try:
        return {"names": sorted(set(_names(ast.parse(content).body)))}
    except (SyntaxError, ValueError) as e:
        return {"error": [getattr(e, "msg", str(e)), getattr(e, "lineno", None) or 1]}


def _names(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Names bound at module level, also inside if, try, with and loops."""
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                yield from (a.asname or a.name.partition(".")[0] for a in aliases)
            case _:
                blocks = [getattr(node, part, []) for part in ("body", "orelse", "finalbody")]
                blocks += [h.body for h in getattr(node, "handlers", [])] + [c.body for c in getattr(node, "cases", [])]
                for block in blocks:
                    yield from _names(block)
                yield from (n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
