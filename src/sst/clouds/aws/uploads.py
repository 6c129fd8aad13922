"""Code of functions on its way to Lambda: in the call, or once through S3 for all functions that share it."""
from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

from ...errors import ProviderError
from .assets import RECORD

if TYPE_CHECKING:
    from .client import Aws

__all__ = ["INLINE", "Asset", "Uploads"]

INLINE = 10 * 1024 * 1024
"""Bytes of code that go into a call; Lambda takes 50 MB so, but each call holds three copies."""
SHARED = 64 * 1024
"""Bytes from which code that several functions share is uploaded once."""
OFTEN = 2
"""Functions that get such code in their calls before it is uploaded."""

Asset: TypeAlias = Callable[[Mapping[str, Any]], AbstractContextManager[Path]]
"""The zip of a function's code by its inputs, for as long as the context lasts."""


class Uploads:
    """``open`` gives the client, ``bucket`` the bucket for assets, made on first use. Files are streamed, not held in
    memory."""

    def __init__(self, open: Callable[[], Aws], asset: Asset | None, bucket: Callable[[], str] | None,
                 prefix: str) -> None:
        self._open, self.asset, self.bucket, self._prefix = open, asset, bucket, prefix
        self.inline = INLINE
        self._guard, self._locks, self._there = Lock(), dict[str, Lock](), set[str]()
        self._times: Counter[str] = Counter()

    def code(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """A function's code as Lambda takes it."""
        assert self.asset
        with self.asset(inputs) as path:
            size = path.stat().st_size
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            with self._guard:
                self._times[digest] += 1
                often = self._times[digest] > OFTEN and size >= SHARED
            if self.bucket is None or (size <= self.inline and not often):
                return {"ZipFile": path.read_bytes()}
            return self._uploaded(path, digest)

    def _uploaded(self, path: Path, digest: str) -> dict[str, Any]:
        assert self.bucket
        bucket, key = self.bucket(), f"{self._prefix}/{digest}.zip"
        with self._guard:
            mine = self._locks.setdefault(key, Lock())
        with mine:
            if key not in self._there:
                with path.open("rb") as body:
                    self._put(bucket, key, body)
                self._there.add(key)
        return {"S3Bucket": bucket, "S3Key": key}

    def _put(self, bucket: str, key: str, body: Any) -> None:
        try:
            self._open().call("s3", "put_object", {"Bucket": bucket, "Key": key, "Body": body}, idempotent=True)
        except ProviderError as e:
            if e.code == "NoSuchBucket":
                e.hint = f"if the bucket was deleted, delete the SSM parameter {RECORD} too: the next deploy makes both"
            raise
