"""What a folder is as a site: objects under the hashes of their contents, and the records by which the edge function
finds them. Pure.

A path is a *name* and one of five spellings: ``/docs/``, ``/docs.html``, ``/docs/index.html`` and ``/docs/index`` are
the name ``/docs``. A record has 18 characters: 9 of the hash of a name, one for the spellings that are answered, 8 of
the hash of the content. Records lie in buckets, one key of the store each, so that a request reads one.
"""
from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from typing import Any

from ...records import dataclass
from ..local.folders import File, Folder
from .file_options import headers

__all__ = ["MARK", "Pages", "Rules", "base36", "split_value"]

PAGES = "_p/"
"""Where objects lie that are named by their contents."""
USUALLY = 40
"""Records in a bucket, on average: 55 fit into a value."""
VALUE = 1000
MARK = 3
"""Characters before each part of a longer value that tell parts of two updates apart."""
"""Bytes of a value; CloudFront takes 1,024.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html"""
SPELLINGS = (("/index.html", 8), ("/index", 16), (".html", 4), ("/", 2))
HASHED = re.compile(r"[-.][A-Za-z0-9_-]{8,}\.[A-Za-z0-9.]+")
"""The end of a name that a bundler made of the content: ``index-B7fX2k9a.js``."""
USUAL = ("_next/static/", "_app/immutable/", "_astro/", "_nuxt/", "build/assets/", "assets/")
"""Folders in which bundlers put files with such names."""
FOREVER = "public,max-age=31536000,immutable"
EDGE = "public,max-age=0,s-maxage=31536000,must-revalidate"
"""The edge keeps it, since another content has another name; browsers ask each time."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How the files of a folder are served; see ``Site``."""

    index: str = "index.html"
    error: str = ""
    slash: bool = True
    immutable: Sequence[str] | None = None
    options: Sequence[Mapping[str, str]] = ()
    prefix: str = ""


@dataclass(frozen=True)
class Pages:
    """A folder under some rules."""

    folder: Folder
    rules: Rules
    salt: int = 0
    """Counts up until no two contents share a name."""
    contents: Mapping[str, str] = field(default_factory=dict)
    """Path → name of its content, of a former version; then no folder is needed."""

    @cached_property
    def immutable(self) -> tuple[str, ...]:
        """Folders whose files keep their names, since a bundler made these of their contents."""
        if self.rules.immutable is not None:
            return tuple(f"/{p.strip('/')}/" for p in self.rules.immutable)
        found = []
        for prefix in USUAL:
            names = [f.name for f in self.folder.files if f.name.startswith(prefix)]
            if names and all(HASHED.search(n.rpartition("/")[2]) for n in names):
                found.append(f"/{prefix}")
        return tuple(found)

    @cached_property
    def objects(self) -> dict[str, tuple[File, dict[str, Any]]]:
        """Key in the bucket → the file, and the parameters of its upload."""
        made: dict[str, tuple[File, dict[str, Any]]] = {}
        for f in self.folder.files:
            if f"/{f.name}".startswith(self.immutable):
                made[f"{self.rules.prefix}{f.name}"] = f, self._sent(f, FOREVER)
            else:
                made[f"{self.rules.prefix}{PAGES}{self._name(f)}"] = f, self._sent(f, EDGE)
        if page := self._error:
            made[f"{self.rules.prefix}{PAGES}{self._name(page, '404')}"] = page, self._sent(page, EDGE, "404")
        return made

    @cached_property
    def paths(self) -> dict[str, str]:
        """Path of each file that is looked up → name of its content."""
        return {f"/{f.name}": self._name(f) for f in self.folder.files if not f"/{f.name}".startswith(self.immutable)}

    @property
    def _error(self) -> File | None:
        return next((f for f in self.folder.files if f.name == self.rules.error.strip("/")), None)

    @property
    def miss(self) -> str:
        """The content for paths that are not there: the error page, else the index page."""
        if page := self._error:
            return self._name(page, "404")
        return "" if self.rules.error else self.paths.get(f"/{self.rules.index}", "")

    @property
    def clash(self) -> bool:
        """Whether two different contents got one name."""
        seen: dict[str, str] = {}
        return any(seen.setdefault(self._name(f), self._whole(f)) != self._whole(f) for f in self.folder.files)

    def _sent(self, file: File, cache: str, status: str = "") -> dict[str, Any]:
        made = {"CacheControl": cache, **headers(file.name, self.rules.options)}
        return {**made, "Metadata": {"sst-status": status}} if status else made

    @cached_property
    def _names(self) -> dict[tuple[str, str], tuple[str, str]]:
        return {}

    def _whole(self, file: File, status: str = "") -> str:
        return self._named(file, status)[0]

    def _name(self, file: File, status: str = "") -> str:
        return self._named(file, status)[1]

    def _named(self, file: File, status: str) -> tuple[str, str]:
        """All that a content consists of, and the name that this gets."""
        known = self._names.get((file.name, status))
        if known is None:
            whole = json.dumps([file.sha256, self._sent(file, EDGE, status), self.salt], sort_keys=True)
            known = self._names[file.name, status] = whole, _hash(whole)[:8]
        return known


