"""Builds of sites with a server as resources: the framework's own command, then what it made."""
from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...build.files import walk
from ...build.site.flat import linked_packages
from ...core.model import Operation, State
from ...core.output import Output, plain
from ...core.provider import Absent, Change, Found, Note, Provider, Result, Unsure
from ...core.resource import Arg, Resource, out, prop, schema_of
from ...core.schema import Schema
from ...errors import ProviderError
from .build_environment import build_environment
from .command import hidden_values
from .folders import inside, read_folder
from .runner import Runner

if TYPE_CHECKING:
    from ...build.site.assemble import Assembled

__all__ = ["Site", "SiteBuilder"]

_OUTPUTS = frozenset({"build", "dist", ".output", ".svelte-kit", ".react-router", ".astro", ".nuxt", ".next",
                      ".open-next", ".angular", ".tanstack", ".nitro", ".vinxi", ".analog", "sst-env.d.ts"})
"""What frameworks write into the folder of a site."""
_LOCKS = ("package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb", "package.json")


class Site(Resource, type="local.Site", digest="source"):
    """The build of a site with a server. It runs when an argument or a file of the site has changed."""

    framework: Arg[str] = prop()
    """The reader of what the build makes."""
    command: Arg[str] = prop()
    """A line for the shell."""
    folder: Arg[str] = prop(default=".")
    """The site, relative to the project."""
    source: Arg[str] = prop()
    """Hash of the site's files and of lock files above it."""
    apart: Arg[Sequence[str]] = prop(default=None)
    """Folders in it that are other sites."""
    environment: Arg[Mapping[str, str]] = prop(default=None)
    """Variables of the build. Of the user's shell it has PATH, HOME, locale, proxies and npm's settings."""
    server: Arg[bool] = prop(default=True)
    """Whether pages are rendered on a server."""
    entry: Arg[str] = prop(default=None)
    """The module that starts the server, where the framework does not say it."""
    install: Arg[Sequence[str]] = prop(default=None)
    """Packages that the server gets whole, with what they depend on."""
    base: Arg[str] = prop(default=None)
    """The path below which the app answers by itself."""
    functions: Arg[Sequence[str]] = prop(default=None)
    """Names of functions into which the build splits the server, besides the default one."""
    image: Arg[bool] = prop(default=None)
    """The server becomes an image, which may be larger than a zip of Lambda."""

    contents: Output[Mapping[str, str]] = out(volatile=True)
    """The folder of files that are served, and its digest."""
    code: Output[Mapping[str, str]] = out(volatile=True)
    """``path`` and ``sha256`` of the server's zip. The same if the build made the same again."""
    handler: Output[str] = out(volatile=True)
    codes: Output[Mapping[str, Mapping[str, str]]] = out(volatile=True)
    """``code`` of each of ``functions``."""
    routes: Output[Sequence[Sequence[str]]] = out(volatile=True)
    """Pairs of a regular expression and the function that answers paths which it matches; empty for the default one."""
    data: Output[Mapping[str, str]] = out(volatile=True)
    """The folder of files for the server's own bucket, and its digest; empty if there are none."""


def site_fingerprint(folder: Path, apart: Sequence[str] = ()) -> str:
    """Hash of all that a build reads: files that git does not ignore, those of packages of the same repository that
    it uses, lock files up to the repository, ``.env``; without what is ``apart`` in it."""
    files = _read_of(folder, apart)
    for member in linked_packages(folder):
        files |= {f"{os.path.relpath(member, folder)}/{name}": path for name, path in _read_of(member).items()}
    files |= {p.name: p for p in folder.glob(".env*") if p.is_file()}
    for depth, above in enumerate(_up(folder)):
        files |= {f"{'../' * depth}{name}": above / name for name in _LOCKS if (above / name).is_file()}
    made = hashlib.sha256()
    for name, path in sorted(files.items()):
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # it vanished meanwhile
            continue
        made.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode("utf-8", "surrogateescape"))
    return made.hexdigest()


def _read_of(folder: Path, apart: Sequence[str] = ()) -> dict[str, Path]:
    return {f.name: f.path for f in walk(
        folder, lambda name, is_dir: name.split("/")[0] not in _OUTPUTS and name not in apart).files}


