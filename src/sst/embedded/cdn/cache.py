"""The cache of one distribution, by CloudFront's rules: how long an answer is kept, and what of it a viewer gets.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Expiration.html"""
from __future__ import annotations

import gzip
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from fnmatch import fnmatchcase
from typing import Any

from sst.embedded.cdn.message import Answer, Head, Headers

__all__ = ["Cache", "Entry", "Ttl", "shown"]

SIZE = 64 << 20
"""Bytes of all bodies."""
ERROR_SECONDS = 10
"""For which an error is kept at least, if the distribution does not say otherwise.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/custom-error-pages-expiration.html"""
ERRORS = frozenset({404, 405, 410, 414, 500, 501, 502, 503, 504})
ASKED = frozenset({404, 410, 414, 501})
"""Errors that are not kept where their headers forbid it; of the others these headers do not count."""
NO_ERRORS: Mapping[int, int] = {}
KEPT = frozenset({200, 203, 301, 308})
COMPRESSED = re.compile(r"text/|application/(javascript|json|xml|wasm|x-javascript|manifest\+json|[a-z.-]+\+(json|xml)"
                        r"|vnd\.ms-fontobject|opentype|rtf)|font/(ttf|otf|eot|opentype)|image/(svg\+xml|bmp|x-icon)")
SMALLEST, LARGEST = 1_000, 10_000_000
"""Bytes of bodies that CloudFront compresses."""


@dataclass(frozen=True, slots=True)
class Ttl:
    """Seconds, as a cache policy has them."""

    least: int
    usual: int
    most: int

    def of(self, answer: Answer, errors: Mapping[int, int] = NO_ERRORS) -> int:
        """For how long the answer is kept; 0 is not at all. ``errors``: for how long those are at least, by status."""
        said = _directives(answer.get("cache-control"))
        forbidden = said.keys() & {"no-store", "no-cache", "private"}
        if answer.status in ERRORS:
            least = errors.get(answer.status, ERROR_SECONDS)
            if forbidden:
                return 0 if answer.status in ASKED else least
            return max(least, _clamped(said, answer, replace(self, least=0), 0))
        if answer.status not in KEPT:
            return 0
        if forbidden:
            return self.least
        return _clamped(said, answer, self, max(self.least, self.usual))


def _clamped(said: dict[str, str], answer: Answer, ttl: Ttl, otherwise: int) -> int:
    for name in ("s-maxage", "max-age"):
        if said.get(name, "").isdigit():
            return min(max(int(said[name]), ttl.least), ttl.most)
    if expires := answer.get("expires"):
        try:
            left = parsedate_to_datetime(expires).timestamp() - time.time()
        except ValueError:
            left = 0
        return min(max(int(left), ttl.least), ttl.most)
    return otherwise


def _directives(text: str) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in text.lower().split(",") if part.strip())
    return {name: value.strip('"') for name, _, value in pairs}


@dataclass(eq=False)
class Entry:
    """A whole answer of an origin."""

    answer: Answer
    uri: str
    at: float
    until: float
    coded: dict[str, bytes] = field(default_factory=dict)
    """The compressed body, by its encoding."""

    @property
    def if_error_until(self) -> float:
        said = _directives(self.answer.get("cache-control")).get("stale-if-error", "")
        return self.until + int(said) if said.isdigit() else 0.0