def buckets(paths: Mapping[str, str], index: str, *, slash: bool) -> tuple[int, dict[int, str]]:
    """How many buckets there are, and the records of those that have any."""
    best: dict[str, tuple[int, str]] = {}
    for file in sorted(paths):
        for path, rank in answered(file, index, slash=slash):
            if path not in best or rank < best[path][0]:
                best[path] = rank, file
    records: dict[tuple[str, str], int] = {}
    for path, (_, file) in best.items():
        name, spelling = spelled(path)
        records[name, paths[file]] = records.get((name, paths[file]), 0) | spelling
    every = []
    for (name, content), spellings in sorted(records.items()):
        mark = hashlib.sha256(name.encode()).hexdigest()
        every.append((int(mark[:6], 16), mark[6:15] + base36(spellings) + content))
    n = 1
    while n < len(records) / USUALLY:
        n *= 2
    while True:
        made: dict[int, str] = {}
        for place, record in every:
            at = place % n
            made[at] = made.get(at, "") + record
        if all(len(v) <= VALUE for v in made.values()):
            return n, made
        n *= 2


def answered(file: str, index: str = "index.html", *, slash: bool = True) -> Iterator[tuple[str, int]]:
    """The paths that a file answers, each with a rank; the lowest of several files wins. With ``slash`` a folder
    answers with a slash at its end only."""
    yield file, 0
    if file.endswith(".html"):
        yield file[:-5], 1
    if file.endswith(f"/{index}"):
        folder = file[:-len(index)]
        yield folder, 2
        if not slash and folder != "/":
            yield folder[:-1], 3


def spelled(path: str) -> tuple[str, int]:
    """The name of a path, and its spelling."""
    for end, bit in SPELLINGS:
        if path.endswith(end):
            return path[:len(path) - len(end)], bit
    return path, 1


def split_value(key: str, value: str) -> dict[str, str]:
    """A value that may be longer than the store takes: what is left goes on in ``key#1``, ``key#2`` ... It must be
    ASCII. An update is atomic, and reading several keys is not: all parts begin with the same mark, of the value."""
    if len(value) <= VALUE:
        return {key: value}
    mark, room = _hash(value)[:MARK], VALUE - MARK
    first, rest = value[:room - 3], value[room - 3:]
    parts = [mark + rest[i:i + room] for i in range(0, len(rest), room)]
    return {key: f"+{base36(len(parts) + 1).zfill(2)}{mark}{first}",
            **{f"{key}#{i}": part for i, part in enumerate(parts, 1)}}


def base36(n: int) -> str:
    digits, made = "0123456789abcdefghijklmnopqrstuvwxyz", ""
    while True:
        n, last = divmod(n, 36)
        made = digits[last] + made
        if not n:
            return made


def _hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
