"""The dependencies of a Python function: resolved once, installed once for the function's platform, and zipped."""
from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote

from ..errors import UserError
from ..machine.files import cached
from ..records import dataclass
from . import uv
from .cache import keep
from .files import file_of
from .layout import Layout
from .manifest import Declared, declared_by, lock_of
from .requirement_files import hashes, index_options, with_logins, without_login
from .setup_cfg import read_setup_cfg
from .source import OURS, Source
from .standard import standard_modules
from .toml import read_toml
from .wheel import content_key, package_files
from .zip import file_part, has_archive, write_zip

__all__ = ["Target", "dependencies", "dependencies_key", "must_fit", "requirements", "target_of"]


@dataclass(frozen=True, slots=True)
class Target:
    """What dependencies are installed for."""

    flags: tuple[str, ...]
    name: str
    version: str


def target_of(source: Source, note: Callable[[str], None]) -> Target:
    version = source.version
    if source.host:
        path, found = uv.interpreter(version)
        if found != version:
            note(f"no Python {version} on this machine; local functions run on {found}")
        return Target(("--python", path), f"{uv.host_platform()}-{found}", found)
    machine = {"x86_64": "x86_64", "arm64": "aarch64"}[source.architecture]
    libc = "manylinux2014" if int(version.split(".")[1]) <= 11 else "manylinux_2_34"  # Amazon Linux 2 and 2023
    platform = f"{machine}-{libc}"
    return Target(("--python-platform", platform, "--python-version", version, "--python", uv.base()),
                  f"{platform}-{version}", version)


def requirements(source: Source, at: Layout, target: Target, *, cache: Path) -> tuple[list[str], list[Path]]:
    """Pinned requirement lines and the folders of local packages. Kept by what declares them."""
    if not (at.project or at.requirements):
        return [], []
    options = json.dumps([source.python.get("extras", []), source.python.get("groups", [])])
    facts = ["requirements 3", at.name, at.home.name, at.tool, options, target.name, uv.version(cache),
             str(at.home) if at.local else ""]
    # a local package's own metadata takes part in the resolution
    about = [file_of(f / n, f"{f.name}/{n}") for f in at.local
             for n in ("pyproject.toml", "setup.py", "setup.cfg") if (f / n).is_file()]
    key = content_key(facts, [*(file_of(f, f.name) for f in at.declared), *about])

    def make(part: Path) -> None:
        text = without_login(_export(source, at) if at.lock else _compile(source, at, target))
        cwd = at.lock.parent if at.lock else at.home
        lines, local = _sorted_out(text, cwd, at.home)
        if at.requirements:
            lines = _with_hashes(lines, hashes(at.requirements))
        (part / "requirements.json").write_text(json.dumps([lines, [str(p) for p in local]]))

    def known(entry: Path) -> tuple[list[str], list[str]] | None:
        return cached(entry / "requirements.json", lambda kept: (kept[0], kept[1]))

    lines, local = known(keep(cache, "requirements", key, make, known)) or ([], [])
    own = [at.home] if at.home in at.local else []
    return lines, [*own, *(Path(p) for p in local)]


def _chosen(source: Source) -> list[str]:
    flags = [f"--extra={e}" for e in source.python.get("extras", ())]
    return flags + [f"--group={g}" for g in source.python.get("groups", ())]


def _export(source: Source, at: Layout) -> str:
    assert at.lock
    scope = [f"--package={at.name}"] if at.name else ["--all-packages"]
    command = ["export", "--format=requirements.txt", "--no-default-groups", "--no-editable", "--no-emit-project",
               "--no-header",
               "--no-annotate", *(f"--prune={n}" for n in OURS), *scope, *_chosen(source)]
    what = f"read the dependencies of {at.home.name}"
    said = ""
    # a lock that fits is seen to fit without the network; one that does not may need it
    for more in (["--offline"], []):
        try:
            return uv.run([*command, "--locked", *more], cwd=at.lock.parent, what=what)
        except uv.Refused as refused:
            said = refused.said
        if "needs to be updated" in said:
            raise UserError("uv.lock does not fit pyproject.toml", where=str(at.lock), hint="run `uv lock`")
    if "interpreter" not in said.lower() or "No solution found" in said:
        raise UserError(f"Could not {what}\n{uv.lines_that_matter(said)}", where=str(at.lock), code="build-failed")
    # The check needs a Python that is not on this machine; the lock itself says all we need.
    return uv.run([*command, "--frozen"], cwd=at.lock.parent, what=what)


