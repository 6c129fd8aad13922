"""Python functions: the project's own code, its locked dependencies for the function's platform, and our runtime."""
from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from ..errors import UserError
from ..records import dataclass
from . import uv
from .check import check_python
from .dependencies import dependencies, must_fit, requirements, target_of
from .entry import ENTRY, ENTRY_CODE, runtime_files
from .files import LeftOut, Walk, repository, walk
from .imports import imported_modules, unreachable
from .layout import Layout, layout
from .limit import within
from .package_folders import package_folders
from .project_files import ProjectFiles
from .source import Source
from .standard import refuse_hiding
from .wheel import wheel_key, wheel_of
from .zip import Entry, Parts, bytes_part, encoded, entry_part, file_part, read

__all__ = ["Bundle", "bundle", "check", "fingerprint", "fits", "handler_of", "loose_src", "modules_of", "warnings"]

_NOT_CODE = frozenset({
    "sst_config.py", "sst-env.d.ts", "package.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock",
    "bun.lockb", "tsconfig.json", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile", "Pipfile.lock", "pyproject.toml",
    "requirements.txt", "uv.toml", "poetry.toml", "pip.conf", "pip.ini", "Makefile", "Dockerfile", "README.md",
    "README.rst", "CHANGELOG.md", "CONTRIBUTING.md", "tests", "test", "conftest.py", "tox.ini", "setup.cfg", "mypy.ini",
    "build", "dist", "htmlcov"})
"""Not bundled when they lie at the top of the project, unless the handler imports them."""
_SHARED = re.compile(rb"\b(extend_path|declare_namespace)\b")
"""How a package joins those of its name. Source: https://packaging.python.org/guides/packaging-namespace-packages/"""
_OPTIONS = frozenset({"extras", "groups", "exclude", "root"})


@dataclass(frozen=True, slots=True)
class Bundle:
    """What goes into a function's zip."""

    parts: Parts
    packaged: str | None
    """The handler's module in the project's wheel."""
    facts: list[str]
    seen: _Seen
    own: frozenset[str]
    """The names that are no files of installed dependencies."""

    def key(self) -> str:
        """The fingerprint of the files that were actually read; known once all parts were read."""
        return _hash([*self.facts, *self.seen.facts()])


@dataclass(frozen=True, slots=True)
class _Place:
    """A function's place in its project, and what is found there."""

    at: Layout
    own: Walk
    """The project's files, as far as they go into the bundle as they are."""
    imported: Mapping[str, Path]
    """The modules that the handler imports, by their names in the bundle."""


def check(source: Source, files: ProjectFiles | None = None) -> Layout:
    """Find the handler; UserError with file and line if it is missing or broken, if an option is unknown, or if a
    module of the project would stand before one of the standard library."""
    for name in source.python:
        if name not in _OPTIONS:
            raise UserError(f'Unknown python option "{name}"', hint=f"there are {', '.join(sorted(_OPTIONS))}")
    at = _layout(source, files) if files else layout(source)
    shown = at.file.relative_to(source.folder).as_posix() if at.file.is_relative_to(source.folder) else str(at.file)
    built = [f for p in ([at.base] if at.builds else []) + list(at.local) for f in package_folders(p)]
    loose = [] if at.builds and at.file.parent != at.base else [at.base]  # a wheel's own folder is not in the bundle
    refuse_hiding([*loose, *at.local, *built], source.version, source.folder)
    check_python(at.file, at.attribute.removesuffix("()"), shown=shown, version=source.version,
                 files=files or ProjectFiles())
    return at


def fingerprint(source: Source, *, cache: Path, files: ProjectFiles) -> str:
    """A hash of the files that the bundle would be made from. Functions of a project share it if they share a
    bundle."""
    place = _place(source, check(source, files), files)
    facts = _facts(source, place, cache=cache, files=files)
    if not place.at.builds:  # else the key of the wheel covers them
        shared = files.once(("marks", id(place.own)), lambda: _marks(place.own, files))
        facts.append(shared)
    return _hash([*facts, *(_mark(n, p, files) for n, p in sorted(_extras(place).items()))])


