"""The headers of uploaded files: content types by name, and what options say."""
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mimetypes import MimeTypes

__all__ = ["headers"]

_MORE = {".avif": "image/avif", ".js": "text/javascript", ".map": "application/json", ".mjs": "text/javascript",
         ".wasm": "application/wasm", ".webmanifest": "application/manifest+json", ".webp": "image/webp",
         ".woff": "font/woff", ".woff2": "font/woff2", ".md": "text/markdown"}
_TEXT = ("application/json", "application/xml", "image/svg+xml", "application/manifest+json")
_ENCODED = {"gzip": "application/gzip", "br": "application/octet-stream", "bzip2": "application/x-bzip2",
            "xz": "application/x-xz"}


def headers(name: str, options: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The parameters ``ContentType`` and ``CacheControl`` of a file.

    >>> headers("a/index.html", [{"files": "*.html", "cache_control": "no-cache"}])
    {'ContentType': 'text/html; charset=utf-8', 'CacheControl': 'no-cache'}
    """
    made = {"ContentType": _type(name)}
    for option in options:
        if _pattern(option["files"]).fullmatch(name if "/" in option["files"] else name.rpartition("/")[2]):
            made |= {wire: option[k] for k, wire in (("content_type", "ContentType"), ("cache_control", "CacheControl"))
                     if k in option}
    return made


def _type(name: str) -> str:
    suffix = "." + name.rpartition(".")[2].lower()
    found, encoding = _types().guess_type(name.rpartition("/")[2], strict=False)
    found = _ENCODED.get(encoding, "application/octet-stream") if encoding else _MORE.get(suffix, found)
    found = found or "application/octet-stream"
    return f"{found}; charset=utf-8" if found.startswith("text/") or found in _TEXT else found


@cache
def _types() -> MimeTypes:
    """Not those of this machine."""
    from mimetypes import MimeTypes

    return MimeTypes(())


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    """``**`` matches any folders, ``*`` and ``?`` no slash."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    means = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(means.get(p, re.escape(p)) for p in parts), re.DOTALL)
