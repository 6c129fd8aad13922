"""Uploads of a Django project in a linked bucket."""
from __future__ import annotations

import mimetypes
import tempfile
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.core.files.base import File
from django.core.files.storage import Storage
from django.utils.deconstruct import deconstructible

from .resource import Resource

__all__ = ["BucketStorage"]

_MEMORY = 5 * 1024 * 1024
"""Bytes of a file that is opened; a larger one goes to the disk."""


@deconstructible
class BucketStorage(Storage):  # type: ignore[misc]  # Django has no types here
    """``link``: name of the linked bucket. ``prefix``: folder in it. ``expires``: seconds for which the address of a
    file is good; it carries a signature, since the bucket is private."""

    def __init__(self, link: str = "", prefix: str = "", expires: int = 3600) -> None:
        import boto3  # type: ignore[import-untyped]  # it has no types

        self.bucket, self.prefix, self.expires = Resource[link]["name"], prefix.strip("/"), expires
        self._s3 = boto3.client("s3", config=boto3.session.Config(signature_version="s3v4"))

    def _key(self, name: str) -> str:
        clean = name.replace("\\", "/").lstrip("/")
        return f"{self.prefix}/{clean}" if self.prefix else clean

    def _open(self, name: str, mode: str = "rb") -> Any:
        if set(mode) - set("rbt"):
            raise ValueError(f"a file in a bucket can't be opened with mode {mode!r}: save() writes it")
        content = tempfile.SpooledTemporaryFile(_MEMORY)  # noqa: SIM115  # the caller closes it
        try:
            self._s3.download_fileobj(self.bucket, self._key(name), content)
        except self._s3.exceptions.ClientError as e:
            raise FileNotFoundError(f"there is no file {name!r} in the bucket {self.bucket}") from e
        content.seek(0)
        return File(content, name)

    def _save(self, name: str, content: Any) -> str:
        kind = getattr(content, "content_type", None) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        content.seek(0)
        self._s3.put_object(Bucket=self.bucket, Key=self._key(name), Body=content.read(), ContentType=kind)
        return name.replace("\\", "/")

    def delete(self, name: str) -> None:
        self._s3.delete_object(Bucket=self.bucket, Key=self._key(name))

    def exists(self, name: str) -> bool:
        return self._head(name) is not None

    def size(self, name: str) -> int:
        return int(self._found(name)["ContentLength"])

    def get_modified_time(self, name: str) -> datetime:
        at: datetime = self._found(name)["LastModified"]
        return at

    def url(self, name: str | None) -> str:
        return str(self._s3.generate_presigned_url("get_object", ExpiresIn=self.expires, Params={
            "Bucket": self.bucket, "Key": self._key(name or "")}))

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        at = self._key(path).rstrip("/")
        folders, files = list[str](), list[str]()
        for page in self._pages(f"{at}/" if at else ""):
            folders += [p["Prefix"].rstrip("/").rpartition("/")[2] for p in page.get("CommonPrefixes", ())]
            files += [o["Key"].rpartition("/")[2] for o in page.get("Contents", ())]
        return folders, [f for f in files if f]

    def _pages(self, prefix: str) -> Iterator[Any]:
        pages = self._s3.get_paginator("list_objects_v2")
        yield from pages.paginate(Bucket=self.bucket, Prefix=prefix, Delimiter="/")

    def _found(self, name: str) -> Any:
        if (found := self._head(name)) is None:
            raise FileNotFoundError(f"there is no file {name!r} in the bucket {self.bucket}")
        return found

    def _head(self, name: str) -> Any:
        try:
            return self._s3.head_object(Bucket=self.bucket, Key=self._key(name))
        except self._s3.exceptions.ClientError as e:
            if e.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise
