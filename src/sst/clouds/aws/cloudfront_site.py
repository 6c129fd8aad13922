"""A folder as a site: its pages in a bucket under the hashes of their contents, and in a key value store which path is
which. One update of the store switches from one version to the next."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.model import Operation, State
from ...core.output import Output
from ...core.provider import Absent, Change, Found, Note, Provider, Result, Unsure
from ...core.resource import Arg, Resource, out, prop, schema_of
from ...core.schema import Schema
from ...errors import ProviderError, UserError
from ..local.folders import Folder, inside, read_folder
from .cloudfront_keys import Stores
from .cloudfront_pages import Pages, Rules
from .cloudfront_switch import switch, taken_away
from .cloudfront_versions import Version, Versions

if TYPE_CHECKING:
    from .verbs import Verbs

__all__ = ["Site", "Sites"]

GONE = ("NoSuchBucket", "NoSuchKey", "404", "NotFound", "ResourceNotFoundException", "EntityNotFound")
WEEK = 7 * 86400
FORM = 1
"""Of the records that the edge function reads: a site with others is written anew."""


class Site(Resource, type="aws.cloudfront.Site"):
    """All files of a folder, served by an edge function.

        cloudfront.Site("Pages", bucket=bucket.name, domain=bucket.domain, store=store.arn, key="site",
                        source={"folder": "dist", "digest": digest})

    A file that is new is uploaded under the hash of its content, so nothing that is served is ever overwritten; then
    the store is switched in one update. What left the site stays in the bucket for ``keep`` seconds: visitors in the
    middle find it, and a rollback needs no upload.
    """

    region: Arg[str] = prop(default=None, replace=True)
    """Region of the bucket. Default: the app's region."""
    bucket: Arg[str] = prop(replace=True)
    domain: Arg[str] = prop()
    """Host of the bucket: ``NAME.s3.REGION.amazonaws.com``."""
    store: Arg[str] = prop(replace=True)
    """ARN of the key value store."""
    key: Arg[str] = prop(replace=True)
    """Names the site in the store."""
    source: Arg[Mapping[str, str]] = prop()
    """The ``folder``, relative to the project, and the ``digest`` of what is in it; ``contents`` of a
    ``local.Command``."""
    prefix: Arg[str] = prop(default=None, replace=True)
    """Where it lies in the bucket."""
    base: Arg[str] = prop(default=None)
    """The path under which it is served, ``/docs``."""
    index_page: Arg[str] = prop(default="index.html")
    error_page: Arg[str] = prop(default=None)
    """Served with status 404 for what is not there. Without it, the index page is, with status 200."""
    redirect: Arg[bool] = prop(default=True)
    """Send a folder without a slash at its end to that with one; otherwise it answers itself."""
    immutable: Arg[Sequence[str]] = prop(default=None)
    """Folders whose files have hashes in their names. By default those of usual bundlers are recognised."""
    options: Arg[Sequence[Mapping[str, Any]]] = prop(default=None)
    """``files`` (a pattern) with ``cache_control`` and ``content_type`` of what it matches; later ones win."""
    keep: Arg[int] = prop(default=WEEK)
    """Seconds for which files that left the site stay in the bucket."""
    record: Arg[Mapping[str, Any]] = prop(default=None)
    """More for the edge function: ``servers`` that answer what is no file, ``fn``, pairs of a regular expression and
    the server of paths that it matches, ``auth``."""
    origin_key: Arg[str] = prop(default=None, secret=True)
    """Goes to the servers with each request, as the header ``x-sst-key``."""

    version: Output[str] = out(volatile=True)
    files: Output[int] = out(volatile=True)
    bytes: Output[int] = out(volatile=True)
    form: Output[int] = out(volatile=True)
    """Of the records in the store."""


