"""Node functions: one file made by esbuild, beside it what can't be bundled."""
from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..machine.files import cached, replace_cached
from ..records import dataclass
from .cache import keep, tidy
from .esbuild import VERSION, esbuild, npm
from .files import secret
from .project_files import ProjectFiles
from .resolution import Resolution, resolution
from .source import SUFFIXES, Source
from .uv import host_platform, lines_that_matter
from .wheel import content_key
from .zip import Parts, bytes_part, entry_part, file_part, has_archive, read, unpacked, write_zip

__all__ = ["Place", "bundle", "check", "facts", "failure", "fingerprint", "flags", "handler_of",
           "installed_folder", "with_export"]

_OPTIONS = frozenset({"minify", "format", "sourcemap", "splitting", "install", "loader", "banner", "external",
                      "esbuild"})
_LOCKS = ("package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb", "npm-shrinkwrap.json")
_TICK = 10_000_000
"""Nanoseconds that a file system's clock may be late."""
_NATIVE = ("sharp", "pg-native")
"""Packages with binaries: never put into the one file; `install` brings them."""
_BANNER = ("import { createRequire as __sstRequire } from 'node:module';"
           "import { fileURLToPath as __sstPath } from 'node:url';"
           "const require = __sstRequire(import.meta.url);"
           "const __filename = __sstPath(import.meta.url);"
           "const __dirname = __sstPath(new URL('.', import.meta.url));")


@dataclass(frozen=True, slots=True)
class Place:
    file: Path
    attribute: str
    base: Path
    """Where esbuild runs, so that names in the bundle are the same everywhere: the workspace's or the package's
    folder."""
    package: Path | None
    """The nearest package.json."""


def check(source: Source) -> Place:
    """Find the handler; UserError if there is no such file, no such export, or an unknown option."""
    root = source.folder
    for name in source.nodejs:
        if name not in _OPTIONS:
            raise UserError(f'Unknown nodejs option "{name}"', hint=f"there are {', '.join(sorted(_OPTIONS))}")
    stem, _, attribute = source.handler.rpartition(".")
    file = next((p for s in SUFFIXES if stem and (p := root / (stem + s)).is_file()), None)
    if file is None:
        raise UserError(f'Handler not found: "{source.handler}"',
                        hint=f"there is no {stem or source.handler} with {' '.join(SUFFIXES)} in {root}")
    _exports(file, attribute, root)
    folders = [file.parent, *file.parent.parents]
    top = next((i for i, f in enumerate(folders) if (f / ".git").exists()), folders.index(root))
    folders = folders[:max(top, folders.index(root)) + 1]
    package = next((f / "package.json" for f in folders if (f / "package.json").is_file()), None)
    base = next((f for f in folders if any((f / n).is_file() for n in _LOCKS)), package.parent if package else root)
    return Place(file, attribute, base, package)


def _exports(file: Path, attribute: str, root: Path) -> None:
    text = file.read_text("utf-8", errors="replace")
    name = re.escape(attribute)
    found = (rf"\bexport\s[^;]*\b{name}\b", rf"\bexports\s*\.\s*{name}\b", r"\bexport\s*\*\s*from\b",
             r"\bmodule\s*\.\s*exports\b",
             rf"\bexport\s*\{{[^}}]*\b{name}\b")
    if not any(re.search(p, text) for p in found):
        shown = file.relative_to(root).as_posix()
        raise UserError(f'There is no export "{attribute}" in {shown}', where=f"{shown}:1",
                        hint=f"export const {attribute} = async (event) => …")


def fingerprint(source: Source, *, cache: Path, files: ProjectFiles,
                note: Callable[[str], None] = lambda _: None) -> str:
    """A hash of what esbuild makes: a change of what it leaves out, such as a comment, is none.

    While nothing has changed that decided the last bundle, no process is started. Else the bundle is made, and kept for
    the deploy. UserError if it can't be made.
    """
    at = check(source)
    memo = cache / "resolutions" / f"{_key(source, at)}.json"
    if known := cached(memo, lambda kept: str(kept["fingerprint"]) if Resolution.from_dict(kept).holds(files) else ""):
        return known
    return _make(source, at, cache=cache, note=note)


def bundle(source: Source, *, cache: Path, files: ProjectFiles, note: Callable[[str], None]) -> tuple[str, Parts]:
    """The fingerprint of the function's files as they are, and the parts of its zip."""
    at = check(source)
    key = fingerprint(source, cache=cache, files=files, note=note)
    if not has_archive(cache / "bundles" / key, "code.zip"):
        key = _make(source, at, cache=cache, note=note)
    archive = cache / "bundles" / key / "code.zip"
    installed = _installed(source, at, cache=cache, note=note)
    return key, {e.name: entry_part(e) for a in (archive, installed) if a for e in read(a)}


def handler_of(source: Source) -> str:
    """The handler as Lambda wants it."""
    return f"bundle.{source.handler.rpartition('.')[2]}"


def _key(source: Source, at: Place) -> str:
    facts = ["3", json.dumps({**source.to_dict(), "copy_files": []}, sort_keys=True, default=str), str(at), VERSION,
             _BANNER]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:32]


