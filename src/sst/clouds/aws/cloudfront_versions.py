"""The versions of a site in its bucket: what each consists of, what is no longer served, and since when.

The list of a version is written before its first object, so whatever run was cut off, the lists together name every
object that any of them made.
"""
from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from ...core.provider import Note
from ...errors import ProviderError
from ...records import dataclass
from ..local.folders import File
from .cloudfront_pages import PAGES, Pages, base36, buckets
from .file_sync import PARALLEL, Place

if TYPE_CHECKING:
    from .client import Aws

__all__ = ["Version", "Versions"]

LISTS = ".sst/sites/"
AT_ONCE = 45
"""Buckets that are changed in one update, with the site's record: CloudFront takes 50 keys.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html"""


@dataclass
class Version:
    """One version. ``files``: path → name of its content. ``old``: objects that are not part of it any more, with the
    time at which they left the site. ``former``: versions before it, likewise."""

    files: dict[str, str]
    objects: list[str]
    record: dict[str, Any]
    index: str
    count: int
    size: int
    ns: str = ""
    """What the keys of its buckets begin with."""
    turn: int = 0
    """Counts how often a site got new buckets beside the ones before."""
    old: dict[str, float] = field(default_factory=dict)
    former: dict[str, float] = field(default_factory=dict)
    left: dict[str, list[int]] = field(default_factory=dict)
    """Buckets of earlier versions that stay in the store for now, by ``ns``: some edges see a switch later than
    others."""

    uploads: Mapping[str, tuple[File, Mapping[str, Any]]] = field(default_factory=dict, repr=False)
    gone: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []), repr=False)
    """Objects and versions whose time is over."""
    drop: dict[str, list[int]] = field(default_factory=dict, repr=False)
    """Buckets that nothing leads to any more."""

    @staticmethod
    def of(pages: Pages, record: Mapping[str, Any]) -> Version:
        prefix = pages.rules.prefix
        made = {**record, "pages": f"/{prefix}{PAGES}", "imm": list(pages.immutable),
                **({"dir": f"/{prefix.rstrip('/')}"} if prefix else {}), **({"miss": pages.miss} if pages.miss else {})}
        return Version(dict(pages.paths), sorted(pages.objects), made, pages.rules.index, len(pages.folder.files),
                       pages.folder.size, uploads=pages.objects)

    known: tuple[int, dict[int, str]] | None = field(default=None, repr=False)

    def records(self) -> tuple[int, dict[int, str]]:
        if self.known is None:
            self.known = buckets(self.files, self.index, slash=bool(self.record.get("slash")))
        return self.known

    def follow(self, before: Version | None, name: str, strays: Collection[Version], *, now: float, keep: int) -> None:
        """Take over what the version before knows. ``strays`` were begun by runs that were cut off."""
        own = {*self.objects}
        old = {**{o: now for s in strays for o in (*s.objects, *s.old)}, **(before.old if before else {}),
               **(dict.fromkeys(before.objects, now) if before else {})}
        self.old = {o: t for o, t in old.items() if o not in own and t + keep > now}
        former = {**(before.former if before else {}), **({name: now} if name else {})}
        self.former = {v: t for v, t in former.items() if t + keep > now}
        self.gone = ([o for o in old if o not in own and o not in self.old],
                     [v for v in former if v not in self.former])

    def settle(self, key: str, before: Version | None, strays: Collection[Version], *, in_doubt: bool) -> None:
        """Choose the place of its buckets: over those of the version before if few differ, else beside them."""
        n, records = self.records()
        at, old = before.records() if before else (0, {})
        differ = sum(records.get(spot) != old.get(spot) for spot in {*records, *old})
        self.drop = {**(before.left if before else {}), **{k: v for s in strays for k, v in s.left.items()},
                     **{s.ns: list(s.records()[1]) for s in strays}}
        if before and not in_doubt and n == at and differ <= AT_ONCE:
            self.ns, self.turn, self.left = before.ns, before.turn, {}
        else:
            self.turn = 1 + max((v.turn for v in (before, *strays) if v), default=0)
            self.ns = f"{key}.{base36(self.turn)}"
            self.left = {before.ns: list(old)} if before else {}
        for ns in (self.ns, *self.left):
            self.drop.pop(ns, None)

    def there(self, *, now: float, keep: int) -> set[str]:
        """Objects that are surely in the bucket."""
        return {*self.objects, *(o for o, t in self.old.items() if t + keep > now)}

    def pack(self) -> bytes:
        kept = {k: v for k, v in vars(self).items() if k not in ("uploads", "gone", "drop", "known")}
        return gzip.compress(json.dumps(kept, sort_keys=True).encode(), mtime=0)

    @staticmethod
    def unpack(data: bytes) -> Version:
        return Version(**json.loads(gzip.decompress(data)))


class Versions:
    """Those of one site. ``base`` tells them from those of others in the bucket."""

    def __init__(self, aws: Aws, bucket: str, prefix: str, base: str, *, region: str | None,
                 guard: Callable[[], None] | None) -> None:
        self.place = Place(aws, bucket, prefix, base, region=region, guard=guard)
        self.own = f"{LISTS}{base}/"

    def names(self) -> list[str]:
        return [key.removeprefix(self.own).removesuffix(".json.gz") for key in self.place.listed(self.own)]

    def every(self, but: str = "") -> dict[str, Version]:
        return {n: v for n in self.names() if n != but and (v := self.get(n))}

    def get(self, name: str) -> Version | None:
        try:
            body = self.place.call("get_object", Key=self._key(name))["Body"]
        except ProviderError as e:
            if e.code != "NoSuchKey":
                raise
            return None
        return Version.unpack(body if isinstance(body, bytes) else body.read())

    def put(self, name: str, version: Version) -> None:
        self.place.call("put_object", Key=self._key(name), Body=version.pack(), ContentType="application/gzip")

    def upload(self, new: Version, before: Version | None, note: Note, *, now: float, keep: int) -> None:
        """Send the objects that may not be there yet."""
        there = before.there(now=now, keep=keep) if before else set()
        send = sorted(new.uploads.keys() - there)
        if missing := [] if new.uploads else sorted({*new.objects} - there):
            raise ProviderError(f"{len(missing):,} files of this version are no longer in the bucket", sent=False,
                                operation="upload", hint="deploy it from the commit that it was made of")

        def put(key: str) -> None:
            file, sent = new.uploads[key]
            with file.path.open("rb") as body:
                self.place.call("put_object", Key=key, Body=body, **sent)

        from concurrent.futures import ThreadPoolExecutor, as_completed

        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="sst-site") as pool:
            running = [pool.submit(put, key) for key in send]
            try:
                for n, done in enumerate(as_completed(running), 1):
                    done.result()
                    if n % 50 == 0 or n == len(send):
                        note(f"{n:,} of {len(send):,} files")
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def purge(self, version: Version, note: Note) -> None:
        """Delete what left the site long ago."""
        objects, names = version.gone
        self.place.delete([*objects, *(self._key(n) for n in names)], note)

    def delete_all(self, note: Note) -> None:
        """Delete every object of every version; the lists last."""
        every = self.every()
        self.place.delete(sorted({o for v in every.values() for o in (*v.objects, *v.old)}), note)
        self.place.delete([self._key(n) for n in every], lambda text: None)

    def _key(self, name: str) -> str:
        return f"{self.own}{name}.json.gz"
