"""Puts together what a site consists of: a folder of files that are served, and the zip of its server."""
from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ...errors import UserError
from ..cache import keep, tidy
from ..files import check_links, never, walk
from ..limit import largest, megabytes, within
from ..zip import Entry, Parts, bytes_part, encoded, file_part, write_zip
from .flat import unlinked
from .output import SiteOutput, serving
from .trace import needed_packages

__all__ = ["Assembled", "assemble", "check_base", "check_functions", "check_server"]

WRAPPER = Path(__file__).parents[2] / "runtime" / "site" / "server.mjs"
AS_IMAGE = "let the server depend on less, or deploy it as an image, which takes 10 GB: container=True"
_COMPRESSED = (".gz", ".br", ".zst")


@dataclass(frozen=True)
class Bundle:
    """The zip of a server."""

    path: Path
    sha256: str
    handler: str
    report: str


@dataclass(frozen=True)
class Assembled:
    static: Path
    """The folder of files."""
    code: Path | None = None
    sha256: str = ""
    handler: str = ""
    report: str = ""
    data: Path | None = None
    """The folder of files for the server's own bucket."""
    functions: Mapping[str, Bundle] = field(default_factory=dict)
    """Of servers of some paths, by name."""


def assemble(site: Path, output: SiteOutput, cache: Path, *, install: Iterable[str], note: Callable[[str], None],
             image: bool = False, apart: Iterable[str] = ()) -> Assembled:
    """Both, in the cache under what they contain. ``install``: packages that the server needs whole. ``image``: what
    the server becomes, and not a zip of Lambda. ``apart``: folders in the site's that are other sites."""
    files = _static(site, output)
    static = keep(cache, "static", _digest(files), lambda part: _copied(files, part))
    os.utime(static)
    if not output.has_server:
        return Assembled(static)
    data = None
    if output.data:
        data = keep(cache, "data", _digest(dict(output.data)), lambda part: _copied(dict(output.data), part))
        os.utime(data)
        tidy(cache / "data", newest=10, unused=24 * 3600)
    made = _bundle(site, output, cache, install, note, frozenset(apart), image=image)
    functions = {name: _bundle(site, one, cache, install, note, frozenset(apart), image=image,
                               what=f"the function {name}")
                 for name, one in output.functions.items()}
    tidy(cache / "servers", newest=10 * (1 + len(functions)), unused=24 * 3600)
    tidy(cache / "static", newest=10, unused=24 * 3600)
    return Assembled(static, made.path, made.sha256, made.handler, made.report, data, functions)


def _bundle(site: Path, output: SiteOutput, cache: Path, install: Iterable[str], note: Callable[[str], None],
            apart: frozenset[str], *, image: bool, what: str = "the server") -> Bundle:
    parts, handler = _server(site, output, install, note, apart)
    temporary = cache / "servers" / f"new-{os.getpid()}-{hashlib.sha256(str(site).encode()).hexdigest()[:8]}.part"
    temporary.parent.mkdir(parents=True, exist_ok=True)
    written = write_zip(temporary, parts)
    if not image:
        within(what, written.sizes, AS_IMAGE)
    entry = keep(cache, "servers", written.sha256[:40], lambda part: _kept(temporary, written.sizes, part))
    temporary.unlink(missing_ok=True)
    biggest = ", ".join(f"{n} {megabytes(b)}" for n, b in largest(written.sizes)[:3])
    return Bundle(entry / "code.zip", written.sha256, handler, f"{megabytes(written.size)} zipped: {biggest}")


def _static(site: Path, output: SiteOutput) -> dict[str, Path]:
    """Name → file. What frameworks compress themselves is left out: CloudFront does that; and Vite's own notes."""
    found: dict[str, Path] = {}
    for folder in output.static:
        for path in sorted((site / folder).rglob("*")):
            name = path.relative_to(site / folder).as_posix()
            if path.is_file() and not name.startswith(".vite/") and not (
                    path.suffix in _COMPRESSED and path.with_suffix("").is_file()):
                found[f"{output.base}/{name}".lstrip("/")] = path
    check_links(found.values(), site)
    return found


def _digest(files: dict[str, Path]) -> str:
    made = hashlib.sha256()
    for name, path in sorted(files.items()):
        shown = encoded(name, "a site", "rename it")
        made.update(shown + f"\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return made.hexdigest()[:40]


def _copied(files: dict[str, Path], folder: Path) -> None:
    """Copies: the framework's next build writes into its own files."""
    for name, path in files.items():
        to = folder / name
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to)


