"""Packages from the store of pnpm, Bun or Yarn, where they are found through links: laid out in folders, as npm would
do it, since a function's zip has no links."""
from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .output import read_json

__all__ = ["laid_out", "linked_packages", "nearest", "package_of", "stored", "unlinked"]

STORES = (".pnpm", ".bun", ".store")
_DECLARED = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")


def package_of(file: Path) -> Path | None:
    """The folder of the package that a file belongs to; None if it is the project's own."""
    parts = file.parts
    at = max((i for i, p in enumerate(parts) if p == "node_modules"), default=-1)
    if at < 0:
        return None
    return Path(*parts[:at + (3 if parts[at + 1].startswith("@") else 2)])


def nearest(folder: Path, name: str) -> Path | None:
    """Where a package is that is imported from a folder; of a link, where it leads."""
    found = next((p for at in (folder, *folder.parents) if (p := at / "node_modules" / name).is_dir()), None)
    return found.resolve() if found and found.is_symlink() else found


def linked_packages(folder: Path) -> set[Path]:
    """The folders of packages of the same repository that one uses, and that these use: they are found through links
    that lead out of ``node_modules``."""
    found, waiting = set[Path](), [folder]
    while waiting:
        at = waiting.pop()
        own = read_json(at / "package.json")
        for name in {n for k in _DECLARED for n in own.get(k) or {}}:
            package = nearest(at, name)
            if package and not package_of(package) and package != folder and package not in found:
                found.add(package)
                waiting.append(package)
    return found


def stored(files: Iterable[Path]) -> bool:
    """Whether any of them is in a store."""
    return any(store in f.parts for f in files for store in STORES)


def unlinked(folder: Path) -> dict[str, Path] | None:
    """The files of a folder that holds a store, as OpenNext copies it, by the path that they get below it without the
    store's links; None if it holds none."""
    bases, stores = list[Path](), False
    files, packages = dict[str, Path](), dict[Path, list[Path]]()
    for at, folders, names in os.walk(folder):
        here = Path(at)
        stores = stores or here.name in STORES
        if "node_modules" in folders and not package_of(here):
            bases.append(here)
        for file in (p for n in names if (p := here / n).is_file()):
            if root := package_of(file):
                packages.setdefault(root, []).append(file)
            else:
                files[file.relative_to(folder).as_posix()] = file
    if not stores:
        return None
    found = {nearest(base, name) for base in bases for name in _installed(base)}
    for member in (m for m in found if m and not package_of(m) and m.is_relative_to(folder)):
        packages[member] = [f for f in files.values() if f.is_relative_to(member)]
    for base in bases:
        prefix = "" if base == folder else f"{base.relative_to(folder).as_posix()}/"
        files |= {f"{prefix}{name}": path for name, path in laid_out(base, packages).items()}
    return files


def laid_out(base: Path, packages: Mapping[Path, Iterable[Path]]) -> dict[str, Path]:
    """The files of packages by the path that they get below ``base``. ``packages`` has their folders, without links.

    A package lies in ``node_modules`` of ``base`` if no other version does, else in that of the one that wants it.
    """
    places: dict[str, Path] = {}
    waiting = deque([("", base)])
    while waiting:
        at, root = waiting.popleft()
        for name, found in _wanted(root, whole=root == base):
            if found not in packages:
                continue
            held = _held(places, at, name)
            if held == found:
                continue
            place = f"node_modules/{name}" if held is None else f"{at}/node_modules/{name}".lstrip("/")
            places[place] = found
            waiting.append((place, found))
    for root in sorted(packages.keys() - {*places.values()}):   # what is imported without being declared
        places.setdefault(f"node_modules/{_name(root)}", root)
    return {f"{place}/{f.relative_to(root).as_posix()}": f for place, root in places.items() for f in packages[root]}


def _wanted(root: Path, *, whole: bool) -> Iterator[tuple[str, Path]]:
    """The names by which a package finds others: those that it declares, or all that there are."""
    own: Mapping[str, Any] = read_json(root / "package.json")
    names = {n for k in _DECLARED if k != "devDependencies" for n in own.get(k) or {}}
    for name in sorted(names | ({*_installed(root)} if whole else set())):
        if found := nearest(root, name):
            yield name, found


def _installed(base: Path) -> Iterator[str]:
    for folder in (f / "node_modules" for f in (base, *base.parents)):
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.name.startswith("@"):
                yield from (f"{path.name}/{p.name}" for p in path.iterdir())
            elif not path.name.startswith("."):
                yield path.name


def _held(places: Mapping[str, Path], at: str, name: str) -> Path | None:
    """What a package at a place finds by a name."""
    while True:
        if found := places.get(f"{at}/node_modules/{name}".lstrip("/")):
            return found
        if not at:
            return None
        at = at.rpartition("node_modules/")[0].rstrip("/")


def _name(root: Path) -> str:
    scope = root.parent.name
    return f"{scope}/{root.name}" if scope.startswith("@") else root.name
