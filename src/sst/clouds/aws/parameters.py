"""Where the properties of a row stand in the request of a call."""
from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from .columns import Call

if TYPE_CHECKING:
    from .table import AwsResource

__all__ = ["pascal", "path_of", "sent_at_once", "wire"]


def pascal(name: str) -> str:
    return "".join(w[:1].upper() + w[1:] for w in name.split("_"))


@cache
def sent_at_once(kind: type[AwsResource]) -> tuple[str, ...]:
    """The properties that no update call sets after the create call."""
    later = {k for c in kind.update if c.after_create for k in c.properties}
    return tuple(k for k in kind.props if k not in later and path_of(kind, k))


def path_of(kind: type[AwsResource], key: str, c: Call | None = None) -> list[str]:
    """Where a property stands in a request, below its root; empty if it is not sent as one."""
    p = kind.props[key]
    if p.local or (key == "tags" and kind.tagging):
        return []
    return ((c.wire.get(key) if c else None) or p.wire or pascal(key)).split(".")


def wire(kind: type[AwsResource], values: Mapping[str, Any], c: Call | None = None) -> dict[str, Any]:
    """Property values under their paths in the request: of the create call, or of ``c``."""
    request: dict[str, Any] = {}
    for k, v in values.items():
        if not (path := path_of(kind, k, c)):
            continue
        p, at = kind.props[k], request
        for part in path[:-1]:
            at = at.setdefault(part, {})
        sent = p.enc(v) if p.enc else v
        before = at.get(path[-1])
        at[path[-1]] = {**before, **sent} if isinstance(before, Mapping) and isinstance(sent, Mapping) else sent
    for part in reversed(c.root.split(".")) if c and c.root else ():
        request = {part.removesuffix("[]"): [request] if part.endswith("[]") else request}
    return request
