"""The providers of a project: ``sst add``, ``sst install``, ``sst providers``."""
from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..clouds.terraform.catalogue import Catalogue
from ..clouds.terraform.classes import class_name
from ..clouds.terraform.schema import Block, python_name
from ..clouds.terraform.stubs import stub_files
from ..core.graph import Graph
from ..core.model import Snapshot, name_of
from ..core.names import did_you_mean
from ..errors import UserError
from ..plugins.download import Download
from ..plugins.hashes import h1_of_folder
from ..plugins.installer import Installer
from ..plugins.lock import FILE, Lock, Locked, in_ci
from ..plugins.registry import Registry
from ..plugins.source import host_platform, source_of
from ..plugins.store import Store
from ..plugins.versions import fits, newest
from .resource_types import NO_VENV, find_venv, write_provider_types

__all__ = ["Line", "Listed", "ProjectProviders", "Use", "uses"]

RESERVED = {"aws": "aws_tf", "local": "local_tf"}
"""Modules of `sst.providers` that are ours, and what a provider of that name is called instead."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A provider of the lock. ``size`` is that of its package in bytes, 0 if it is not installed."""

    locked: Locked
    size: int
    newest: str = ""
    """The newest version that fits the constraint, where the registry was asked and it is another one."""


@dataclass(frozen=True, slots=True)
class Line:
    """An argument or output of a type, for ``sst providers schema``."""

    name: str
    kind: str
    note: str
    text: str


@dataclass(frozen=True, slots=True)
class Use:
    """Something that needs a provider. ``instance`` is the name of its provider instance, empty for the default."""

    name: str
    type: str
    where: str
    instance: str = ""


def uses(name: str, graph: Graph, snapshot: Snapshot) -> list[Use]:
    """What the program declares of a provider, and what only the state still has."""
    declared = [Use(name_of(g.urn), g.type, g.where, g.provider.partition("::")[2])
                for g in graph.goals.values() if g.provider.partition("::")[0] == name]
    held = [Use(name_of(s.urn), s.type, "in the state only", s.provider.partition("::")[2])
            for s in (*snapshot.resources.values(), *snapshot.deposed.values())
            if s.provider.partition("::")[0] == name and s.urn not in graph.goals]
    return declared + held


