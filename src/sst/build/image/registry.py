"""A client of registries of images: the OCI distribution API, over pooled connections.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""
from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import IO, Any
from urllib.parse import urlencode, urljoin, urlsplit

from ...errors import ProviderError
from ...net.http import ConnectError, Pool, ReadError, Response
from .image import INDEXES, MANIFESTS, digest_of
from .login import Challenge, Keys, Token, basic

__all__ = ["Registry", "refused"]

_TRIES = 5
_LONGEST = 20.0
_BUSY = frozenset({429, 500, 502, 503, 504})


@dataclass
class Registry:
    """One registry. ``origin`` is scheme and host with port; ``host`` is what it is called, where that is another
    name. ``keys`` has logins; ``guard`` is asked before each request and raises where none may be made any more."""

    pool: Pool
    origin: str
    keys: Keys = lambda registry: None
    host: str = ""
    guard: Callable[[], None] | None = None
    sleep: Callable[[float], None] = time.sleep
    requests: int = 0
    _tokens: dict[str, Token] = field(default_factory=dict)
    _basic: bool = False
    _lock: Lock = field(default_factory=Lock)

    @property
    def name(self) -> str:
        return self.host or urlsplit(self.origin).netloc

    def manifest(self, repository: str, version: str) -> tuple[str, str, bytes]:
        """Media type, digest and bytes of what a tag or digest names. Raises ``ProviderError``, with the code
        ``ImageNotFound`` where there is none."""
        answer = self.send("GET", f"/v2/{repository}/manifests/{version}", scope=f"repository:{repository}:pull",
                           headers={"Accept": ", ".join((*INDEXES, *MANIFESTS))})
        if answer.status != 200:
            raise refused(self, f"the image {self.name}/{repository}:{version}".replace(":sha256:", "@sha256:"),
                          answer, "read a manifest")
        digest = digest_of(answer.body)
        if version.startswith("sha256:") and digest != version:
            raise ProviderError(f"{self.name} answered with another manifest than {version}", code="DigestInvalid",
                                operation="read a manifest", status=200)
        return answer.headers.get("content-type", "").partition(";")[0], digest, answer.body

    def tagged(self, repository: str, tag: str) -> tuple[str, str, bytes] | None:
        """What a tag names, or None."""
        try:
            return self.manifest(repository, tag)
        except ProviderError as e:
            if e.code != "ImageNotFound":
                raise
            return None

    def has(self, repository: str, kind: str, version: str) -> bool:
        """Whether it has a manifest or a blob (``manifests``, ``blobs``)."""
        answer = self.send("HEAD", f"/v2/{repository}/{kind}/{version}", scope=f"repository:{repository}:pull,push",
                           headers={"Accept": ", ".join((*INDEXES, *MANIFESTS))} if kind == "manifests" else {})
        if answer.status in (200, 404):
            return answer.status == 200
        raise refused(self, f"{repository} in {self.name}", answer, f"look for {kind}")

    def blob(self, repository: str, digest: str) -> bytes:
        """A small blob, such as a config."""
        answer = self.send("GET", f"/v2/{repository}/blobs/{digest}", scope=f"repository:{repository}:pull")
        if answer.status != 200 or digest_of(answer.body) != digest:
            raise refused(self, f"the blob {digest} of {repository}", answer, "read a blob")
        return answer.body

    def download(self, repository: str, digest: str, size: int, path: Path) -> None:
        """A blob into a file. What a broken connection left is not asked for again."""
        with path.open("wb") as file:
            for n in range(_TRIES):
                begun = file.tell()
                more = {"Range": f"bytes={begun}-"} if begun else {}
                try:
                    answer = self.send("GET", f"/v2/{repository}/blobs/{digest}", headers=more, into=file,
                                       scope=f"repository:{repository}:pull")
                except ReadError:
                    self.sleep(min(0.2 * 4 ** n, _LONGEST))
                    continue
                if answer.status not in (200, 206):
                    raise refused(self, f"the blob {digest} of {repository}", answer, "read a blob")
                if begun and answer.status == 200:      # a registry that knows no ranges
                    file.seek(0)
                    file.truncate()
                if file.tell() == size:
                    return
        raise ProviderError(f"{self.name} breaks off in the middle of {digest}", code="NoAnswer",
                            operation="read a blob")

    def put_manifest(self, repository: str, version: str, kind: str, content: bytes) -> None:
        answer = self.send("PUT", f"/v2/{repository}/manifests/{version}", content, headers={"Content-Type": kind},
                           scope=f"repository:{repository}:pull,push")
        if answer.status not in (200, 201, 202):
            raise refused(self, f"the image {repository}:{version}", answer, "write a manifest")

    def send(self, method: str, target: str, body: bytes | IO[bytes] | None = None, *, scope: str,
             headers: Mapping[str, str] | None = None, into: IO[bytes] | None = None,
             retry: bool = True) -> Response:
        """One request, with a login if the registry asks for one. What can't be reached or is busy is asked again
        (``retry``); redirects are followed, and our login goes to no other host."""
        url, asked = urljoin(self.origin, target), False
        for n in range(_TRIES):
            own = url.startswith(f"{self.origin}/")
            try:
                answer = self._once(method, url, body, {**(self._login(scope) if own else {}), **(headers or {})}, into)
            except (ConnectError, ReadError) as e:
                if not retry or into or n == _TRIES - 1:
                    if isinstance(e, ConnectError):
                        raise ProviderError(str(e), code="NoConnection", operation=f"{method} {target}",
                                            sent=False) from e
                    raise
                self.sleep(min(0.2 * 4 ** n, _LONGEST))
                continue
            if answer.status == 401 and own and not asked:
                asked = True
                self._answer(Challenge.of(answer.headers.get("www-authenticate", "")), scope)
            elif answer.status in (301, 302, 303, 307, 308) and method == "GET" and "location" in answer.headers:
                url = urljoin(url, answer.headers["location"])
                continue
            elif answer.status in _BUSY and retry and n < _TRIES - 1:
                self.sleep(_wait(answer, n))
            else:
                return answer
            if body is not None and not isinstance(body, bytes):
                body.seek(0)
        return answer

    def _once(self, method: str, url: str, body: bytes | IO[bytes] | None, headers: Mapping[str, str],
              into: IO[bytes] | None) -> Response:
        at = urlsplit(url)
        port = at.port or (443 if at.scheme == "https" else 80)
        with self._lock:
            self.requests += 1
        host = self.host if url.startswith(f"{self.origin}/") and self.host else at.netloc
        return self.pool.send(method, (at.scheme, at.hostname or "", port),
                              f"{at.path}?{at.query}" if at.query else at.path,
                              {"Host": host, "User-Agent": "sst-python", **headers}, body, self.guard, into)

    def _login(self, scope: str) -> dict[str, str]:
        if self._basic and (pair := self.keys(self.name)):
            return {"Authorization": basic(pair)}
        token = self._tokens.get(scope)
        if token and token.until > time.monotonic():
            return {"Authorization": f"Bearer {token.value}"}
        return {}

    def _answer(self, challenge: Challenge, scope: str) -> None:
        """Get what a registry asks for. The next request says whether that was enough."""
        if challenge.scheme == "basic":
            self._basic = True
        elif challenge.scheme == "bearer" and challenge.realm:
            query = urlencode([("service", challenge.service),
                               *(("scope", s) for s in (challenge.scope or scope).split())])
            pair = self.keys(self.name)
            try:
                answer = self._once("GET", f"{challenge.realm}{'&' if '?' in challenge.realm else '?'}{query}", None,
                                    {"Authorization": basic(pair)} if pair else {}, None)
            except (ConnectError, ReadError) as e:
                raise ProviderError(f"no token for {self.name}: {e}", code="NoConnection", sent=False,
                                    operation="get a token") from e
            if answer.status == 200:
                self._tokens[scope] = Token.of(_json(answer))


def refused(registry: Registry, what: str, answer: Response, operation: str) -> ProviderError:
    """What a registry says no with, in words."""
    errors = _json(answer).get("errors") or [{}]
    first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {}
    code, message = str(first.get("code") or answer.status), str(first.get("message") or "")
    if answer.status == 404:
        return ProviderError(f"{what} does not exist", code="ImageNotFound", operation=operation, status=404)
    if answer.status in (401, 403):
        return ProviderError(f"{registry.name} refuses access to {what}{f': {message}' if message else ''}",
                             code=code, operation=operation, status=answer.status,
                             hint=f"docker login {registry.name}: its login is read from ~/.docker/config.json")
    said = message or answer.body[:200].decode(errors="replace")
    return ProviderError(f"{registry.name} answered {answer.status} {said} for {what}", code=code, operation=operation,
                         status=answer.status)


def _json(answer: Response) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _wait(answer: Response, turn: int) -> float:
    given = answer.headers.get("retry-after", "")
    return min(float(given) if given.isdigit() else 0.2 * 4.0 ** turn, _LONGEST)