def bundle(source: Source, *, cache: Path, files: ProjectFiles, note: Callable[[str], None]) -> Bundle:
    """The parts of the function's zip. Each file is read once, when it is zipped."""
    at = check(source, files)
    place = _place(source, at, files)
    target = target_of(source, note)
    lines, local = requirements(source, at, target, cache=cache)
    archive = dependencies(lines, source, at, target, cache=cache, note=note)
    entries = read(archive) if archive else []
    parts: dict[str, Callable[[], Entry | None]] = {e.name: entry_part(e) for e in entries}
    installed = dict(parts)
    wheels, keys = dict[str, tuple[bytes, bool]](), dict[Path, str]()
    for folder in local:
        keys[folder], found = wheel_of(folder, files, cache=cache, note=note)
        wheels |= found
    packaged = None
    if at.builds:
        keys[at.base], own = wheel_of(at.base, files, cache=cache, note=note)
        packaged, wheels = _packaged(at, own), {**wheels, **own}
    must_fit({n: c for n, (c, _) in wheels.items() if n.endswith(".dist-info/WHEEL")}, target)
    parts |= {n: bytes_part(n, c, executable=x) for n, (c, x) in wheels.items()}
    has = installed.__contains__
    loose = [] if packaged else place.own.files
    behind = {f.name: f.path for f in loose if has(f.name) and unreachable(f.name, f.path, has)}
    loose = [f for f in loose if f.name not in behind]
    if not source.image:
        within(source.handler, [*((e.name, e.size) for e in entries if not _excluded(e.name, _excludes(source))),
                                *((f.name, f.size) for f in loose)])
    seen = _Seen(files, at.builds)
    seen.shared.update({n: _mark(n, p, files) for n, p in behind.items() if not at.builds})
    parts |= {f.name: seen.part(f.name, f.path, shared=True) for f in loose}
    for name, path in _extras(place).items():
        if name in parts:
            seen.extras[name] = _mark(name, path, files)
        else:
            parts[name] = seen.part(name, path, shared=False)
    parts |= {f.name: file_part(f.name, f.path, executable=f.executable) for f in runtime_files()}
    paths = ["src"] if loose_src(at) and not packaged else []
    parts[f"{ENTRY}.py"] = bytes_part(f"{ENTRY}.py", ENTRY_CODE.format(paths=paths).encode())
    places = {**{f.name: f.path for f in [*loose, *runtime_files()]}, **_extras(place)}
    hidden = _behind(parts, installed, lambda n: wheels[n][0] if n in wheels else places[n].read_bytes())
    if hidden:
        tops = ", ".join(sorted({n.partition("/")[0] for n in hidden}))
        note(f"left out of what is installed, since the project has modules of these names: {tops}")
    kept = {n: p for n, p in parts.items() if n not in hidden and not _excluded(n, _excludes(source))}
    return Bundle(kept, packaged, _facts(source, place, cache=cache, files=files, keys=keys), seen,
                  frozenset(n for n, p in kept.items() if installed.get(n) is not p))


def _behind(parts: Parts, installed: Parts, text: Callable[[str], bytes]) -> set[str]:
    """The files of installed packages that a module or package of the project has the name of. In `sst dev`, as
    wherever Python runs, the project's come first; in one folder a package would stand before a module, and two
    packages would be one. A package that asks for the others of its name by itself gets them."""
    own = {n.removesuffix(".py") for n, p in parts.items()
           if "/" not in n and n.endswith(".py") and installed.get(n) is not p}
    there = {n.partition("/")[0].partition(".")[0] for n in installed}
    own |= {top for top in there if (name := f"{top}/__init__.py") in parts
            and parts[name] is not installed.get(name) and not _SHARED.search(text(name))}
    return {n for n, p in parts.items() if installed.get(n) is p and n.partition("/")[0].partition(".")[0] in own}


def handler_of(source: Source, packaged: str | None) -> str:
    """The handler as Lambda wants it. ``packaged`` is its module in the project's wheel."""
    at = layout(source)
    stem = packaged or at.stem
    if at.web or (loose_src(at) and not packaged):
        return f"{ENTRY}.{stem}{'::' if at.web else ':'}{at.attribute}"
    return f"{stem}.{at.attribute}"