class ProjectProviders:
    """Of the project at ``root``. ``note`` hears what takes long."""

    def __init__(self, root: Path, environ: Mapping[str, str], note: Callable[[str], None] = lambda text: None) -> None:
        self.root, self._environ = root, environ
        self.lock = Lock.read(root)
        self.store = Store.of(root, environ, self.lock.mirror)
        self._registry = Registry(Download(environ))
        self._installer = Installer(self.store, self._registry, note)

    def add(self, words: tuple[str, ...]) -> list[Locked]:
        """``vercel``, ``vercel@4.2.0``, ``acme/dns@~> 1.0``: all of them, or none."""
        self._may_write()
        lock, made = self.lock, []
        for word in words:
            text, _, version = word.rpartition("@") if "@" in word[1:] else (word, "", "")
            source = source_of(text)
            constraint = version if version == "" or not version[0].isdigit() else f"= {version}"
            if version and version[0].isdigit() and version.count(".") < 2:
                constraint = f"~> {version}" if "." in version else f"~> {version}.0"
            name = source.type.lower().replace("-", "_")
            one = self._installer.add(lock, RESERVED.get(name, name), source, constraint)
            lock = lock.with_provider(one)
            made.append(one)
        catalogue = self.catalogue(lock)
        for one in made:    # its schemas are cached now; one that can't be started is not written
            lock = lock.with_provider(replace(one, protocol=catalogue.schemas(one.name).protocol))
        self._write(lock)
        return [self.lock.named(one.name) for one in made]

    def install(self) -> list[Locked]:
        """What `sst.lock` names and is not here; the lock does not change."""
        return [one for one in self.lock.providers.values() if self._installer.install(self.lock, one)]

    def listed(self, *, ask: bool = False) -> list[Listed]:
        found = []
        for one in self.lock.providers.values():
            folder = self.store.find(one)
            size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) if folder else 0
            new = newest(self._registry.versions(one.source), one.constraint) if ask else None
            found.append(Listed(one, size, new if new and new != one.version else ""))
        return found

    def upgrade(self, names: tuple[str, ...]) -> list[tuple[Locked, Locked, list[str]]]:
        """Before, after, and the types that the new version does not have any more; nothing is written yet."""
        chosen = {n.partition("@")[0]: n.partition("@")[2] for n in names} or dict.fromkeys(self.lock.providers, "")
        found = []
        for name, version in chosen.items():
            one = self.lock.named(name)
            constraint = f"= {version}" if version else one.constraint
            new = self._installer.add(self.lock, name, one.source, constraint)
            if new.version != one.version:
                new = replace(new, constraint=one.constraint if fits(new.version, one.constraint) else "")
                found.append((one, new, self._gone(one, new)))
        return found

    def catalogue(self, lock: Lock | None = None) -> Catalogue:
        """With this lock instead of the project's."""
        made = Catalogue(self.root, self._environ)
        made.lock = lock or self.lock
        return made

    def _gone(self, old: Locked, new: Locked) -> list[str]:
        before = self.catalogue().schemas(old.name).resources if self.store.find(old) else {}
        after = self.catalogue(self.lock.with_provider(new)).schemas(new.name).resources
        return sorted(set(before) - set(after))

    def keep(self, *providers: Locked) -> None:
        """Write them into the lock."""
        self._may_write()
        lock = self.lock
        for one in providers:
            lock = lock.with_provider(one)
        self._write(lock)

    def remove(self, name: str, snapshot: Snapshot) -> Locked:
        """Take it out of the lock. Raises ``UserError`` while the state has resources of it."""
        self._may_write()
        one = self.lock.named(name)
        held = sorted(name_of(s.urn) for s in (*snapshot.resources.values(), *snapshot.deposed.values())
                      if s.provider.partition("::")[0] == name and not s.read)
        if held:
            shown = ", ".join(held[:3]) + (f" and {len(held) - 3} more" if len(held) > 3 else "")
            raise UserError(f"{name} manages {shown} in this stage",
                            hint="remove them from the program and deploy first")
        self._write(self.lock.without(name))
        return one

    def lock_again(self) -> list[Locked]:
        """Read the hashes of all platforms from the registry again, and trust them."""
        self._may_write()
        made = []
        for one in self.lock.providers.values():
            package = self._registry.package(one.source, one.version, host_platform())
            folder = self.store.find(replace(one, hashes=()))
            here = {h1_of_folder(folder)} if folder else set[str]()
            made.append(replace(one, key=package.key, protocol=package.protocol,
                                hashes=tuple(sorted({*package.hashes, *here}))))
        self.keep(*made)
        return made

    def mirror(self, folder: Path) -> list[Path]:
        """Copy the installed packages into a folder of Terraform's layout, for machines without network."""
        made = []
        for one in self.lock.providers.values():
            package = self.store.program(one).parent
            place = folder / str(one.source) / one.version / host_platform()
            if not place.exists():
                shutil.copytree(package, place)
                made.append(place)
        return made

    def write_types(self) -> str:
        """Write types of all providers into the virtual environment; what to tell the user where there is none."""
        venv = find_venv(self.root, self._environ)
        if venv is None:
            return NO_VENV
        catalogue = self.catalogue()
        write_provider_types(venv, {name: stub_files(name, one.source.type, catalogue.schemas(name))
                                    for name, one in self.lock.providers.items() if self.store.find(one)})
        return ""

    def schema(self, type: str) -> Iterator[Line]:
        """The arguments and outputs of ``vercel.Project``, ``vercel.data.Project`` or ``vercel.Provider``."""
        name, _, short = type.replace(":", ".").partition(".")    # plans show `vercel:Project`
        one = self.lock.named(name)
        schemas = self.catalogue().schemas(name)
        if short == "Provider":
            yield from _lines(schemas.settings.block, "")
            return
        is_data = short.startswith("data.")
        names = schemas.data if is_data else schemas.resources
        known = {class_name(n, one.source.type): n for n in names}
        wanted = short.removeprefix("data.")
        if wanted not in known:
            raise UserError(f"{name} has no {'data source' if is_data else 'resource'} {wanted!r}",
                            hint=did_you_mean(wanted, sorted(known)))
        own = schemas.data_source(known[wanted]) if is_data else schemas.resource(known[wanted])
        yield from _lines(own.block, "")

    def _may_write(self) -> None:
        if in_ci(self._environ):
            raise UserError(f"{FILE} is not changed where CI is set", hint="run it on your machine and commit the file")

    def _write(self, lock: Lock) -> None:
        lock.write(self.root)
        self.lock = lock


def _lines(block: Block, prefix: str) -> Iterator[Line]:
    for name, a in sorted(block.attributes.items()):
        flags = [w for w, is_so in (("required", a.required), ("secret", a.secret), ("write-only", a.write_only),
                                    ("output", not a.settable), ("deprecated", a.deprecated)) if is_so]
        yield Line(f"{prefix}{name if prefix else python_name(name)}", _kind(a.type), ", ".join(flags),
                   a.description.strip().partition("\n")[0])
    for name, n in sorted(block.blocks.items()):
        yield Line(f"{prefix}{name}", "mapping" if n.alone else "list of mappings",
                   "required" if n.least else "", "")
        yield from _lines(n.block, f"{prefix}{name}.")


def _kind(type: Any) -> str:
    match type:
        case ["list" | "set", inner]:
            return f"list of {_kind(inner)}"
        case ["map", inner]:
            return f"mapping to {_kind(inner)}"
        case ["object" | "tuple", _]:
            return "mapping" if type[0] == "object" else "list"
    return {"string": "text", "number": "number", "bool": "bool"}.get(type, "any")
