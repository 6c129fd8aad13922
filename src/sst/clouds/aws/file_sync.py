"""Brings a bucket to what a folder holds. What is ours in the bucket is told by manifests, never guessed.

A manifest is written before the first object and lists all that will be there; the ones before it are deleted after the
last. So whatever run was cut off, the manifests together name every object that any of them made.
"""
from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

from ...core.provider import Note
from ...errors import ProviderError
from ...records import dataclass
from ..local.folders import File, Folder
from .file_options import headers

if TYPE_CHECKING:
    from .client import Aws

__all__ = ["MANIFESTS", "Manifest", "Place"]

MANIFESTS = ".sst/files/"
PARALLEL = 16
"""Uploads at the same time."""
_BUSY = ("NoSuchBucket", "OperationAborted")


@dataclass(frozen=True, slots=True)
class Manifest:
    """``files``: key → MD5, hash of the headers, and the ETag where it is not the MD5. ``kept``: keys that have no file
    any more."""

    files: Mapping[str, Sequence[str]] = field(default_factory=dict)
    kept: Sequence[str] = ()

    @property
    def keys(self) -> set[str]:
        return {*self.files, *self.kept}

    def pack(self) -> bytes:
        return gzip.compress(json.dumps({"files": self.files, "kept": sorted(self.kept)}, sort_keys=True).encode(),
                             mtime=0)

    @staticmethod
    def unpack(data: bytes) -> Manifest:
        read = json.loads(gzip.decompress(data))
        return Manifest(read["files"], read["kept"])


class Place:
    """Where the files of one resource go. ``base`` tells its manifests from those of others in the bucket."""

    def __init__(self, aws: Aws, bucket: str, prefix: str, base: str, *, region: str | None,
                 guard: Callable[[], None] | None) -> None:
        self.aws, self.bucket, self.region, self.guard = aws, bucket, region, guard
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.own = f"{MANIFESTS}{base}/"

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.aws.call("s3", operation, {"Bucket": self.bucket, **params}, region=self.region, idempotent=True,
                             guard=self.guard, retry=_BUSY if operation == "put_object" else ())

    def listed(self, prefix: str) -> dict[str, str]:
        """Key → ETag of all objects whose keys begin so."""
        found: dict[str, str] = {}
        more: dict[str, Any] = {}
        while True:
            page = self.call("list_objects_v2", Prefix=prefix, **more)
            found |= {o["Key"]: o["ETag"].strip('"') for o in page.get("Contents", ())}
            if not page.get("IsTruncated"):
                return found
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def manifest(self, key: str) -> Manifest:
        body = self.call("get_object", Key=key)["Body"]
        return Manifest.unpack(body if isinstance(body, bytes) else body.read())

    def manifests(self) -> tuple[dict[str, Manifest], set[str]]:
        """Our manifests by key, and all keys that other resources of this bucket own."""
        ours: dict[str, Manifest] = {}
        others: set[str] = set()
        for key in self.listed(MANIFESTS):
            manifest = self.manifest(key)
            if key.startswith(self.own):
                ours[key] = manifest
            else:
                others |= manifest.keys
        return ours, others

    def sync(self, folder: Folder, options: Sequence[Mapping[str, str]], note: Note, *, keep_old: bool) -> str:
        """Upload what differs, delete what is ours and has no file any more. The key of the new manifest."""
        before, others = self.manifests()
        wanted = {self.prefix + f.name: (f, headers(f.name, options)) for f in folder.files}
        prints = {k: _hash(json.dumps(h, sort_keys=True).encode()) for k, (_, h) in wanted.items()}
        gone = set().union(*(m.keys for m in before.values())) - wanted.keys()
        new = Manifest({k: [f.md5, prints[k], *_etag(before.values(), k, f.md5)] for k, (f, _) in wanted.items()},
                       sorted(gone) if keep_old else ())
        name = f"{self.own}{_hash(json.dumps([new.files, new.kept], sort_keys=True).encode())}.json.gz"
        self.call("put_object", Key=name, Body=new.pack(), ContentType="application/gzip")
        there = self.listed(self.prefix)
        send = {k: v for k, v in wanted.items()
                if there.get(k) != new.files[k][-1 if len(new.files[k]) > 2 else 0]
                or any(m.files[k][1] != prints[k] for m in before.values() if k in m.files)}
        if etags := self._upload(send, note):
            new = Manifest({k: [*v[:2], etags[k]] if k in etags else v for k, v in new.files.items()}, new.kept)
            self.call("put_object", Key=name, Body=new.pack(), ContentType="application/gzip")
        if not keep_old:
            self.delete(sorted(gone - others), note)
        self.delete(sorted(before.keys() - {name}), lambda text: None)
        return name

    def _upload(self, send: Mapping[str, tuple[File, Mapping[str, str]]], note: Note) -> dict[str, str]:
        """The ETags that are no MD5: of buckets that encrypt with a key of KMS."""
        etags: dict[str, str] = {}

        def put(key: str) -> tuple[str, str]:
            file, sent = send[key]
            with file.path.open("rb") as body:
                answer = self.call("put_object", Key=key, Body=body, **sent)
            return key, str(answer.get("ETag", "")).strip('"')

        from concurrent.futures import ThreadPoolExecutor, as_completed

        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="sst-files") as pool:
            running = [pool.submit(put, key) for key in sorted(send)]
            try:
                for n, done in enumerate(as_completed(running), 1):
                    key, etag = done.result()
                    if etag and etag != send[key][0].md5:
                        etags[key] = etag
                    if n % 20 == 0 or n == len(send):
                        note(f"{n:,} of {len(send):,} files")
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return etags

    def delete(self, keys: Sequence[str], note: Note) -> None:
        """Delete objects, a thousand a call."""
        for i in range(0, len(keys), 1000):
            answer = self.call("delete_objects", Delete={"Objects": [{"Key": k} for k in keys[i:i + 1000]],
                                                         "Quiet": True})
            for kept in answer.get("Errors", ()):
                raise ProviderError(f"{kept.get('Key')} can't be deleted: {kept.get('Message')}",
                                    code=kept.get("Code", ""), operation="s3 delete_objects", status=400)
            note(f"{min(i + 1000, len(keys)):,} of {len(keys):,} old files deleted")


def _etag(before: Iterable[Manifest], key: str, md5: str) -> list[str]:
    """The ETag of an object with this content, where it is known not to be the MD5."""
    known = [list(m.files[key][2:]) for m in before if key in m.files and m.files[key][0] == md5]
    return next((k for k in known if k), [])


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
