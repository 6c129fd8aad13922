"""What a Node bundle was made from, and what decides how its imports are resolved: if none of it has changed, another
run of esbuild would make the same bundle.

Decisive are the files that esbuild read (its metafile says which), the package.json and tsconfig.json files above them,
and the names in the folders where an import was or could have been found. A name that appears there may win over the
one that was found.
"""
from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from ..records import dataclass
from .project_files import ProjectFiles

__all__ = ["Resolution", "bundled_files", "resolution", "settings_files"]

_SETTINGS = ("package.json", "tsconfig.json", "jsconfig.json", ".pnp.cjs", ".pnp.js", ".pnp.data.json")
_NO_MODULES = (".log", ".out", ".tmp", ".swp", "~", ".pid", ".lock", ".md", ".sqlite3", "-wal", "-shm", "-journal")
_CODE = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs")
_TRIED = re.compile(r"""\b(?:require|import)\s*\(\s*['"`](\.{1,2}/[^'"`$\n]*)""")
"""What may be imported: of one in a ``try`` that is not there, the metafile says nothing."""
_EXTENDS = re.compile(r'"extends"\s*:\s*(\[[^\]]*\]|"[^"]*")')
_COMMENTS = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.S)


@dataclass(slots=True)
class Resolution:
    """Contents of files and names in folders, as hashes. "" stands for what is not there."""

    files: dict[str, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    stamps: dict[str, list[int]] = field(default_factory=dict)
    """Of the folders, so that an unchanged one need not be listed."""

    def holds(self, now: ProjectFiles) -> bool:
        """Whether all of it is still so."""
        for path, digest in self.files.items():
            if now.digest(path) != digest:
                return False
        for path, names in self.folders.items():
            at = now.stamp(path)
            if (at is None or list(at) != self.stamps.get(path)) and now.folder(path, _counts) != names:
                return False
        return True

    def newest(self, now: ProjectFiles) -> int:
        """When the last one of them was changed: nanoseconds since 1970."""
        found = [at for path in (*self.files, *self.folders) if (at := now.stamp(path))]
        return max((max(at[0], at[1]) for at in found), default=0)

    def to_dict(self) -> dict[str, Any]:
        return {"files": self.files, "folders": self.folders, "stamps": self.stamps}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Resolution:
        return cls(dict(data["files"]), dict(data["folders"]), dict(data["stamps"]))


def bundled_files(metafile: Mapping[str, Any], base: Path) -> dict[str, str]:
    """The files that esbuild read, by their names in the metafile. One in an archive of Yarn stands for the archive."""
    found = {}
    for name in metafile["inputs"]:
        path = os.path.normpath(base / name.partition("?")[0])
        if not re.match(r"[a-z-]{2,}:", name) or Path(path).exists():  # "(disabled):…", "data:…" are no files
            found[name] = _on_disk(path)
    return {name: path for name, path in found.items() if path}


def resolution(metafile: Mapping[str, Any], base: Path, options: Mapping[str, Any], now: ProjectFiles) -> Resolution:
    """What decided the bundle that this metafile is of. ``options`` are esbuild's own."""
    inputs = bundled_files(metafile, base)
    top = os.path.commonpath([str(base), *inputs.values()])
    above = {str(f) for path in inputs.values() for f in Path(path).parents}
    inside = {f for f in above if f == top or f.startswith(top.rstrip("/") + "/")}
    files = set(inputs.values())
    for folder in above:
        names = _SETTINGS if folder not in inside else [n for n in _SETTINGS if now.stat(f"{folder}/{n}")]
        files |= {f"{folder}/{n}" for n in names}
    configs = {f for f in files if f.endswith(("tsconfig.json", "jsconfig.json")) and "/node_modules/" not in f}
    if custom := options.get("tsconfig"):
        configs.add(os.path.normpath(base / str(custom)))
    configs |= {str(e) for c in list(configs) for e in _extended(Path(c), set())}
    folders = {f for f in inside if not f.endswith("/node_modules")} | {f"{f}/node_modules" for f in above}
    folders |= set(_sought(metafile, base, inputs, above, _aliases(configs, options, base), now))
    found = Resolution({f: now.digest(f) for f in files | configs}, {f: now.folder(f, _counts) for f in folders})
    found.stamps = {f: list(at) for f in folders if (at := now.stamp(f))}
    return found


def settings_files(inputs: Iterable[Path], base: Path) -> Iterator[Path]:
    """The package.json, tsconfig.json and jsconfig.json of the inputs' folders and those above, and what these
    extend."""
    for folder in {f for path in inputs for f in path.parents if f.is_relative_to(base)}:
        if (folder / "package.json").is_file():
            yield folder / "package.json"
        if "node_modules" not in folder.parts:  # where esbuild looks for none
            for name in ("tsconfig.json", "jsconfig.json"):
                yield from _extended(folder / name, set())


def _sought(metafile: Mapping[str, Any], base: Path, inputs: Mapping[str, str], above: Iterable[str],
            aliases: list[tuple[re.Pattern[str], str]], now: ProjectFiles) -> Iterator[str]:
    """Folders in which an import was looked for."""
    scopes, candidates = set[str](), set[str]()
    for name, about in metafile["inputs"].items():
        if name not in inputs:
            continue
        here = os.path.dirname(os.path.normpath(base / name))  # noqa: PTH120
        if inputs[name].endswith(_CODE) and "/node_modules/" not in inputs[name]:  # a package's own are there
            tried = now.derived("tried", inputs[name], lambda raw: _TRIED.findall(raw.decode("utf-8", "replace")))
            candidates |= {os.path.normpath(os.path.join(here, one)) for one in tried or ()}  # noqa: PTH118
        for imported in about.get("imports", ()):
            wanted = imported.get("original")
            if not wanted or imported.get("external"):
                continue
            if wanted.startswith((".", "/")):
                candidates.add(os.path.normpath(os.path.join(here, wanted)))  # noqa: PTH118
            elif wanted.startswith("@"):
                scopes.add(wanted.partition("/")[0])
            candidates |= {os.path.normpath(to.replace("*", m[1] if m.re.groups else "", 1))
                           for pattern, to in aliases if (m := pattern.fullmatch(wanted))}
    for candidate in candidates:
        yield candidate
        folder = os.path.dirname(candidate)  # noqa: PTH120
        yield folder
        while not Path(folder).is_dir() and len(folder) > 1:
            folder = os.path.dirname(folder)  # noqa: PTH120
            yield folder
    for folder in above:
        if Path(f"{folder}/node_modules").is_dir():
            yield from (f"{folder}/node_modules/{s}" for s in scopes)


def _aliases(configs: Iterable[str], options: Mapping[str, Any], base: Path) -> list[tuple[re.Pattern[str], str]]:
    """Patterns over import paths and what they may mean, from `paths` and `baseUrl` of tsconfig files and esbuild's
    `alias`."""
    found = []
    for config in configs:
        try:
            data = json.loads(_plain_json(Path(config).read_text("utf-8-sig",
                                                                 errors="replace"))).get("compilerOptions", {})
        except (OSError, ValueError, AttributeError):
            continue  # esbuild reports what is wrong with it
        folder = os.path.dirname(config)  # noqa: PTH120
        home = os.path.normpath(os.path.join(folder, str(data.get("baseUrl", "."))))  # noqa: PTH118
        if "baseUrl" in data:
            found.append((re.compile("([^./].*)"), f"{home}/*"))
        for pattern, targets in (data.get("paths") or {}).items():
            matcher = re.compile(re.escape(pattern).replace(r"\*", "(.*)", 1))
            found += [(matcher, os.path.join(home, str(t))) for t in targets if isinstance(t, str)]  # noqa: PTH118
    for name, target in options.get("alias", {}).items():
        if str(target).startswith((".", "/")):
            found.append((re.compile(re.escape(name) + "(?:/.*)?"), os.path.join(base, str(target))))  # noqa: PTH118
    return found


def _extended(config: Path, seen: set[Path]) -> Iterator[Path]:
    if config in seen or not config.is_file():
        return
    seen.add(config)
    yield config
    for value in _EXTENDS.findall(config.read_text("utf-8", errors="replace")):
        for name in re.findall(r'"([^"]+)"', value):
            ending = name if name.endswith(".json") else f"{name}.json"
            if name.startswith((".", "/")):
                yield from _extended(Path(os.path.normpath(config.parent / ending)), seen)
            else:
                for folder in config.parents:
                    for place in (ending, f"{name}/tsconfig.json"):
                        yield from _extended(folder / "node_modules" / place, seen)


def _plain_json(text: str) -> str:
    """JSON without comments and trailing commas."""
    return re.sub(r",(\s*[}\]])", r"\1", _COMMENTS.sub(lambda m: m[1] or " ", text))


def _on_disk(path: str) -> str:
    """The path, or the archive above it; "" if neither is a file."""
    for place in (path, *map(str, Path(path).parents)):
        if os.path.isfile(place):  # noqa: PTH113
            return place
    return ""


def _counts(name: str) -> bool:
    """Whether a file of this name could be what an import means. What it lets through in vain costs a run of
    esbuild."""
    return not name.endswith(_NO_MODULES) and (not name.startswith(".") or name in _SETTINGS)
