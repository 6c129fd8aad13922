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
from .flat import laid_out, nearest, package_of, stored
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
    roots = {root for f in files if (root := package_of(f))}
    whole = {r for r in roots if _is_compiled(r)} | {_found(site, name) for name in install}
    for root in list(whole):
        whole |= _closure(root)
    for root in roots | whole:
        everything = [p for p in _files(root) if not _USELESS.search(p.relative_to(root).as_posix())]
        if root in whole or sum(p.stat().st_size for p in everything) <= _SMALL:
            files |= set(everything)
        files |= {p for p in root.iterdir() if p.is_file() and (p.name == "package.json" or _LICENCE.search(p.name))}
    if odd := next((f for f in files if ".yarn" in f.parts), None):
        raise UserError(f"the packages are in archives of Yarn ({odd.name})",
                        hint="write nodeLinker: node-modules into .yarnrc.yml and install again")
    own = {f for f in files if not package_of(f) and f.is_relative_to(site)}
    packages: dict[Path, list[Path]] = {}
    for file in sorted(files - own):
        if root := package_of(file) or _member(file, site):
            packages.setdefault(root, []).append(file)
    members = {r for r in packages if not package_of(r)}
    for root in members:
        packages[root].append(root / "package.json")
    if not members and not stored(packages):
        return {os.path.relpath(f, site): f for f in own | {f for found in packages.values() for f in found}}
    return {**{f.relative_to(site).as_posix(): f for f in own}, **laid_out(site, packages)}


def _member(file: Path, site: Path) -> Path | None:
    """The folder of a package of the same repository, which the site finds through a link."""
    for folder in file.parents:
        if name := read_json(folder / "package.json").get("name"):
            return folder if nearest(site, str(name)) == folder else None
    return None


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
            found = nearest(at, name)
            if found and found not in seen:
                seen.add(found)
                waiting.append(found)
    return seen


def _found(site: Path, name: str) -> Path:
    if found := nearest(site, name):
        return found
    raise UserError(f"the package {name!r} of install= is not installed", hint=f"npm install {name}")


def _files(root: Path) -> Iterator[Path]:
    for at, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f != "node_modules"]
        yield from (Path(at, n) for n in names)
