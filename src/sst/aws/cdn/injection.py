"""What users add to edge functions, and what a domain adds."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypedDict

from ...errors import UserError
from .domain import CdnDomain

__all__ = ["Edge", "Injection", "injections", "statements_of"]


class Injection(TypedDict, total=False):
    """``injection``: statements of JavaScript that see ``event``. In a request they may change ``event.request`` or
    return an answer; in a response they may change ``event.response``."""

    injection: str


class Edge(TypedDict, total=False):
    """Code that runs at the edges, before a request is routed (``viewer_request``) and before an answer goes out
    (``viewer_response``)."""

    viewer_request: Injection
    viewer_response: Injection


def injections(edge: Edge | None, where: str) -> tuple[str, str]:
    """The user's statements for the request function, and for the response function."""
    given = edge or {}
    if odd := set(given) - set(Edge.__annotations__):
        raise UserError(f"edge has no option {sorted(odd)[0]!r}", where=where,
                        hint='edge={"viewer_request": {"injection": "..."}}')
    texts = []
    for side in ("viewer_request", "viewer_response"):
        one = given.get(side, {})
        text = one.get("injection", "") if isinstance(one, Mapping) else None
        if not isinstance(text, str) or not isinstance(one, Mapping) or set(one) - {"injection"}:
            raise UserError(f"edge: {side} takes an injection: JavaScript as text", where=where,
                            hint='edge={"viewer_request": {"injection": "event.request.headers[\'x-a\'] = {value: '
                                 '\'1\'};"}}')
        texts.append(text.strip())
    return texts[0], texts[1]


def statements_of(domain: str | CdnDomain | None) -> str:
    """Hosts that redirect; and with a domain the distribution's own name is not served."""
    if not isinstance(domain, str | Mapping):
        return ""       # what it is instead of a domain is told where it is used
    name = domain if isinstance(domain, str) else domain.get("name", "")
    redirects: Sequence[str] = () if isinstance(domain, str) else domain.get("redirects", ())
    text = 'if(host.slice(-15)===".cloudfront.net")return gone(403,"Forbidden");'
    if redirects:
        text += (f"if({json.dumps(list(redirects), separators=(',', ':'))}.indexOf(host)>=0)"
                 f'return moved(q,"https://{name}"+q.uri,301);')
    return text
