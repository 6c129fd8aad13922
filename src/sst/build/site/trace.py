"""Which files of ``node_modules``, and of the site itself, a server reaches. The server itself is never bundled again:
that would break what its framework relies upon, such as modules that wait for each other."""
from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import UserError
from ..esbuild import esbuild
from ..resolution import bundled_files
from ..uv import lines_that_matter
from .output import read_json

__all__ = ["needed_packages"]

_SMALL = 2 * 1024 * 1024
"""Bytes of a package that is taken whole; of larger ones, the files that are reached."""
_USELESS = re.compile(r"\.(map|md|markdown|flow|tsx?|[cm]ts)$|(^|/)(tests?|__tests__|\.github)/", re.IGNORECASE)
_LICENCE = re.compile(r"(^|/)(licen[cs]e|notice|copying)", re.IGNORECASE)
_MISSING = re.compile(r'Could not resolve "([^"]+)"')
_LOADERS = ("css", "html", "svg", "png", "jpg", "woff", "woff2", "ttf", "node", "wasm", "txt", "md", "node_modules")


def needed_packages(site: Path, module: str, install: Iterable[str], note: Callable[[str], None]) -> dict[str, Path]:
    """The files of packages and of the site that ``module``, a text in the folder ``site``, needs: path relative to
    ``site`` → file. ``install`` names packages that are taken whole, with what they depend on.

    Packages with compiled code are taken whole too. Raises ``UserError`` for one that is not installed.
    """
    files = {Path(p) for p in _reached(site, module, note)}
    roots = {root for f in files if (root := _package_of(f))}
    whole = {r for r in roots if _is_compiled(r)} | {_found(site, name) for name in install}
    for root in list(whole):
        whole |= _closure(root)
    for root in roots | whole:
        everything = [p for p in _files(root) if not _USELESS.search(p.relative_to(root).as_posix())]
        if root in whole or sum(p.stat().st_size for p in everything) <= _SMALL:
            files |= set(everything)
        files |= {p for p in root.iterdir() if p.is_file() and (p.name == "package.json" or _LICENCE.search(p.name))}
    kept = {f for f in files if _package_of(f) or f.is_relative_to(site)}
    if odd := next((f for f in kept if ".pnpm" in f.parts or ".yarn" in f.parts), None):
        raise UserError(f"the packages are links to a store ({odd.parts[odd.parts.index('node_modules') + 1]})",
                        hint="write node-linker=hoisted into .npmrc and install again: a function's zip has no links")
    return {os.path.relpath(f, site): f for f in kept}


def _reached(site: Path, module: str, note: Callable[[str], None]) -> Iterable[str]:
    """The files that esbuild reaches from a module. What is not installed may be optional: it is left out."""
    program, outside = esbuild(note), set[str]()
    note("looking for the packages that the server needs")
    with tempfile.TemporaryDirectory(prefix="sst-trace-") as folder:
        meta = Path(folder) / "meta.json"
        for _ in range(20):
            command = [str(program), "--bundle", "--platform=node", "--format=esm", "--log-level=error",
                       "--color=false", "--log-limit=0", f"--metafile={meta}", f"--outdir={folder}/out",
                       "--conditions=module-sync", *(f"--loader:.{end}=empty" for end in _LOADERS),
                       *(f"--external:{name}" for name in outside)]
            done = subprocess.run(command, cwd=site, input=module, capture_output=True, text=True, errors="replace",
                                  env={k: v for k, v in os.environ.items() if k != "NODE_PATH"})
            if not done.returncode:
                return bundled_files(json.loads(meta.read_bytes()), site).values()
            new = set(_MISSING.findall(done.stderr)) - outside
            if not new or any(n.startswith(".") for n in new):
                break
            outside |= new
    raise UserError(f"the server can't be read\n{lines_that_matter(done.stderr, 25)}")


def _package_of(file: Path) -> Path | None:
    """The folder of the package that a file belongs to; None if it is the project's own."""
    parts = file.parts
    at = max((i for i, p in enumerate(parts) if p == "node_modules"), default=-1)
    if at < 0:
        return None
    return Path(*parts[:at + (3 if parts[at + 1].startswith("@") else 2)])


def _is_compiled(root: Path) -> bool:
    own = read_json(root / "package.json")
    return bool(own.get("gypfile") or own.get("binary") or own.get("os") or own.get("cpu")
                or any("-linux-" in n or "-darwin-" in n for n in own.get("optionalDependencies", {}))
                or next(root.glob("*.node"), None) or next(root.glob("prebuilds/*/*.node"), None))


def _closure(root: Path) -> set[Path]:
    """The packages that one depends on, as Node would find them from there."""
    seen: set[Path] = set()
    waiting = [root]
    while waiting:
        at = waiting.pop()
        own: Mapping[str, Any] = read_json(at / "package.json")
        for name in {**own.get("dependencies", {}), **own.get("optionalDependencies", {})}:
            found = _nearest(at, name)
            if found and found not in seen:
                seen.add(found)
                waiting.append(found)
    return seen


def _found(site: Path, name: str) -> Path:
    if found := _nearest(site, name):
        return found
    raise UserError(f"the package {name!r} of install= is not installed", hint=f"npm install {name}")


def _nearest(folder: Path, name: str) -> Path | None:
    return next((p for at in (folder, *folder.parents) if (p := at / "node_modules" / name).is_dir()), None)


def _files(root: Path) -> Iterator[Path]:
    for at, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f != "node_modules"]
        yield from (Path(at, n) for n in names)