def _make(source: Source, at: Place, *, cache: Path, note: Callable[[str], None]) -> str:
    """Run esbuild; keep the bundle, and what decided it. What was saved while esbuild ran is not relied upon."""
    program, began = esbuild(note), time.time_ns()
    note(f"bundling {source.handler} with esbuild")
    with tempfile.TemporaryDirectory(prefix="sst-node-") as temporary:
        out, meta = Path(temporary) / "out", Path(temporary) / "meta.json"
        done = subprocess.run([str(program), *flags(source, at, out), f"--metafile={meta}"], cwd=at.base,
                              capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
                              env={k: v for k, v in os.environ.items() if k != "NODE_PATH"})
        if done.returncode:
            raise failure(source, lines_that_matter(done.stderr, 25))
        metafile = json.loads(meta.read_bytes())
        _refuse_credentials(source, metafile)
        _refuse_names(at.base, metafile)
        made = {p.relative_to(out).as_posix(): _relative(p, at.base) if p.suffix == ".map" else p.read_bytes()
                for p in sorted(out.rglob("*")) if p.is_file()}
    if (bundle := "bundle.mjs") in made:
        made[bundle] = with_export(made[bundle], metafile, at.attribute)
    now = ProjectFiles(cache)
    decided = resolution(metafile, at.base, source.nodejs.get("esbuild", {}), now)
    digest = hashlib.sha256(f"node 3\0{json.dumps(_wanted(source, at))}".encode())
    for name, content in sorted(made.items()):
        digest.update(f"\0{name}\0".encode() + hashlib.sha256(content).digest())
    key = digest.hexdigest()[:40]
    keep(cache, "bundles", key, lambda part: _write(part, made), lambda entry: has_archive(entry, "code.zip"))
    tidy(cache / "bundles", newest=100, unused=24 * 3600)
    if decided.newest(now) < began - _TICK:
        memo = cache / "resolutions" / f"{_key(source, at)}.json"
        replace_cached(memo, {**decided.to_dict(), "fingerprint": key})
    now.save()
    return key


def _refuse_credentials(source: Source, metafile: Mapping[str, Any]) -> None:
    """UserError for an import of credentials by another name: through a link."""
    for name, file in metafile["inputs"].items():
        for imported in file["imports"]:
            real, written = Path(imported["path"]).name, Path(imported.get("original") or imported["path"]).name
            if secret(real) and not secret(written) and not imported.get("external"):
                raise UserError(f"{name} imports {imported['original']}, which is a link to credentials: {real}",
                                hint=f"import {real} itself if {source.handler} may have it")


def with_export(bundle: bytes, metafile: Mapping[str, Any], attribute: str) -> bytes:
    """An ES module that exports the handler by its name. esbuild makes one of a CommonJS file that has all of it under
    ``default``, where Lambda does not look.

    Source: https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/blob/main/src/UserFunction.js
    """
    exports = next((o.get("exports", ()) for n, o in metafile["outputs"].items() if n.endswith("bundle.mjs")), ())
    if attribute in exports or "default" not in exports:
        return bundle
    more = (f'\nimport __sstModule from "./bundle.mjs";\nconst __sstHandler = __sstModule.{attribute};\n'
            f"export {{ __sstHandler as {attribute} }};\n")
    return bundle + more.encode()


def _refuse_names(base: Path, metafile: Mapping[str, Any]) -> None:
    """UserError for a file whose name is not UTF-8: esbuild does not say which it was, so no change of it would be
    seen."""
    if name := next((n for n in metafile["inputs"] if "\ufffd" in n and not (base / n).exists()), None):
        raise UserError(f"The name of the file {name} is not UTF-8, so it can't be in a bundle",
                        hint="rename it, or the folder that it is in")


def _write(folder: Path, made: Mapping[str, bytes]) -> None:
    write_zip(folder / "code.zip", {n: bytes_part(n, c) for n, c in made.items()})


def _relative(sourcemap: Path, base: Path) -> bytes:
    """A source map whose paths start in the project: esbuild writes them from the temporary folder."""
    content = json.loads(sourcemap.read_bytes())
    home = os.path.realpath(base)
    real = (os.path.realpath(sourcemap.parent / s) for s in content["sources"])
    content["sources"] = [Path(os.path.relpath(r, home)).as_posix() for r in real]
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def flags(source: Source, at: Place, out: Path) -> list[str]:
    """What esbuild is asked for: the entry, then options; ``out`` is the folder that gets the bundle."""
    options = source.nodejs
    esm = options.get("format", "esm") == "esm"
    name = "bundle.mjs" if esm else "bundle.cjs"
    sourcemap = options.get("sourcemap", source.host)
    external = [*_NATIVE, *_versions(options), *options.get("external", ())]
    made = [str(at.file), "--bundle", "--platform=node", f"--target=node{source.version}", "--keep-names",
            "--log-level=error",
             "--color=false", "--legal-comments=none", f"--format={'esm' if esm else 'cjs'}",
             "--main-fields=module,main" if esm else "--main-fields=main"]
    made += [f"--external:{e}" for e in external] + [f"--loader:{k}={v}" for k,
                                                     v in sorted(options.get("loader", {}).items())]
    banner = (_BANNER if esm else "") + str(options.get("banner", ""))
    made += [f"--banner:js={banner}"] if banner else []
    if options.get("minify", not source.host):
        made.append("--minify")
    if sourcemap:
        made += ["--sourcemap=linked", "--sources-content=true"]
    if options.get("splitting"):
        if not esm:
            raise UserError("`splitting` needs format esm")
        made += ["--splitting", f"--outdir={out}", "--entry-names=bundle", "--out-extension:.js=.mjs"]
    else:
        made.append(f"--outfile={out / name}")
    return made + _more(options.get("esbuild", {}))