def _up(folder: Path) -> Iterator[Path]:
    """The folder and those above it, up to the repository."""
    for at in (folder, *folder.parents):
        yield at
        if (at / ".git").exists():
            return


class SiteBuilder(Provider):
    """The provider of ``local.Site``. ``environ`` is the environment of ``sst``."""

    def __init__(self, root: Path, cache: Path, environ: Mapping[str, str], runner: Runner) -> None:
        self.root, self.cache, self.environ, self.runner = root, cache, environ, runner

    def schema(self, type: str) -> Schema:
        return schema_of(Site)

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        was: Mapping[str, Any] = prior.inputs if prior else {}
        changed = frozenset(k for k in Site.props if was.get(k) != inputs.get(k))
        if prior and not changed and plain([prior.outputs.get("contents")]) and not self._is_here(prior):
            changed = frozenset({"source"})
        return Change(changed, unknown=frozenset(Site.outs) if changed else frozenset())

    def create(self, operation: Operation, note: Note) -> Result:
        from ...build.site.assemble import assemble, check_base, check_functions, check_server
        from ...build.site.frameworks import READERS
        from ...build.site.nodejs import node_for

        inputs, folder = operation.inputs, inside(self.root, operation.inputs["folder"])
        if not (folder / "node_modules").is_dir() and not any((f / "node_modules").is_dir() for f in folder.parents):
            archives = any((f / ".pnp.cjs").is_file() for f in (folder, *folder.parents))
            raise ProviderError("the packages of the site are not installed" + " in node_modules" * archives,
                                operation="build", sent=False,
                                hint="write nodeLinker: node-modules into .yarnrc.yml and install again" if archives
                                else f"run `npm install` in {inputs['folder']}")
        apart = inputs.get("apart") or ()
        before = site_fingerprint(folder, apart)
        node = node_for(folder, self.environ.get("PATH", ""), note)
        self.runner.run(inputs["command"], folder, self._environment(node, inputs), note, alone=True,
                        hide=hidden_values(operation))
        output = READERS[inputs["framework"]](folder, str(inputs.get("entry") or ""))
        check_server(output, expected=bool(inputs["server"]), framework=inputs["framework"])
        check_base(output, str(inputs.get("base") or ""))
        check_functions(output, inputs.get("functions") or ())
        made = assemble(folder, output, self.cache, install=inputs.get("install") or (), note=note,
                        image=bool(inputs.get("image")), apart=apart)
        if made.report:
            note(f"server: {made.report}")
        for name, function in made.functions.items():
            note(f"function {name}: {function.report}")
        return Result(operation.urn, self._outputs(made, output.routes), {**inputs, "source": before})

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        return self.create(operation, note)

    def read(self, state: State) -> Result | None:
        return Result(state.id, state.outputs)

    def delete(self, state: State, note: Note) -> None:
        """What the command made stays: it is the user's folder. The cache is cleaned by age."""

    def find(self, operation: Operation) -> Found | Absent | Unsure:
        return Absent()

    def _environment(self, node: Path, inputs: Mapping[str, Any]) -> dict[str, str]:
        path = f"{node}:{self.environ.get('PATH', '')}"
        return {**build_environment(self.environ), "PATH": path, **(inputs.get("environment") or {})}

    def _outputs(self, made: Assembled, routes: Sequence[tuple[str, str]]) -> dict[str, Any]:
        split = {"codes": {name: {"path": str(one.path), "sha256": one.sha256} for name, one in made.functions.items()},
                 "routes": [list(route) for route in routes]}
        return {"contents": self._folder(made.static), "handler": made.handler,
                "data": self._folder(made.data) if made.data else {},
                "code": {"path": str(made.code), "sha256": made.sha256} if made.code else {}, **split}

    def _folder(self, folder: Path) -> dict[str, str]:
        return {"folder": folder.relative_to(self.root.resolve()).as_posix(),
                "digest": read_folder(folder, self.root).digest}

    def _is_here(self, prior: State) -> bool:
        """Whether the cache of this machine has what was built; the cloud may need it."""
        every = [prior.outputs.get("code") or {}, *(prior.outputs.get("codes") or {}).values()]
        return all(Path(code["path"]).is_file() for code in every if code)
