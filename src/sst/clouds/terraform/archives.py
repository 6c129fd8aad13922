"""`archive_file` without a plugin: a zip or tar.gz file, whose bytes depend on the contents alone.

The arguments and outputs are those of hashicorp/archive 2 (its docs in the registry). Sums are of our own bytes:
another compressor gives the same files other sums.
"""
from __future__ import annotations

import base64
import gzip
import hashlib
import io
import re
import stat
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...build.zip import encoded
from ...core.model import Operation, State
from ...core.output import plain
from ...core.provider import Change, Note, Recorded, Result
from ...errors import ProviderError, UserError
from ...machine.files import replace_file
from .native import NativeProvider
from .schema import python_name
from .types import named
from .values import to_state

__all__ = ["ArchiveProvider"]

_SOURCES = ("source", "source_content_filename", "source_file", "source_dir")
_DATE = (1980, 1, 1, 0, 0, 0)
"""The oldest that a zip file can hold."""


class _Missing(Exception):
    """A source is not there: what makes it may not have run yet."""


class ArchiveProvider(NativeProvider):
    """Each plan reads the sources: what they hold now is compared with what the archive was made of. Paths are relative
    to ``root``."""

    def __init__(self, root: Path) -> None:
        super().__init__("archive")
        self._root = root

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        config = self._checked(type, inputs)
        old = prior.inputs if prior else {}
        changed = frozenset(k for k in {*old, *inputs} if old.get(k) != inputs.get(k) or not plain(inputs.get(k)))
        sums = frozenset(k for k, a in self._types.own(type).block.attributes.items() if a.computed)
        if not plain(inputs):
            return Change(changed, unknown=sums)
        try:
            content = self._packed(config)
        except _Missing:
            return Change(changed or frozenset(inputs), unknown=sums)
        made = _outputs(config, content)
        if prior is not None and prior.outputs.get("output_sha256") != made["output_sha256"]:
            changed |= {k for k in _SOURCES if k in inputs}
        elif prior is not None and _sum(self._root / config["output_path"]) != made["output_sha256"]:
            changed |= {"output_path"}
        return Change(changed, planned=named(to_state(made)) if changed else None)

    def _checked(self, type: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        config = self._config(type, inputs)
        given = [k for k in _SOURCES if config.get(k) not in (None, [])]
        if len(given) != 1:
            raise UserError(f"{type}: one of {', '.join(_SOURCES)} is needed"
                            + (f", and there are {' and '.join(given)}" if given else ""))
        if plain(config["type"]) and config["type"] not in ("zip", "tar.gz"):
            raise UserError(f"{type}: type: {config['type']!r} is not zip or tar.gz")
        if (mode := config.get("output_file_mode")) and plain(mode) and not re.fullmatch(r"0?[0-7]{3}", mode):
            raise UserError(f"{type}: output_file_mode: {mode!r} is not an octal mode, as 0644")
        return config

    def _packed(self, config: Mapping[str, Any]) -> bytes:
        mode = int(config["output_file_mode"], 8) if config.get("output_file_mode") else None
        files = sorted(self._files(config))
        return (_zip if config["type"] == "zip" else _tar)([(n, c, mode or m) for n, c, m in files])

    def _files(self, config: Mapping[str, Any]) -> Iterator[tuple[str, bytes, int]]:
        """Names, contents and modes of what goes in."""
        if config.get("source_content_filename"):
            yield config["source_content_filename"], (config.get("source_content") or "").encode(), 0o644
        for one in config.get("source") or ():
            yield one["filename"], one["content"].encode(), 0o644
        if config.get("source_file"):
            file = self._root / config["source_file"]
            if not file.is_file():
                raise _Missing(f"source_file: {config['source_file']} is not there")
            yield file.name, *_read(file)
        if config.get("source_dir"):
            folder = self._root / config["source_dir"]
            if not folder.is_dir():
                raise _Missing(f"source_dir: {config['source_dir']} is not there")
            output = (self._root / config["output_path"]).resolve()
            for file in _walk(folder, config):
                if file.resolve() != output:
                    encoded(str(file.relative_to(folder)), "an archive", "rename it, or name it in `excludes`")
                    yield file.relative_to(folder).as_posix(), *_read(file)

    def _made(self, type: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs of an archive that was written now."""
        config = self._checked(type, inputs)
        try:
            content = self._packed(config)
            file = self._root / config["output_path"]
            file.parent.mkdir(parents=True, exist_ok=True)
            replace_file(file, content)
        except (_Missing, OSError) as e:
            raise ProviderError(f"{type}: {e}", sent=False) from e
        return _outputs(config, content)

    def create(self, operation: Operation, note: Note) -> Result:
        made = self._made(operation.type, operation.inputs)
        return Result(made["id"], named(to_state(made)))

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        return self.create(operation, note)

    def delete(self, state: State, note: Note) -> None:
        """The file stays, as other things that a build leaves."""

    def look_up(self, type: str, inputs: Mapping[str, Any]) -> Result:
        made = self._made(type, inputs)
        return Result(made["id"], named(to_state(made)))

    def take_over(self, type: str, recorded: Recorded) -> Result:
        """Its file is made anew where its sums differ: see ``plan``."""
        values = {python_name(k): recorded.values.get(k) for k in self._types.own(type).block.attributes}
        given = {k: v for k in self._types.engine(type).arguments if (v := recorded.values.get(k)) not in (None, [])}
        return Result(recorded.id, values, given)


def _walk(folder: Path, config: Mapping[str, Any]) -> Iterator[Path]:
    excludes = [_pattern(p) for p in config.get("excludes") or ()]
    links = not config.get("exclude_symlink_directories")

    def inside(at: Path, above: frozenset[Path]) -> Iterator[Path]:
        for entry in sorted(at.iterdir()):
            name = entry.relative_to(folder).as_posix()
            if any(p.fullmatch(name) for p in excludes):
                continue
            if not entry.is_dir():
                yield entry
            elif (links or not entry.is_symlink()) and (real := entry.resolve()) not in above:
                yield from inside(entry, above | {real})

    return inside(folder, frozenset((folder.resolve(),)))


def _pattern(text: str) -> re.Pattern[str]:
    """A glob: ``*`` within a name, ``**`` across folders."""
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", text.rstrip("/"))
    return re.compile("".join(words.get(p) or re.escape(p) for p in parts))


def _read(file: Path) -> tuple[bytes, int]:
    try:
        return file.read_bytes(), 0o755 if file.stat().st_mode & stat.S_IXUSR else 0o644
    except OSError as e:
        raise UserError(f"{file} can't be read: {e.strerror}") from e


def _zip(files: list[tuple[str, bytes, int]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in files:
            info = zipfile.ZipInfo(name, _DATE)
            info.create_system, info.external_attr = 3, (stat.S_IFREG | mode) << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _tar(files: list[tuple[str, bytes, int]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content, mode in files:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), mode
            archive.addfile(info, io.BytesIO(content))
    return gzip.compress(out.getvalue(), mtime=0)


def _outputs(config: Mapping[str, Any], content: bytes) -> dict[str, Any]:
    sha256, sha512 = hashlib.sha256(content), hashlib.sha512(content)
    sha1 = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    return {**config, "id": sha1, "output_size": len(content), "output_sha": sha1, "output_sha256": sha256.hexdigest(),
            "output_md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
            "output_base64sha256": base64.b64encode(sha256.digest()).decode(), "output_sha512": sha512.hexdigest(),
            "output_base64sha512": base64.b64encode(sha512.digest()).decode()}


def _sum(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:
        return ""