def _compile(source: Source, at: Layout, target: Target) -> str:
    file = at.requirements or at.project
    assert file
    chosen = _chosen(source) if not (at.requirements or at.tool) else []
    if at.name and (at.builds or at.home in at.local):
        # uv's cache does not see the files that dynamic metadata is read from
        chosen.append(f"--refresh-package={at.name}")
    what = f"resolve the dependencies in {file.name}"
    with tempfile.TemporaryDirectory(prefix="sst-resolve-") as temporary:
        excludes, listed, locked = (Path(temporary) / n for n in ("excludes.txt", "requirements.in", "constraints.txt"))
        excludes.write_text("\n".join(OURS) + "\n")
        if at.tool:
            declared = _declared(source, at)
            listed.write_text("\n".join(_absolute(line, at.home) for line in declared.lines) + "\n")
            locked.write_text("\n".join(declared.constraints) + "\n")
            chosen.append(f"--constraints={locked}")
        command = ["pip", "compile", str(listed if at.tool else file), "--no-header", "--no-annotate",
                   f"--excludes={excludes}", *target.flags]
        try:
            return uv.run([*command, *chosen, "--only-binary=:all:"], cwd=at.home, what=what)
        except uv.Refused:
            pass
        try:
            return uv.run([*command, *chosen], cwd=at.home, what=what)
        except uv.Refused as refused:
            lock = lock_of(at.tool, at.home)
            raise UserError(refused.message.replace(str(listed), file.name), where=str(file),
                            hint=f"the versions are those of {lock.name}: does it fit {file.name}?" if lock
                            else refused.hint) from None


def _declared(source: Source, at: Layout) -> Declared:
    assert at.project
    read = read_setup_cfg if at.tool == "setup.cfg" else read_toml
    return declared_by(at.tool, at.home, read(at.project), source.python.get("extras", ()),
                       source.python.get("groups", ()))


def _absolute(line: str, base: Path) -> str:
    """A requirement that is a folder, by its whole path: the list lies in another folder than it did."""
    m = re.match(r"(\.\.?/|/)((?:(?! ;)[^;\[])*)(.*)", line)
    return f"{(base / (m[1] + m[2])).resolve()}{m[3]}" if m else line


def _sorted_out(text: str, cwd: Path, own: Path) -> tuple[list[str], list[Path]]:
    """Split an exported list into registry, archive and git requirements, and folders."""
    lines: list[str] = []
    local: list[Path] = []
    for raw in re.sub(r"\\\n\s*", " ", text).splitlines():
        line = re.sub(r"^-e\s+", "", raw.strip())
        if not line or line.startswith("#"):
            continue
        path = _path_in(line, cwd)
        if path is None or path.is_file():
            lines.append(str(path or line))
        elif path != own.resolve():
            local.append(path)
    return sorted(lines), sorted(set(local))


def _path_in(line: str, cwd: Path) -> Path | None:
    """The file or folder that a line of uv's output names; None for a package of a registry, an archive's URL, a
    repository. uv writes paths as they were declared: ``./core``, ``file:core``, but also ``libs/core`` and ``core``;
    packages of a registry always have a version."""
    spec = re.sub(r"^[\w.\[\],-]+ @ (?=file:)", "", line).split(" ;")[0].split(" --hash")[0].strip()
    if re.match(r"[\w.-]+(\[[^\]]*\])?\s*(==|@)", spec):
        return None
    written = re.sub(r"\[[^\]]*\]$", "", spec)
    if written.startswith("file:"):
        written = unquote(re.sub(r"^file:(//)?", "", written))
    path = (cwd / written).resolve()
    return path if path.exists() else None


def _with_hashes(lines: list[str], known: Mapping[str, list[str]]) -> list[str]:
    """With the hashes that the requirements file has: what is installed is compared with them."""
    found = []
    for line in lines:
        m = re.match(r"([\w.-]+)(?:\[[^\]]*\])?(==[^\s;]+)", line)
        given = known.get((m[1] + m[2]).lower(), ()) if m and "--hash" not in line else ()
        found.append(" ".join([line, *(f"--hash={h}" for h in given)]))
    return found


