"""Brings an image into a repository: what is there already is not sent, and what breaks off goes on where it was."""
from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import IO, cast
from urllib.parse import urlencode

from ...errors import ProviderError
from ...net.http import ReadError
from .image import Blob, Built
from .registry import Registry, refused

__all__ = ["CHUNK", "Fetch", "Upload"]

CHUNK = 100 * 1024 * 1024
"""Bytes that are sent in one request; a larger blob goes in several."""
_TRIES = 6
_PARALLEL = 4

Fetch = Callable[[Blob, Path], None]
"""Puts a blob of the base into a file."""


class Upload:
    """``same`` names repositories of this registry that may have the blobs: they are taken from there."""

    def __init__(self, registry: Registry, repository: str, *, fetch: Fetch, note: Callable[[str], None],
                 same: Sequence[str] = (), chunk: int = CHUNK) -> None:
        self._registry, self._repository, self._fetch, self._note = registry, repository, fetch, note
        self._same, self._chunk = same, chunk
        self._scope = f"repository:{repository}:pull,push"
        self._lock, self.sent, self._told = Lock(), 0, 0
        self._total = 0

    def image(self, built: Built, tags: Sequence[str]) -> int:
        """The bytes that were sent. The manifest comes last, so an image is there whole or not at all."""
        if not self._registry.has(self._repository, "manifests", built.digest):
            unique = list({b.digest: b for b in built.blobs}.values())
            self._total = sum(b.size for b in unique)
            with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="sst-push") as pool:
                list(pool.map(self._blob, unique))
        for tag in tags or (built.digest,):
            self._registry.put_manifest(self._repository, tag, built.kind, built.manifest)
        return self.sent

    def _blob(self, blob: Blob) -> None:
        if self._registry.has(self._repository, "blobs", blob.digest) or any(self._mounted(blob, n)
                                                                             for n in self._same):
            return
        if isinstance(blob.content, bytes):
            self._send(blob, io.BytesIO(blob.content))
        elif blob.content is not None:
            with blob.content.open("rb") as file:
                self._send(blob, file)
        else:
            with tempfile.TemporaryDirectory(prefix="sst-base-") as folder:
                path = Path(folder) / "blob"
                self._fetch(blob, path)
                with path.open("rb") as file:
                    self._send(blob, file)

    def _mounted(self, blob: Blob, source: str) -> bool:
        """Whether the registry could take it from another repository of its own."""
        query = urlencode({"mount": blob.digest, "from": source})
        answer = self._registry.send("POST", f"/v2/{self._repository}/blobs/uploads/?{query}", scope=self._scope)
        if answer.status == 202 and (place := answer.headers.get("location")):     # an upload was begun in its place
            self._registry.send("DELETE", place, scope=self._scope, retry=False)
        return answer.status == 201

    def _send(self, blob: Blob, file: IO[bytes]) -> None:
        place, at, chunk, doubts = self._begun(blob), 0, self._chunk, 0
        for n in range(_TRIES * (1 + blob.size // self._chunk)):
            whole = at == 0 and blob.size <= chunk
            last = whole or at == blob.size
            size = blob.size if whole else min(chunk, blob.size - at)
            file.seek(at)
            try:
                answer = self._registry.send(
                    "PUT" if last else "PATCH", _with_digest(place, blob.digest) if last else place,
                    cast("IO[bytes]", _Piece(file, at, size)) if size else b"", scope=self._scope, retry=False,
                    headers={"Content-Type": "application/octet-stream", "Content-Length": str(size),
                             **({"Content-Range": f"{at}-{at + size - 1}"} if size and not last else {})})
            except ReadError:
                if self._registry.has(self._repository, "blobs", blob.digest):
                    return self._count(blob.size - at)
                self._registry.sleep(0.2 * 2 ** min(n, 5))
                place, at = self._resumed(blob, place)
                continue
            place = answer.headers.get("location", place)
            if answer.status == 201 and last:
                return self._count(size)
            if answer.status == 202 and not last:
                chunk = max(chunk, int(answer.headers.get("oci-chunk-min-length") or 0))
                at += size
                self._count(size)
            elif answer.status in (429, 500, 502, 503, 504, 404, 416) or (doubts == 0 and answer.status == 400):
                doubts += answer.status == 400      # refused as damaged: sent once more from its beginning
                self._registry.sleep(0.2 * 2 ** min(n, 5))
                place, at = (self._begun(blob), 0) if answer.status == 400 else self._resumed(blob, place)
            else:
                raise refused(self._registry, f"a layer of {self._repository}", answer, "upload a blob")
        raise ProviderError(f"{self._registry.name} does not take {blob.digest}: it breaks off again and again",
                            code="NoAnswer", operation="upload a blob")

    def _begun(self, blob: Blob) -> str:
        answer = self._registry.send("POST", f"/v2/{self._repository}/blobs/uploads/", b"", scope=self._scope)
        if answer.status != 202 or "location" not in answer.headers:
            raise refused(self._registry, f"the repository {self._repository}", answer, "upload a blob")
        return answer.headers["location"]

    def _resumed(self, blob: Blob, place: str) -> tuple[str, int]:
        """Where an upload goes on, and how much of it has arrived; a new one, where the registry has forgotten it."""
        answer = self._registry.send("GET", place, scope=self._scope)
        if answer.status == 204:
            end = int(answer.headers.get("range", "0-0").rpartition("-")[2] or 0)
            if 0 < end < blob.size:
                return answer.headers.get("location", place), end + 1
        return self._begun(blob), 0

    def _count(self, size: int) -> None:
        with self._lock:
            self.sent += size
            if self.sent - self._told >= 1_000_000:
                self._told = self.sent
                self._note(f"{self.sent / 1e6:.1f} of at most {self._total / 1e6:.1f} MB sent")


def _with_digest(place: str, digest: str) -> str:
    return f"{place}{'&' if '?' in place else '?'}{urlencode({'digest': digest})}"


class _Piece:
    """A part of a file."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._start, self._size, self._left = file, start, size, size
        file.seek(start)

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data

    def seek(self, offset: int) -> None:
        self._file.seek(self._start + offset)
        self._left = self._size - offset
