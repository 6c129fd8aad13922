"""The project's own modules that a handler imports, found by reading, not by importing.

What is imported belongs into the bundle even where an ignore rule, a link out of the project or a name like `tests`
would keep it out: without it the function fails with `No module named …`, which `sst dev` would not show.
"""
from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError
from .project_files import ProjectFiles

__all__ = ["imported_modules", "refuse_unreachable", "unreachable"]

_NATIVE = (".so", ".pyd")


def imported_modules(handler: Path, roots: Sequence[Path], files: ProjectFiles) -> dict[str, Path]:
    """The modules of the project that the handler's file needs, itself included, by their names in the root that they
    are found in: ``{"src/api.py": …}``.

    ``roots`` are searched in order, as ``sys.path`` is. Literal names given to ``importlib.import_module`` count, and
    the name of Django's settings; imports for type checkers alone don't. A folder without ``__init__.py`` is a
    namespace package.
    """
    places = [str(r) for r in roots]
    home = next(r for r in places if str(handler).startswith(r + os.sep))
    found = {str(handler): str(handler)[len(home) + 1:]}
    todo = [(home, str(handler))]
    todo += _packages_above(home, str(handler), files)
    while todo:
        root, path = todo.pop()
        found.setdefault(path, path[len(root) + 1:])
        for place, module in _modules_of(root, path, places, files):
            if module not in found:
                found[module] = module[len(place) + 1:]
                todo.append((place, module))
    return {name.replace(os.sep, "/"): Path(path) for path, name in found.items()}


def unreachable(name: str, path: Path, installed: Callable[[str], bool]) -> bool:
    """Whether no import finds this file of the project: it lies in a folder without ``__init__.py``, and Python takes
    the installed package of that name instead, wherever in its path that stands. ``installed`` knows files."""
    top, *below = name.split("/")
    return (bool(below) and (installed(f"{top}/__init__.py") or installed(f"{top}.py"))
            and not (path.parents[len(below) - 1] / "__init__.py").is_file())


def refuse_unreachable(imported: Mapping[str, Path], installed: Callable[[str], bool]) -> None:
    """UserError for a module that is imported and that an installed package of its folder's name stands before."""
    for name, path in sorted(imported.items()):
        if not installed(name) and unreachable(name, path, installed):
            top = name.partition("/")[0]
            raise UserError(f'{name} can\'t be imported: Python takes the installed package "{top}" for its folder',
                            where=str(path), hint=f"rename the folder {top}; or, if nothing needs that package, give "
                                                  f"the folder an __init__.py")


def _packages_above(root: str, path: str, files: ProjectFiles) -> list[tuple[str, str]]:
    folder, above = os.path.dirname(path), []  # noqa: PTH120
    while len(folder) > len(root):
        if files.stat(f"{folder}/__init__.py"):
            above.append((root, f"{folder}/__init__.py"))
        folder = os.path.dirname(folder)  # noqa: PTH120
    return above


def _modules_of(root: str, path: str, roots: Sequence[str], files: ProjectFiles) -> list[tuple[str, str]]:
    """(root, file) of what a module imports."""
    found: list[tuple[str, str]] = []
    for name in files.derived("imports 2", path, _names) or () if path.endswith(".py") else ():
        bare = name.lstrip(".")
        if level := len(name) - len(bare):
            folder = str(Path(path).parents[min(level, len(Path(path).parents)) - 1])
            if len(folder) >= len(root):
                found += [(root, f) for f in _files_of(folder, bare, files)]
        else:
            for place in _homes(bare.partition(".")[0], roots, files):
                found += [(place, f) for f in _files_of(place, bare, files)]
    return found


def _homes(head: str, roots: Sequence[str], files: ProjectFiles) -> list[str]:
    """The roots that a top-level name is imported from: the first with such a module, or all with such a folder."""
    def look() -> list[str]:
        first = next((r for r in roots if _file_of(f"{r}/{head}", files)), None)
        return [first] if first else [r for r in roots if Path(f"{r}/{head}").is_dir()]

    return files.once(("homes", tuple(roots), head), look)


def _files_of(folder: str, name: str, files: ProjectFiles) -> Iterator[str]:
    """The files that are run to import a dotted name: each package's, then the module's."""
    for part in filter(None, name.split(".")):
        folder = f"{folder}/{part}"
        if file := _file_of(folder, files):
            yield file
            if not file.endswith("__init__.py"):
                return
        elif not files.stat(folder):
            return


def _file_of(path: str, files: ProjectFiles) -> str:
    for file in (f"{path}/__init__.py", f"{path}.py"):
        if files.stat(file):
            return file
    return files.once(("native", path), lambda: _native(path))


def _native(path: str) -> str:
    """A compiled module: ``fast.cpython-312-x86_64-linux-gnu.so``."""
    folder, stem = os.path.split(path)
    try:
        return next((f"{folder}/{n}" for n in sorted(os.listdir(folder)) if n.startswith(f"{stem}.")  # noqa: PTH208
                     and n.endswith(_NATIVE)), "")
    except OSError:
        return ""


def _names(content: bytes) -> list[str]:
    """What a file imports; relative names with their dots. ``from a import b`` may mean the module ``a.b``."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError):
        return []
    loads = {a.asname or a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module == "importlib"
             for a in n.names if a.name == "import_module"}
    return sorted(set(_imported(tree, loads)))


def _imported(node: ast.AST, loads: Collection[str]) -> Iterator[str]:
    """``loads`` are the names that ``importlib.import_module`` has in the file."""
    match node:
        case ast.Import(names=names):
            yield from (a.name for a in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            base = "." * level + (module or "")
            yield base
            joint = "" if base.endswith(".") or not base else "."
            yield from (f"{base}{joint}{a.name}" for a in names if a.name != "*")
        case ast.Call(func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(name)), *_]):
            yield from _dotted(name)
        case ast.Call(func=ast.Name(id=function), args=[ast.Constant(value=str(name)), *_]) if (
                function in loads or function == "__import__"):
            yield from _dotted(name)
        case ast.Call(args=[ast.Constant(value="DJANGO_SETTINGS_MODULE"), ast.Constant(value=str(name))]):
            yield from _dotted(name)
        case ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value="DJANGO_SETTINGS_MODULE"))],
                        value=ast.Constant(value=str(name))):
            yield from _dotted(name)
        case ast.If(test=test, orelse=other) if _is_type_checking(test):
            for statement in other:
                yield from _imported(statement, loads)
            return
    for inner in ast.iter_child_nodes(node):
        yield from _imported(inner, loads)


def _dotted(name: str) -> Iterator[str]:
    """A name that can be a module's. A relative one counts from the file's own package: `__package__` is the rule."""
    if re.fullmatch(r"[\w.-]*\w", name):
        yield name


def _is_type_checking(test: Any) -> bool:
    return getattr(test, "id", "") == "TYPE_CHECKING" or getattr(test, "attr", "") == "TYPE_CHECKING"