class _Seen:
    """What the project's files were when they were read for the bundle. ``wheel``: a wheel's key covers them."""

    def __init__(self, files: ProjectFiles, wheel: bool) -> None:
        self._files, self._wheel = files, wheel
        self.shared: dict[str, str] = {}
        self.extras: dict[str, str] = {}

    def part(self, name: str, path: Path, *, shared: bool) -> Callable[[], Entry | None]:
        found = self._files.stat(str(path))
        executable = bool(found and found.st_mode & 0o100)

        def note(content: bytes) -> None:
            mark = f"{name}\0{hashlib.sha256(content).hexdigest()}{executable}"
            if not shared:
                self.extras[name] = mark
            elif not self._wheel or mark != _mark(name, path, self._files):
                self.shared[name] = mark

        return file_part(name, path, executable=executable, seen=note)

    def facts(self) -> list[str]:
        shared = [m for _, m in sorted(self.shared.items())]
        return [*([_hash(shared)] if shared or not self._wheel else []), *(m for _, m in sorted(self.extras.items()))]


def _marks(own: Walk, files: ProjectFiles) -> str:
    """Of all files that go into the bundle as they are. UserError for a name that no archive can have."""
    for file in own.files:
        encoded(file.name)
    return _hash(files.marks(own.files))


def _mark(name: str, path: Path, files: ProjectFiles) -> str:
    found = files.stat(str(path))
    return f"{name}\0{files.digest(str(path))}{bool(found and found.st_mode & 0o100)}"


def warnings(source: Source, files: ProjectFiles) -> Iterator[str]:
    """What a deploy leaves out although it lies in the project and may be needed."""
    at = _layout(source, files)
    place = _place(source, at, files)
    if at.unread:
        yield (f"no dependencies are installed for {source.handler}: {', '.join(at.unread)} is not read; "
               "name it in requirements.txt with -r")
    base = _shown(at.base, source)
    for one in place.own.left_out:
        if one.why == "outside":
            yield (f"{base}{one.name} is a link that leads out of the project: only the modules behind it that a "
                   "handler imports are bundled")
    lost = [x for x in place.own.left_out if x.why == "ignored" and not _junk(x)
            and not any(n == x.name or n.startswith(f"{x.name}/") for n in _extras(place))
            and not any(f"{base}{x.name}/".startswith(f"{o.strip('/')}/") for o, _ in source.copy_files)]
    if repository(at.base) is None and lost:
        names = ", ".join(base + x.name for x in lost[:3]) + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
        yield f"there is no git repository here, so all that .gitignore names is left out: {names}"


def _layout(source: Source, files: ProjectFiles) -> Layout:
    return files.once(("layout", source.handler, source.root, source.python.get("root")), lambda: layout(source))


def modules_of(source: Source, at: Layout, files: ProjectFiles) -> Mapping[str, Path]:
    """The modules of the project that the handler imports, by their names. The project is not walked."""
    roots = [at.base, at.base / "src"] if loose_src(at) and not at.builds else [at.base]
    for folder in ([at.base] if at.builds else []) + list(at.local):
        named = files.once(("package folders", folder), partial(package_folders, folder))
        roots = [*named, *roots] if folder == at.base else [*roots, *named, folder]
    modules = files.once(("imported", at.file, tuple(roots)), lambda: imported_modules(at.file, roots, files))
    exclude = _excludes(source)
    return {n: p for n, p in modules.items() if not _excluded(n, exclude)}


def fits(source: Source) -> str:
    """The Python version the bundle's wheels are for."""
    return target_of(source, lambda _: None).version


def loose_src(at: Layout) -> bool:
    """A `src` folder that is no package: its modules import each other without the `src.`."""
    return (at.base / "src").is_dir() and not (at.base / "src" / "__init__.py").exists()


def _place(source: Source, at: Layout, files: ProjectFiles) -> _Place:
    exclude = _excludes(source)
    lifted, apart = _lifted(at), _apart(source, at)
    key = ("own", at.base, lifted, tuple(exclude), apart)
    own = files.once(key, lambda: walk(at.base, _wanted(at.base, lifted, exclude, apart), top=_top(source)))
    return _Place(at, own, modules_of(source, at, files))


