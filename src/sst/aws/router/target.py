"""Where a route leads, as the edge function reads it."""
from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypedDict
from urllib.parse import urlsplit

from ...core.output import Input, Output, combine
from ...core.units import seconds
from ...errors import UserError

__all__ = ["Rewrite", "RouteOptions", "bucket_target", "place", "redirect_target", "url_target"]


_WRONG = ("missing )", "unbalanced parenthesis", "unterminated character set", "nothing to repeat", "multiple repeat")


class Rewrite(TypedDict):
    """``regex`` is matched with the path of a request, ``to`` takes the place of what matched; ``$1`` is a group."""

    regex: str
    to: str


class RouteOptions(TypedDict, total=False):
    """``rewrite``: change the path on the way. ``read_timeout``: how long the origin may take, ``"20 seconds"`` by
    default, up to 60. ``keep_alive_timeout``: ``"5 seconds"`` by default. ``connection_timeout``: 1 to 10 seconds.
    ``connection_attempts``: 1 to 3, 3 by default."""

    rewrite: Rewrite
    read_timeout: str
    keep_alive_timeout: str
    connection_timeout: str
    connection_attempts: int


def url_target(url: Input[str], options: RouteOptions) -> Output[dict[str, Any]]:
    """A server elsewhere."""
    more = _options(options)
    if isinstance(url, str):    # what is known already is checked at the line of the user
        place(url)
    return combine(url=url).apply(lambda given: {**place(given["url"]), **more})


def bucket_target(domain: Input[str], rewrite: Rewrite | None) -> Output[dict[str, Any]]:
    """A bucket, by its host."""
    more = _rewrite(rewrite)
    return combine(domain=domain).apply(lambda given: {"b": given["domain"], **more})


def redirect_target(url: Input[str], *, permanent: bool, keep_path: bool) -> Output[dict[str, Any]]:
    """An answer that sends the browser elsewhere."""
    more = {"code": 308 if permanent else 307, **({"keep": 1} if keep_path else {})}

    def made(given: Mapping[str, str]) -> dict[str, Any]:
        return {"to": _elsewhere(given["url"], keep_path=keep_path), **more}

    if isinstance(url, str):
        _elsewhere(url, keep_path=keep_path)
    return combine(url=url).apply(made)


def _elsewhere(url: str, *, keep_path: bool) -> str:
    """Where a redirect leads: an address, or a path of the same host."""
    path = url.startswith("/") and not url.startswith("//")
    if not path and not re.match(r"https?://[^/\s]", url):
        raise UserError(f"a redirect can't lead to {url!r}",
                        hint='it leads to an address that begins with https://, or to a path: "/docs"')
    if keep_path and ("?" in url or "#" in url):
        raise UserError(f"a redirect to {url!r} can't keep the path that was asked for", hint="add keep_path=False")
    return url.rstrip("/") if keep_path else url


def place(url: str) -> dict[str, Any]:
    """A plain URL as the edge function takes it."""
    try:
        at = urlsplit(url if "://" in url else f"https://{url}")
        good = at.scheme in ("http", "https") and at.hostname and at.port != 0 and not re.search(r"\s", url)
    except ValueError:      # a port that is none
        good = False
    if not good:
        raise UserError(f"a route can't lead to {url!r}", hint="it leads to an address that begins with https://")
    if at.query or at.fragment or at.username is not None:
        raise UserError(f"a route can't lead to {url!r}: only scheme, host, port and path of an address count",
                        hint=f"{at.scheme}://{at.netloc.rpartition('@')[2]}{at.path}")
    made: dict[str, Any] = {"u": at.hostname}
    if at.scheme == "http":
        made |= {"http": 1, "port": at.port or 80}
    elif at.port and at.port != 443:
        made["port"] = at.port
    if at.path.strip("/"):
        made["rw"] = ["^", at.path.rstrip("/")]
    return made


def _options(options: RouteOptions) -> dict[str, Any]:
    known = frozenset(RouteOptions.__annotations__)
    if odd := sorted(set(options) - known):
        raise UserError(f"a route has no option {odd[0]!r}", hint=f"it has {', '.join(sorted(known))}")
    times = {wire: seconds(str(options[name]), what=name, low=1, high=high)  # type: ignore[literal-required]
             for name, wire, high in (("read_timeout", "readTimeout", 60), ("keep_alive_timeout", "keepAliveTimeout",
                                                                            60),
                                      ("connection_timeout", "connectionTimeout", 10)) if name in options}
    attempts = options.get("connection_attempts")
    if attempts is not None and attempts not in (1, 2, 3):
        raise UserError(f"connection_attempts is 1, 2 or 3; it is {attempts!r}")
    return {**_rewrite(options.get("rewrite")), **({"t": times} if times else {}),
            **({"a": attempts} if attempts else {})}


def _rewrite(rewrite: Rewrite | None) -> dict[str, Any]:
    if rewrite is None:
        return {}
    if not isinstance(rewrite, Mapping) or set(rewrite) != {"regex", "to"} or not all(
            isinstance(text, str) for text in rewrite.values()):
        raise UserError("rewrite takes regex and to", hint='rewrite={"regex": "^/api/(.*)$", "to": "/$1"}')
    try:
        re.compile(rewrite["regex"].replace("(?<", "(?P<").replace("(?P<=", "(?<=").replace("(?P<!", "(?<!"))
    except re.error as error:
        if str(error).startswith(_WRONG):   # in JavaScript too, which runs it
            raise UserError(f"the regex {rewrite['regex']!r} of rewrite is none: {error}",
                            hint='rewrite={"regex": "^/api/(.*)$", "to": "/$1"}') from error
    return {"rw": [rewrite["regex"], rewrite["to"]]}