def _kept(archive: Path, sizes: Iterable[tuple[str, int]], folder: Path) -> None:
    """The zip, and beside it which files are no packages: in an image these are a layer of their own."""
    archive.rename(folder / "code.zip")
    (folder / "own.json").write_text(json.dumps([n for n, _ in sizes if "node_modules" not in n.split("/")]))


def _server(site: Path, output: SiteOutput, install: Iterable[str], note: Callable[[str], None],
            apart: frozenset[str]) -> tuple[Parts, str]:
    """The parts of the zip, and the handler. The site lies as deep in it as in the workspace that has its packages."""
    module = serving(output)
    packages = needed_packages(site, module.replace('"./sst-server.mjs"', f'"{WRAPPER}"'), install,
                               note) if output.packages else {}
    ups = max((name.split("/").count("..") for name in packages), default=0)
    within_top = PurePosixPath(*site.parts[len(site.parts) - ups:]) if ups else PurePosixPath()
    found = {name: p for folder in output.server for name, p in _own(site, folder, apart).items()}
    own = {name: p for name, p in sorted(found.items()) if not _left_out(PurePosixPath(name), output)}
    check_links((p for p in own.values() if "node_modules" not in p.parts), site)
    own |= {"package.json": site / "package.json"} if (site / "package.json").is_file() else {}
    parts: dict[str, Callable[[], Entry | None]] = {}
    for name, path in {**own, **packages}.items():
        shown = os.path.normpath(within_top / name)
        parts[shown] = file_part(shown, path, executable=os.access(path, os.X_OK))
    prefix = f"{within_top.as_posix()}/" if ups else ""
    beside = {f"sst-{name}": WRAPPER.with_name(name).read_bytes() for name in output.beside}
    for name, content in {"sst-server.mjs": WRAPPER.read_bytes(), "sst-entry.mjs": module.encode(), **beside}.items():
        parts[prefix + name] = bytes_part(prefix + name, content)
    return parts, f"{prefix}sst-entry.handler"


def _own(site: Path, folder: str, apart: frozenset[str]) -> dict[str, Path]:
    """The files of the server by their names relative to the site."""
    if folder == ".":
        return {f.name: f.path for f in walk(site, lambda name, is_dir: name not in apart).files}
    if (laid := unlinked(site / folder)) is not None:
        return {f"{folder}/{name}": path for name, path in laid.items()}
    return {p.relative_to(site).as_posix(): p for p in _whole(site / folder)}


def _whole(folder: Path) -> Iterator[Path]:
    """The files of a folder, also of linked ones: Nitro makes links of packages. A link that leads up is left out."""
    for at, folders, names in os.walk(folder, followlinks=True):
        here = Path(at).resolve()
        folders[:] = [f for f in folders if not here.is_relative_to(Path(at, f).resolve())]
        yield from (Path(at, n) for n in names if Path(at, n).is_file())


def _left_out(name: PurePosixPath, output: SiteOutput) -> bool:
    text = name.as_posix()
    if any(text.startswith(p.removesuffix("**")) for p in output.without):
        return True
    return name.suffix == ".map" or any(never(part) for part in name.parts if part != "node_modules")


def check_server(output: SiteOutput, *, expected: bool, framework: str) -> None:
    """Raise ``UserError`` if the build has a server where none is declared, or the reverse."""
    if expected and not output.has_server:
        raise UserError(f"the build of {framework} made no server: every page is a file",
                        hint="write ssr=False, or render pages on the server")
    if not expected and output.has_server:
        raise UserError(f"the build of {framework} made a server, and ssr=False says that there is none",
                        hint="leave out ssr=False, or build files alone")


def check_base(output: SiteOutput, expected: str) -> None:
    """Raise ``UserError`` if the app answers below another path than the CDN leads to it."""
    if output.base == expected:
        return
    told = f"the basePath {output.base!r}" if output.base else "no basePath"
    if expected:
        raise UserError(f"the app was built with {told}, and is to answer below {expected!r}",
                        hint=f"basePath: {expected!r} in next.config")
    raise UserError(f"the app was built with {told}, and the program does not say it",
                    hint=f'base_path="{output.base}"; in a Router also router={{"instance": router, "path": '
                         f'"{output.base}"}}')


def check_functions(output: SiteOutput, expected: Iterable[str]) -> None:
    """Raise ``UserError`` if the build splits the server in another way than the plan has it."""
    if {*output.functions} != {*expected}:
        told = ", ".join(sorted(output.functions)) or "into none"
        raise UserError(f"the build splits the server: {told}; the plan has {', '.join(sorted(expected)) or 'none'}",
                        hint="write `functions` in open-next.config.ts itself, the same in each run")