def _facts(source: Source, place: _Place, *, cache: Path, files: ProjectFiles,
           keys: Mapping[Path, str] | None = None) -> list[str]:
    """What decides the bundle besides the files that go into it as they are. ``keys`` are those of wheels that were
    built."""
    at, known = place.at, dict(keys or {})
    folders = [*at.local, *known] if not at.builds else [at.base, *at.local, *known]
    for folder in dict.fromkeys(folders):
        if folder not in known:
            known[folder] = wheel_key(folder, files, cache=cache)
    facts = ["python 4", uv.version(cache), at.name, at.tool]
    facts += [f"{'' if f == at.base else f.name}={k}" for f, k in sorted(known.items())]
    facts += [f"{f.name}\0{files.digest(str(f))}" for f in at.declared]
    if at.builds:  # whether the wheel holds the handler's file
        facts.append(at.file.relative_to(at.base).as_posix())
    return [*facts, files.once("runtime",
                               lambda: _hash([f"{f.name}\0{files.digest(str(f.path))}" for f in runtime_files()]))]


def _extras(place: _Place) -> dict[str, Path]:
    """The modules that the handler imports and that are not among the project's files, by their names in the bundle."""
    base, inside = place.at.base, place.own.places
    more = {n: p for n, p in place.imported.items() if str(p) not in inside}
    if not place.at.builds:  # a module below src/ keeps its place
        more = {p.relative_to(base).as_posix() if p.is_relative_to(base) else n: p for n, p in more.items()}
    return more


def _packaged(at: Layout, wheel: Mapping[str, tuple[bytes, bool]]) -> str | None:
    """The handler's module in the project's wheel, or None if the wheel does not hold it."""
    parts = at.file.relative_to(at.base).parts
    for n in range(len(parts)):
        name = "/".join(parts[n:])
        if name in wheel and wheel[name][0] == at.file.read_bytes():
            return name.removesuffix(".py").removesuffix("/__init__")
    return None


def _lifted(at: Layout) -> tuple[str, ...]:
    """The folders on the way to the handler that would not be entered if it weren't there."""
    way = at.file.relative_to(at.base).as_posix().split("/")[:-1]
    folders = ["/".join(way[:n + 1]) for n in range(len(way))]
    return tuple(f for f in folders if f in _NOT_CODE or _another_project(at.base / f))


def _apart(source: Source, at: Layout) -> tuple[str, ...]:
    """The folders of sites, relative to the bundle's, but for those on the way to the handler."""
    folders = (source.folder / name for name in source.apart)
    return tuple(f.relative_to(at.base).as_posix() for f in folders
                 if f.is_relative_to(at.base) and not at.file.is_relative_to(f))


def _wanted(base: Path, lifted: tuple[str, ...], exclude: list[str],
            apart: tuple[str, ...]) -> Callable[[str, bool], bool]:
    def wanted(name: str, is_dir: bool) -> bool:
        leaf = name.rpartition("/")[2]
        if name in apart:
            return False
        if leaf.startswith(".") or _excluded(name, exclude) or (name in _NOT_CODE and name not in lifted):
            return False
        if not is_dir:
            return (not leaf.endswith((".ts", ".tsx", ".mts", ".cts"))
                    and leaf not in ("package.json", "package-lock.json"))
        return name in lifted or not _another_project(base / name)

    return wanted


def _another_project(folder: Path) -> bool:
    if (folder / "pyproject.toml").exists():
        return True
    return (folder / "package.json").exists() and not any(folder.glob("*.py"))


def _top(source: Source) -> Path:
    """Where links may lead: into the repository, or the project."""
    return repository(source.folder) or source.folder


def _excludes(source: Source) -> list[str]:
    """``*`` is any text here, with slashes in it, so that ``**/`` adds only that there may be no folder."""
    globs = [str(g).removeprefix("./") for g in source.python.get("exclude", ())]
    return [*globs, *(g[3:] for g in globs if g.startswith("**/"))]


def _excluded(name: str, globs: list[str]) -> bool:
    return any(fnmatchcase(name, g) or name.startswith(g.rstrip("/*") + "/") for g in globs)


def _junk(one: LeftOut) -> bool:
    """Files that tools leave behind and that a bundle doesn't need."""
    leaf = one.name.rpartition("/")[2]
    return leaf.startswith(".") or leaf in ("build", "dist", "htmlcov", "coverage.xml", "env", "target", "out",
                                            "cdk.out")


def _shown(folder: Path, source: Source) -> str:
    if folder == source.folder or not folder.is_relative_to(source.folder):
        return ""
    return folder.relative_to(source.folder).as_posix() + "/"


def _hash(facts: list[str]) -> str:
    return hashlib.sha256("\0\0".join(facts).encode("utf-8", "surrogateescape")).hexdigest()[:40]
