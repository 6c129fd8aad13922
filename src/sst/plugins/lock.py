"""``sst.lock``: which providers a project uses, in which versions, what their packages must be, and which images its
containers stand on. It is committed."""
from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from ..core.names import did_you_mean
from ..errors import UserError
from ..machine.files import replace_file
from ..records import dataclass
from .source import Source, source_of
from .versions import order

__all__ = ["FILE", "Lock", "Locked", "in_ci"]

FILE = "sst.lock"
_VERSION = 1
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def in_ci(environ: Mapping[str, str]) -> bool:
    """Whether ``CI`` is set: no command changes the lock then, and nothing is simulated beside one."""
    return environ.get("CI", "").lower() in ("1", "true")


@dataclass(frozen=True, slots=True)
class Locked:
    """One provider. ``name`` is what programs import, ``from sst.providers import name``."""

    name: str
    source: Source
    version: str
    constraint: str = ""
    protocol: int = 0
    key: str = ""
    """Id of the OpenPGP key that signed it; empty if the registry has none."""
    hashes: tuple[str, ...] = ()
    """``zh:`` of the package of every platform, ``h1:`` of those that were unpacked."""

    def __str__(self) -> str:
        return f"{self.source.namespace}/{self.source.type} {self.version}"


@dataclass(frozen=True, slots=True)
class Lock:
    """The whole file. Nothing in it means that there is none."""

    providers: Mapping[str, Locked] = field(default_factory=dict)
    mirror: str = ""
    """A folder with packages, relative to the file; it is looked into before any registry."""
    require_signatures: bool = False
    images: Mapping[str, str] = field(default_factory=dict)
    """The digests that names of images stand for: a deploy is the same one next month."""

    @classmethod
    def read(cls, root: Path) -> Lock:
        """Raises ``UserError`` with the place in the file for what is wrong with it."""
        try:
            text = (root / FILE).read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls()
        except UnicodeDecodeError as e:
            raise _damaged("it is not UTF-8 text") from e
        import tomllib

        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as e:
            raise _damaged(str(e)) from e
        if "version" not in data:
            raise _damaged("it does not say its version")
        if data["version"] != _VERSION:
            raise UserError(f"{FILE} has version {data['version']!r}, and this sst knows {_VERSION}", where=FILE,
                            hint="update sst")
        known = {"version", "providers", "mirror", "require_signatures", "images"}
        for key in data.keys() - known:
            raise UserError(f"{FILE}: there is no setting {key!r}", where=FILE,
                            hint=did_you_mean(key, sorted(known)))
        for key, kind, what in (("providers", dict, "a table"), ("images", dict, "a table"), ("mirror", str, "a text"),
                                ("require_signatures", bool, "true or false")):
            if not isinstance(data.get(key, kind()), kind):
                raise _damaged(f"{key} has to be {what}")
        return cls({name: _locked(name, one) for name, one in data.get("providers", {}).items()},
                   data.get("mirror", ""), data.get("require_signatures", False),
                   {str(k): str(v) for k, v in data.get("images", {}).items()})

    def write(self, root: Path) -> None:
        """Replace the file in one step; remove it if nothing is left in it."""
        if self == Lock():
            (root / FILE).unlink(missing_ok=True)
        elif self.text() != _present(root / FILE):
            replace_file(root / FILE, self.text().encode())

    def text(self) -> str:
        lines = ["# Written by sst; commit it.", f"version = {_VERSION}"]
        if self.mirror:
            lines.append(f"mirror = {json.dumps(self.mirror)}")
        if self.require_signatures:
            lines.append("require_signatures = true")
        for name, one in sorted(self.providers.items()):
            lines += ["", f"[providers.{name}]", f"source = {json.dumps(str(one.source))}",
                      f"version = {json.dumps(one.version)}"]
            lines += [f"{k} = {json.dumps(v)}" for k, v in (("constraint", one.constraint), ("key", one.key)) if v]
            lines.append(f"protocol = {one.protocol}")
            lines += ["hashes = [", *(f"    {json.dumps(h)}," for h in sorted(one.hashes)), "]"]
        if self.images:
            lines += ["", "[images]", *(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in sorted(self.images.items()))]
        return "\n".join(lines) + "\n"

    def with_provider(self, one: Locked) -> Lock:
        return replace(self, providers={**self.providers, one.name: one})

    def with_image(self, name: str, digest: str) -> Lock:
        return replace(self, images={**self.images, name: digest})

    def without(self, name: str) -> Lock:
        return replace(self, providers={k: v for k, v in self.providers.items() if k != name})

    def named(self, name: str) -> Locked:
        """Raises ``UserError`` with near names for one that is not there."""
        if name not in self.providers:
            raise UserError(f"{FILE} has no provider {name!r}",
                            hint=did_you_mean(name, sorted(self.providers)) if self.providers else f"sst add {name}",
                            code="unknown-name")
        return self.providers[name]


def _present(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _damaged(why: str) -> UserError:
    return UserError(f"{FILE} is damaged: {why}", where=FILE,
                     hint="restore it from version control, or delete it and run `sst add` again")


def _locked(name: str, data: Any) -> Locked:
    where = f"{FILE}: [providers.{name}]"
    if not _NAME.fullmatch(name):
        raise UserError(f"{where}: that is not a name that a program can import", where=FILE,
                        hint="a-z, 0-9 and _, starting with a letter")
    again = f"restore the file, or run `sst add {name}` again"
    if not isinstance(data, Mapping):
        raise UserError(f"{where} is not a table", where=FILE, hint=again)
    hashes, protocol = data.get("hashes", []), data.get("protocol", 0)
    if not isinstance(data.get("source"), str) or not isinstance(data.get("version"), str) or not _texts(hashes):
        raise UserError(f"{where} needs source and version, and hashes as a list of texts", where=FILE, hint=again)
    if protocol not in (0, 5, 6):
        raise UserError(f"{where} has protocol {protocol!r}; there are 5 and 6", where=FILE, hint=again)
    try:
        source, _ = source_of(data["source"]), order(data["version"])
    except UserError as e:
        raise UserError(f"{where}: {e.message}", where=FILE, hint=again) from None
    return Locked(name, source, data["version"], str(data.get("constraint", "")), protocol, str(data.get("key", "")),
                  tuple(sorted(hashes)))


def _texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(v, str) for v in values)