def _more(options: Mapping[str, Any]) -> list[str]:
    """esbuild's own options by the names of its JavaScript API: ``{"define": {"X": "1"}, "treeShaking": True}``."""
    flags = []
    for name, value in sorted(options.items()):
        flag = "--" + re.sub(r"[A-Z]", lambda m: "-" + m[0].lower(), name)
        if isinstance(value, Mapping):
            flags += [f"{flag}:{k}={v}" for k, v in sorted(value.items())]
        elif isinstance(value, (list, tuple)):
            flags += ([f"{flag}:{v}" for v in value] if name in ("external", "inject", "pure", "drop")
                      else [f"{flag}={','.join(value)}"])
        else:
            flags.append(f"{flag}={str(value).lower() if isinstance(value, bool) else value}")
    return flags


def failure(source: Source, said: str) -> UserError:
    """The error of a failed build; ``said`` is esbuild's output, indented."""
    hint = ("\n  hint: install the package, or name it in `external` if it is there at run time"
            if "Could not resolve" in said else "")
    return UserError(f"Could not bundle {source.handler}\n{said}{hint}", code="build-failed")


def _versions(options: Mapping[str, Any]) -> dict[str, str]:
    wanted = options.get("install", {})
    return dict(wanted) if isinstance(wanted, Mapping) else {str(n): "" for n in wanted}


def _wanted(source: Source, at: Place) -> dict[str, str]:
    """The `install` packages and their versions: as given, or as package.json has them."""
    wanted = _versions(source.nodejs)
    if not wanted:
        return {}
    own = json.loads(at.package.read_text("utf-8-sig")) if at.package else {}
    known = {**own.get("devDependencies", {}), **own.get("optionalDependencies", {}), **own.get("dependencies", {})}
    return {n: v or known.get(n, "latest") for n, v in sorted(wanted.items())}


def installed_folder(source: Source, at: Place, *, cache: Path, note: Callable[[str], None]) -> Path | None:
    """The `install` packages as a folder ``node_modules``; None if there are none."""
    archive = _installed(source, at, cache=cache, note=note)
    return unpacked(archive, cache) / "node_modules" if archive else None


def _installed(source: Source, at: Place, *, cache: Path, note: Callable[[str], None]) -> Path | None:
    """A zip of the `install` packages for the function's platform, kept by their versions."""
    wanted = _wanted(source, at)
    if not wanted:
        return None
    for n, v in wanted.items():
        if re.match(r"(workspace|file|link|portal|catalog|patch):", v):
            raise UserError(f'"{n}" can\'t be installed into the bundle from "{v}"',
                            hint=f'give a version: install={{"{n}": "1.2.3"}}')
    cpu = {"x86_64": "x64", "arm64": "arm64"}[source.architecture]
    target = host_platform() if source.host else f"linux-{cpu}"
    key = content_key(["node 1", json.dumps(wanted), target], [])

    def make(part: Path) -> None:
        note(f"installing {', '.join(wanted)} for {target}")
        (part / "package.json").write_text(json.dumps({"private": True, "dependencies": wanted}))
        platform = [] if source.host else ["--os=linux", f"--cpu={cpu}", "--libc=glibc"]
        for rc in (f / ".npmrc" for f in {at.base, source.folder} if (f / ".npmrc").is_file()):
            shutil.copyfile(rc, part / ".npmrc")
        npm(["install", "--force", "--no-package-lock", "--omit=dev", *platform], cwd=part,
            what=f"install {', '.join(wanted)}")
        pack_packages(part)

    return keep(cache, "node", key, make, has_archive) / "tree.zip"


def pack_packages(part: Path) -> None:
    """Make ``tree.zip`` of the ``node_modules`` that npm left in ``part``; these and the settings of npm go."""
    tree = part / "node_modules"
    home = tree.resolve()
    files = {f"node_modules/{p.relative_to(tree).as_posix()}": p for p in tree.rglob("*")
             if p.is_file() and p.name != ".package-lock.json" and ".bin" not in p.parts
             and home in p.resolve().parents}
    write_zip(part / "tree.zip", {n: file_part(n, p, executable=os.access(p, os.X_OK)) for n, p in files.items()})
    shutil.rmtree(tree)
    (part / ".npmrc").unlink(missing_ok=True)


def facts() -> str:
    """What of our own side decides a bundle: the version of esbuild and the banner."""
    return VERSION + hashlib.sha256(_BANNER.encode()).hexdigest()[:8]
