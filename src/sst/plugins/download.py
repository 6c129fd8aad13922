"""HTTPS to registries: proxies, certificates and tokens from the environment, every wait with an end."""
from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException, IncompleteRead
from typing import IO, Any
from urllib.parse import urlsplit

from ..errors import UserError

__all__ = ["Download", "NotThere", "Unreachable"]

_WAIT = 10.0
"""Seconds without a byte after which a server counts as gone."""
_TRIES = 3
_CHUNK = 1 << 18


class NotThere(Exception):
    """The server answered that there is no such thing."""


class Unreachable(UserError):
    """There is no way to the server from here."""

    code = "unreachable"


class _BrokenOff(ConnectionError):
    """An answer ended before its end."""


class Download:
    """``environ`` may have ``HTTPS_PROXY``, ``NO_PROXY``, ``SSL_CERT_FILE`` and ``TF_TOKEN_registry_example_com``."""

    def __init__(self, environ: Mapping[str, str], *, wait: float = _WAIT,
                 pause: Callable[[float], None] = time.sleep) -> None:
        self._environ, self._wait, self._pause = environ, wait, pause
        proxies = {k: v for k in ("http", "https") if (v := environ.get(f"{k.upper()}_PROXY") or environ.get(
            f"{k}_proxy"))}
        context = ssl.create_default_context(cafile=environ.get("SSL_CERT_FILE") or None)
        self._opener = urllib.request.build_opener(
            _Proxies(proxies, environ.get("NO_PROXY") or environ.get("no_proxy") or ""),
            urllib.request.HTTPSHandler(context=context), _Redirects())

    def json(self, url: str) -> Any:
        text = self.read(url)
        try:
            return json.loads(text)
        except ValueError:
            raise UserError(f"{_host(url)} did not answer with JSON",
                            hint=f"is {url} a registry of providers?") from None

    def read(self, url: str) -> bytes:
        """The whole answer; for what is small."""
        return b"".join(self._tried(url, lambda answer: [answer.read()]))

    def into(self, url: str, file: IO[bytes], note: Callable[[str], None] = lambda text: None) -> None:
        """Write the answer to a file, and say how far it is."""
        def copy(answer: Any) -> list[bytes]:
            file.seek(0)
            file.truncate()
            size, done, told = int(answer.headers.get("Content-Length") or 0), 0, 0.0
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                if time.monotonic() - told > 1:
                    told = time.monotonic()
                    note(f"{done / 1e6:.1f} of {size / 1e6:.1f} MB" if size else f"{done / 1e6:.1f} MB")
            if size and done != size:
                raise _BrokenOff(f"it ended after {done} of {size} bytes")
            return []

        self._tried(url, copy)

    def _tried(self, url: str, use: Callable[[Any], list[bytes]]) -> list[bytes]:
        if urlsplit(url).scheme != "https":
            raise UserError(f"{url} is not an HTTPS address", hint="packages are not fetched over plain HTTP")
        request = urllib.request.Request(url, headers={"User-Agent": "sst-python"})
        if token := self._environ.get(f"TF_TOKEN_{_host(url).replace('-', '__').replace('.', '_')}"):
            request.add_unredirected_header("Authorization", f"Bearer {token}")
        for n in range(_TRIES):
            try:
                with self._opener.open(request, timeout=self._wait) as answer:
                    return use(answer)
            except urllib.error.HTTPError as e:
                with e:
                    if e.code in (404, 410):
                        raise NotThere(url) from None
                    if e.code < 500 or n == _TRIES - 1:
                        asked = e.url or url    # which may be where the first one led
                        raise UserError(f"{_host(asked)} answered {e.code} {e.reason}",
                                        hint=_advice(e.code, asked)) from e
            except (urllib.error.URLError, HTTPException, ConnectionError, TimeoutError) as e:
                reason = getattr(e, "reason", None) or e
                if isinstance(reason, ssl.SSLCertVerificationError):
                    raise UserError(f"the certificate of {_host(url)} can't be verified: {reason.verify_message}",
                                    hint="SSL_CERT_FILE names a file with the certificates to trust") from e
                if n == _TRIES - 1 and isinstance(e, _BrokenOff | IncompleteRead):
                    name = urlsplit(url).path.rpartition("/")[2]
                    raise Unreachable(f"the download of {name} from {_host(url)} broke off each time: {reason}",
                                      hint="try again later; without network use a mirror: SST_PROVIDER_DIR") from e
                if n == _TRIES - 1:
                    raise Unreachable(f"{_host(url)} can't be reached: {reason}",
                                    hint="behind a proxy set HTTPS_PROXY; without network use a mirror: "
                                         "SST_PROVIDER_DIR") from e
            self._pause(0.2 * 4 ** n)
        raise AssertionError("the last try returns or raises")


class _Proxies(urllib.request.ProxyHandler):
    def __init__(self, proxies: Mapping[str, str], without: str) -> None:
        super().__init__(dict(proxies))
        self._without = [h.strip().lstrip(".") for h in without.split(",") if h.strip()]

    def proxy_open(self, req: Any, proxy: str, type: str) -> Any:
        host = (urlsplit(req.full_url).hostname or "").lower()
        if any(host == h or host.endswith(f".{h}") or h == "*" for h in self._without):
            return None
        return super().proxy_open(req, proxy, type)


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urlsplit(newurl).scheme != "https":
            fp.close()
            raise UserError(f"{_host(req.full_url)} leads to {newurl}, which is not HTTPS",
                            hint="packages are not fetched over plain HTTP")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()


def _advice(code: int, url: str) -> str:
    if code in (401, 403):
        return f"a token for it: TF_TOKEN_{_host(url).replace('-', '__').replace('.', '_')}"
    return "try again later"