def dependencies(lines: list[str], source: Source, at: Layout, target: Target, *, cache: Path,
                 note: Callable[[str], None]) -> Path | None:
    """The installed dependencies as a zip, deflated once for all functions that share them."""
    if not lines:
        return None

    def make(part: Path) -> None:
        note(f"installing {len(lines)} dependencies for {target.name}")
        wanted = with_logins([*places, *lines], at.declared)
        with tempfile.TemporaryDirectory(prefix="sst-install-") as temporary:
            tree = Path(temporary) / "tree"
            _install(wanted, tree, (*target.flags, "--no-deps", *indexes), cwd=at.lock.parent if at.lock else at.home)
            files = _beside_python(package_files(tree), target, note)
            must_fit({n: p for n, p in files.items() if n.endswith(".dist-info/WHEEL")}, target)
            write_zip(part / "tree.zip", {n: file_part(n, p, executable=_runs(n, p)) for n, p in files.items()})

    places, indexes = _places(source, at), _indexes(at)
    # one version may be another package elsewhere
    where = [without_login(p) for p in (*places, *indexes)]
    return keep(cache, "dependencies", dependencies_key(lines, target, where, cache=cache), make,
                has_archive) / "tree.zip"


def _beside_python(files: dict[str, Path], target: Target, note: Callable[[str], None]) -> dict[str, Path]:
    """Without the modules that Python has itself, such as those of ``uuid`` or ``dataclasses`` on PyPI: in a virtual
    environment nothing would ever import them, and on Lambda they would stand before Python's own."""
    standard = standard_modules(target.version)
    hiding = {n for n in files if n.partition("/")[0].removesuffix(".py") in standard
              and ((n.endswith(".py") and "/" not in n) or f"{n.partition('/')[0]}/__init__.py" in files)}
    if hiding:
        names = sorted({n.partition("/")[0].removesuffix(".py") for n in hiding})
        note(f"{', '.join(names)}: part of Python {target.version}, so the packages of that name are left out")
    return {n: p for n, p in files.items() if n not in hiding}


def dependencies_key(lines: list[str], target: Target, where: list[str], *, cache: Path) -> str:
    archives = [hashlib.sha256(Path(x).read_bytes()).hexdigest() for x in lines if "==" not in x and Path(x).is_file()]
    return content_key(["dependencies 4", *lines, *where, *archives, target.name, uv.version(cache)], [])


def _runs(name: str, path: Path) -> bool:
    return bool(path.stat().st_mode & 0o100) and not name.endswith(".py")


def _places(source: Source, at: Layout) -> list[str]:
    """pip's options that say where the packages come from, as the files that declare them have them."""
    if at.requirements:
        return index_options(at.requirements)
    return [line for line in _declared(source, at).lines if line.startswith("--")] if at.tool else []


def _indexes(at: Layout) -> list[str]:
    """The project's explicit indexes (PyTorch's, say): uv alone would use them for the packages that name them, not for
    a list."""
    home = at.lock.parent / "pyproject.toml" if at.lock else at.project
    if home is None or home.name != "pyproject.toml" or not home.is_file():
        return []
    found = read_toml(home).get("tool", {}).get("uv", {}).get("index", [])
    flags = [f"--index={i['name']}={i['url']}" if "name" in i else f"--index={i['url']}"
             for i in found if i.get("explicit")]
    return [*flags, "--index-strategy=unsafe-best-match"] if flags else []


def _install(lines: list[str], tree: Path, flags: tuple[str, ...], *, cwd: Path) -> None:
    """Wheels only and from uv's cache if that does; then from the registry; then with what must be built (checked
    later)."""
    listed = tree.with_name("requirements.txt")
    listed.write_text("\n".join(lines) + "\n")
    command = ["pip", "install", "--target", str(tree), "--link-mode=copy", *flags, "-r", str(listed)]
    for more in (["--offline", "--only-binary=:all:"], ["--only-binary=:all:"]):
        try:
            uv.run([*command, *more], cwd=cwd, what="install the dependencies")
            return
        except uv.Refused:
            shutil.rmtree(tree, ignore_errors=True)
    uv.run(command, cwd=cwd, what="install the dependencies")


def must_fit(files: Mapping[str, bytes | Path], target: Target) -> None:
    """UserError if a package was compiled here for another platform than the function's. ``files`` holds the ``WHEEL``
    files of packages."""
    if "manylinux" not in target.name:
        return
    for name, found in files.items():
        content = found if isinstance(found, bytes) else found.read_bytes()
        if re.fullmatch(r"[^/]+\.dist-info/WHEEL", name) and (
                m := re.search(rb"^Tag: .*-((?:linux|macosx|win)\w*)$", content, re.M)):
            package = name.partition(".dist-info")[0].replace("-", " ")
            raise UserError(f"{package} has no wheel for Lambda ({target.name}); one built here would be for "
                            f"{m[1].decode()}",
                            hint="choose a version that publishes manylinux wheels, or another architecture or Python "
                                 "version")
