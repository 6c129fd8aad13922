"""Which names of the emulator a file uses, read from its source."""
from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = "ministack"


def used_names(file: Path) -> set[str]:
    """``module:name`` of all that is imported, read, called or replaced, whatever the module is called there."""
    tree = ast.parse(file.read_text("utf-8"))
    modules: dict[str, str] = {}
    found: set[str] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or (node.module or "").split(".")[0] != PACKAGE:
            continue
        inside = (node.module or "").removeprefix(PACKAGE).lstrip(".")
        for alias in node.names:
            if inside in ("", "services", "core"):
                modules[alias.asname or alias.name] = f"{inside}.{alias.name}".lstrip(".")
            else:
                found.add(f"{inside}:{alias.name}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            found.add(f"{modules[node.value.id]}:{node.attr}")
    return found
