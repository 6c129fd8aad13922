"""Patterns of routes: a host, a path, or both."""
from __future__ import annotations

import re

from ...errors import UserError

__all__ = ["path_of", "split"]

_HOST = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_PATH = re.compile(r"/([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")


def split(pattern: object) -> tuple[str, str]:
    """The host and the path of a pattern; ``*`` is any host.

    >>> split("*.example.com/docs"), split("/api"), split("app.example.com")
    (('*.example.com', '/docs'), ('*', '/api'), ('app.example.com', '/'))
    """
    if not isinstance(pattern, str) or not pattern:
        raise UserError(f"a route can't be {pattern!r}", hint='write "/api", "api.example.com" or "*.example.com/docs"')
    host, slash, rest = pattern.partition("/")
    if host and not _HOST.fullmatch(host):
        raise UserError(f"the route {pattern!r} has no host that could be: {host!r}",
                        hint='a path begins with a slash: "/api"; a host is like "api.example.com" or "*.example.com"')
    return host or "*", path_of(slash + rest if slash else "/")


def path_of(path: object) -> str:
    """A path without a slash at its end."""
    if not isinstance(path, str) or not _PATH.fullmatch(path) or "//" in path or {".", ".."} & {*path.split("/")}:
        raise UserError(f"a route can't have the path {path!r}", hint='it begins with a slash, as "/docs", and is '
                                                                     'written as in a URL: "/a%20b"')
    if "*" in path:
        raise UserError(f"a route can't have the path {path!r}",
                        hint=f'"{path.partition("*")[0].rstrip("/") or "/"}" stands for all that is below it, too')
    return path.rstrip("/") or "/"