class Cache:
    """``clock`` is in seconds."""

    def __init__(self, clock: Callable[[], float] = time.time, size: int = SIZE) -> None:
        self.clock, self._size, self._used = clock, size, 0
        self._entries: OrderedDict[Any, Entry] = OrderedDict()

    def get(self, key: Any) -> Entry | None:
        """An entry, fresh or stale."""
        entry = self._entries.get(key)
        if entry:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: Any, answer: Answer, uri: str, seconds: int) -> Entry:
        """Keep a whole answer; nothing is kept for 0 seconds."""
        now = self.clock()
        entry = Entry(answer, uri, now, now + seconds)
        self._drop(key)
        if seconds > 0 and len(answer.body) <= self._size:
            self._entries[key] = entry
            self._used += len(answer.body)
            while self._used > self._size:
                self._drop(next(iter(self._entries)))
        return entry

    def refresh(self, entry: Entry, seconds: int) -> None:
        """The origin has said that it is still the same."""
        entry.at = self.clock()
        entry.until = entry.at + seconds

    def invalidate(self, patterns: list[str]) -> None:
        """Forget what is under these paths; ``*`` at the end of one stands for anything."""
        for key, entry in list(self._entries.items()):
            if any(fnmatchcase(entry.uri, p if p.startswith("/") else f"/{p}") for p in patterns):
                self._drop(key)

    def _drop(self, key: Any) -> None:
        if entry := self._entries.pop(key, None):
            self._used -= len(entry.answer.body)


def shown(entry: Entry, request: Head, *, gzipped: bool, hit: str, now: float) -> Answer:
    """What a viewer gets of an entry: compressed, a part, or that it has it already."""
    kept = entry.answer
    headers: Headers = [*kept.headers, ("x-cache", f"{hit} from cloudfront")]
    if hit != "Miss" and hit != "Error":
        headers.append(("age", str(max(0, int(now - entry.at)))))
    etag, body = kept.get("etag"), kept.body
    if kept.status == 200 and gzipped and _compresses(kept):
        headers.append(("vary", "Accept-Encoding"))
        if "gzip" in request.get("accept-encoding").lower():
            body = entry.coded.get("gzip") or entry.coded.setdefault("gzip", gzip.compress(kept.body, 5, mtime=0))
            etag = etag if not etag or etag.startswith("W/") else f"W/{etag}"
            headers = [(n, v) for n, v in headers if n not in ("etag", "content-length", "accept-ranges")]
            headers += [("content-encoding", "gzip"), *([("etag", etag)] if etag else [])]
            if _has_it(request, etag, kept):
                return _unchanged(headers)
            return Answer(200, headers, body)
    if kept.status == 200 and _has_it(request, etag, kept):
        return _unchanged(headers)
    if kept.status == 200 and request.get("range"):
        return _part(Answer(200, headers, body), request, etag)
    return replace(kept, headers=headers)


def _compresses(answer: Answer) -> bool:
    return (SMALLEST <= len(answer.body) <= LARGEST and not answer.get("content-encoding")
            and "no-transform" not in answer.get("cache-control")
            and COMPRESSED.match(answer.get("content-type").lower()) is not None)


def _has_it(request: Head, etag: str, kept: Answer) -> bool:
    if asked := request.get("if-none-match"):
        have = [t.strip().removeprefix("W/") for t in asked.split(",")]
        return bool(etag) and (etag.removeprefix("W/") in have or "*" in have)
    since, modified = request.get("if-modified-since"), kept.get("last-modified")
    try:
        return bool(since and modified) and parsedate_to_datetime(modified) <= parsedate_to_datetime(since)
    except ValueError:
        return False


def _unchanged(headers: Headers) -> Answer:
    return Answer(304, [(n, v) for n, v in headers if n not in ("content-length", "content-type", "content-encoding")])


def _part(answer: Answer, request: Head, etag: str) -> Answer:
    """One range of bytes; several, or none that can be read, get the whole."""
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.get("range").strip())
    condition = request.get("if-range")
    if not asked or not (asked[1] or asked[2]) or (condition and condition not in (etag, answer.get("last-modified"))):
        return answer
    size = len(answer.body)
    first = int(asked[1]) if asked[1] else max(0, size - int(asked[2]))
    last = min(int(asked[2]), size - 1) if asked[1] and asked[2] else size - 1
    headers = answer.without("content-length")
    if first > last:
        return Answer(416, [*headers, ("content-range", f"bytes */{size}")])
    return Answer(206, [*headers, ("content-range", f"bytes {first}-{last}/{size}")], answer.body[first:last + 1])