class Sites(Provider):
    """The provider of ``Site``. ``root`` is the project's folder."""

    def __init__(self, verbs: Verbs, stores: Stores, root: Path) -> None:
        self.verbs, self.stores, self.root = verbs, stores, root

    def schema(self, type: str) -> Schema:
        return schema_of(Site)

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        was: Mapping[str, Any] = prior.inputs if prior else {}
        changed = frozenset(k for k in Site.props if was.get(k) != inputs.get(k))
        if prior and prior.outputs.get("form") not in (None, FORM):
            changed |= {"source"}
        fixed = frozenset(k for k in changed if Site.props[k].replace) if prior else frozenset()
        return Change(changed, fixed, unknown=frozenset(Site.outs) if changed else frozenset())

    def create(self, operation: Operation, note: Note) -> Result:
        return self._publish(operation.inputs, operation.base, "", note, in_doubt=False)

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        return self._publish(operation.inputs, state.base, str(state.outputs.get("version", "")), note,
                             in_doubt=state.unsure or not state.outputs)

    def delete(self, state: State, note: Note) -> None:
        versions = self._versions(state.inputs, state.base)
        try:
            every = versions.every()
            self.stores.keys(state.inputs["store"]).change(
                lambda c: taken_away(c, state.inputs["key"], list(every.values())))
        except ProviderError as e:
            if e.code not in GONE:
                raise
        try:
            versions.delete_all(note)
        except ProviderError as e:
            if e.code not in GONE:
                raise

    def read(self, state: State) -> Result | None:
        if not state.inputs:
            return None
        try:
            value = self.stores.keys(state.inputs["store"]).read(f"s:{state.inputs['key']}")
        except ProviderError as e:
            if e.code not in GONE:
                raise
            return None
        if value is None:
            return None
        odd = {} if json.loads(value)["v"] == state.outputs.get("version") else {"source": "another version"}
        return Result(state.id, state.outputs, {**state.inputs, **odd})

    def find(self, operation: Operation) -> Found | Absent | Unsure:
        try:
            begun = self._versions(operation.inputs, operation.base).names()
        except ProviderError as e:
            if e.code not in GONE:
                raise
            return Absent()
        return Found(Result(_id(operation.inputs))) if begun else Absent()

    def _publish(self, inputs: Mapping[str, Any], base: str, former: str, note: Note, *, in_doubt: bool) -> Result:
        versions, name, key = self._versions(inputs, base), _name(inputs), inputs["key"]
        before = versions.get(former) if former else None
        strays = list(versions.every(but=former).values()) if in_doubt else []
        new, now, keep = self._made(inputs, versions, name, note), self.verbs.aws.clock(), int(inputs.get("keep") or 0)
        new.follow(before, former if former != name else "", strays, now=now, keep=keep)
        new.settle(key, before, strays, in_doubt=in_doubt)
        versions.put(name, new)
        versions.upload(new, before, note, now=now, keep=keep)
        self.stores.keys(inputs["store"]).change(lambda c: switch(c, key, name, new, before, former))
        versions.purge(new, note)
        return Result(_id(inputs), {"version": name, "files": new.count, "bytes": new.size, "form": FORM})

    def _made(self, inputs: Mapping[str, Any], versions: Versions, name: str, note: Note) -> Version:
        """The version that is asked for: of the folder, or as the bucket still has it."""
        source, rules = inputs["source"], _rules(inputs)
        try:
            folder = read_folder(inside(self.root, source["folder"]), self.root)
        except UserError:
            folder = None
        if folder and folder.digest == source["digest"]:
            if "servers" not in (inputs.get("record") or {}):
                _check_pages(folder, source["folder"], inputs.get("error_page") or "")
            pages = Pages(folder, rules)
            while pages.clash:
                pages = Pages(folder, rules, pages.salt + 1)
            return Version.of(pages, {**_servers(inputs), **_record(inputs)})
        if kept := versions.get(name):
            note("the bucket still has this version")
            return kept
        raise ProviderError(f"the folder {source['folder']} does not hold the files of this deploy", sent=False,
                            operation="upload", hint="it was changed meanwhile: deploy again")

    def _versions(self, inputs: Mapping[str, Any], base: str) -> Versions:
        return Versions(self.verbs.aws, inputs["bucket"], inputs.get("prefix") or "", base,
                        region=inputs.get("region"), guard=self.verbs.guard)


def _check_pages(folder: Folder, name: str, error_page: str) -> None:
    if not folder.files:
        raise ProviderError(f"the folder {name} is empty", operation="upload", sent=False,
                            hint="look at what the build makes, and where: build= names the folder as output")
    if error_page and error_page.strip("/") not in {f.name for f in folder.files}:
        raise ProviderError(f"the folder {name} has no {error_page!r}", operation="upload", sent=False,
                            hint="change error_page=")


def _rules(inputs: Mapping[str, Any]) -> Rules:
    prefix = (inputs.get("prefix") or "").strip("/")
    return Rules(inputs.get("index_page") or "index.html", inputs.get("error_page") or "",
                 bool(inputs.get("redirect", True)), inputs.get("immutable"), inputs.get("options") or (),
                 f"{prefix}/" if prefix else "")


def _servers(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What is given for the edge function, with the key in each server."""
    given = dict(inputs.get("record") or {})
    if (key := inputs.get("origin_key")) and "servers" in given:
        given["servers"] = [{**server, "key": key} for server in given["servers"]]
        if "fn" in given:
            given["fn"] = [[pattern, {**server, "key": key}] for pattern, server in given["fn"]]
    return given


def _record(inputs: Mapping[str, Any]) -> dict[str, Any]:
    made = {"base": inputs.get("base"), "s3": inputs["domain"], "slash": 1 if inputs.get("redirect", True) else 0}
    return {k: v for k, v in made.items() if v}


def _name(inputs: Mapping[str, Any]) -> str:
    """Of the version that some inputs make: all that decides what is served, and no more."""
    decisive = {k: v for k, v in inputs.items() if k not in ("source", "keep", "region") and v is not None}
    text = json.dumps([FORM, decisive, inputs["source"]["digest"]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _id(inputs: Mapping[str, Any]) -> str:
    return f"{inputs['bucket']}|{inputs['key']}"
