"""Manages ``aws.s3.Files`` for the provider of AWS."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.model import Operation, State
from ...core.output import plain
from ...core.provider import Absent, Change, Found, Note, Provider, Result, Unsure
from ...core.resource import schema_of
from ...core.schema import Schema
from ...errors import ProviderError, UserError
from ..local.folders import Folder, inside, read_folder
from .file_sync import Manifest, Place
from .files import Files

if TYPE_CHECKING:
    from .verbs import Verbs

__all__ = ["FilesProvider"]

_GONE = ("NoSuchBucket", "NoSuchKey", "404", "NotFound")
_OPTIONS = {"files", "cache_control", "content_type"}


_RUN_IT = "run the command that makes it with the files of that deploy, then deploy again"


class FilesProvider(Provider):
    """``root`` is the project's folder."""

    def __init__(self, verbs: Verbs, root: Path) -> None:
        self.verbs, self.root = verbs, root

    def schema(self, type: str) -> Schema:
        return schema_of(Files)

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        was: Mapping[str, Any] = prior.inputs if prior else {}
        changed = frozenset(k for k in Files.props if was.get(k) != inputs.get(k))
        if plain(options := inputs.get("options") or ()):
            _check(options)
        source = inputs.get("source")
        notes: tuple[str, ...] = ()
        if isinstance(source, str) and prior and not changed and not inside(self.root, source).is_dir():
            notes = (f"there is no folder {source!r} on this machine: what was uploaded stays as it is",)
        elif isinstance(source, str):
            digest = self._folder(source).digest
            if prior and prior.outputs.get("fingerprint") != digest:
                changed |= {"source"}
        fixed = frozenset(k for k in changed if Files.props[k].replace) if prior else frozenset()
        return Change(changed, fixed, unknown=frozenset(Files.outs) if changed else frozenset(), notes=notes)

    def create(self, operation: Operation, note: Note) -> Result:
        return self._sync(operation.inputs, operation.base, note)

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        return self._sync(operation.inputs, state.base, note)

    def delete(self, state: State, note: Note) -> None:
        place = self._place(state.inputs, state.base)
        try:
            ours, others = place.manifests()
            place.delete(sorted(set().union(*(m.keys for m in ours.values())) - others), note)
            place.delete(sorted(ours), lambda text: None)       # last: they name what is still to be deleted
        except ProviderError as e:
            if e.code not in _GONE:
                raise

    def read(self, state: State) -> Result | None:
        """Files that were changed or deleted by hand make ``source`` differ."""
        bucket, _, prefix = state.id.partition("/")
        place = self._place({"bucket": bucket, "prefix": prefix, **state.inputs}, state.base)
        try:
            there = place.listed(place.prefix)
            manifest = _read(place, str(state.outputs.get("manifest", "")))
        except ProviderError as e:
            if e.code not in _GONE:
                raise
            return None
        if not state.inputs:
            return Result(state.id)
        if manifest is None:
            return None
        odd = [k for k, v in manifest.files.items() if there.get(k) != v[-1 if len(v) > 2 else 0]]
        seen = {"source": f"{len(odd):,} of {len(manifest.files):,} files are others, {odd[0]} for one"} if odd else {}
        return Result(state.id, state.outputs, {**state.inputs, **seen})

    def find(self, operation: Operation) -> Found | Absent | Unsure:
        place = self._place(operation.inputs, operation.base)
        try:
            begun = place.listed(place.own)
        except ProviderError as e:
            if e.code not in _GONE:
                raise
            return Absent()
        return Found(Result(_id(operation.inputs))) if begun else Absent()

    def _sync(self, inputs: Mapping[str, Any], base: str, note: Note) -> Result:
        source = inputs["source"]
        try:
            folder = self._folder(source if isinstance(source, str) else source["folder"])
        except UserError as e:
            hint = e.hint if isinstance(source, str) else _RUN_IT
            raise ProviderError(e.message, operation="upload", sent=False, hint=hint) from e
        if not isinstance(source, str) and source["digest"] != folder.digest:
            raise ProviderError(f"the folder {source['folder']} does not hold what its command made",
                                operation="upload", sent=False,
                                hint=_RUN_IT)
        key = self._place(inputs, base).sync(folder, inputs.get("options") or (), note,
                                             keep_old=bool(inputs.get("keep_old")))
        return Result(_id(inputs), {"fingerprint": folder.digest, "files": len(folder.files), "bytes": folder.size,
                                    "manifest": key})

    def _folder(self, name: str) -> Folder:
        return read_folder(inside(self.root, name), self.root, md5=True)

    def _place(self, inputs: Mapping[str, Any], base: str) -> Place:
        return Place(self.verbs.aws, inputs["bucket"], inputs.get("prefix") or "", base, region=inputs.get("region"),
                     guard=self.verbs.guard)


def _id(inputs: Mapping[str, Any]) -> str:
    return f"{inputs['bucket']}/{(inputs.get('prefix') or '').strip('/')}"


def _read(place: Place, key: str) -> Manifest | None:
    try:
        return place.manifest(key) if key else None
    except ProviderError as e:
        if e.code != "NoSuchKey":
            raise
        return None


def _check(options: Any) -> None:
    for option in options:
        if not isinstance(option, Mapping) or "files" not in option or option.keys() - _OPTIONS:
            raise UserError(f"options holds {option!r}: each is a mapping with files, cache_control and content_type",
                            hint='options=[{"files": "*.html", "cache_control": "no-cache"}]')
