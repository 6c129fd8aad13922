"""Who may ask the console: this machine's own page, with the token. No cookie is ever set: cookies ignore ports."""
from __future__ import annotations

import hmac
from collections.abc import Mapping

__all__ = ["HEADERS", "refusal"]

_POLICY = ("default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
           "img-src 'self' data: blob:; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store", "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin", "X-Frame-Options": "DENY",
}
"""Of every answer."""


def refusal(method: str, path: str, headers: Mapping[str, str], *, port: int, token: str) -> str:
    """Why a request is not answered, or "". Names of headers are in lower case."""
    own = {f"127.0.0.1:{port}", f"localhost:{port}"}
    if headers.get("host") not in own:
        return "this host name is not answered here"
    origin = headers.get("origin")
    if origin is not None and origin not in {f"http://{host}" for host in own}:
        return "pages of other origins are not answered"
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return "pages of other sites are not answered"
    if not path.startswith("/api/"):
        return "" if method in ("GET", "HEAD") else "there is nothing to change here"
    given = headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode("latin-1", "replace"), token.encode()):
        return "the token is not that of this console; open the address that it printed"
    if method == "POST" and (headers.get("content-type", "").partition(";")[0] != "application/json"
                             or headers.get("x-sst-console") != "1"):
        return "a change needs JSON and the header X-Sst-Console"
    return "" if method in ("GET", "HEAD", "POST") else "there is no such method"
