"""Objects of a bucket: prefixes as folders, one object with a preview.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""
from __future__ import annotations

import mimetypes
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ....core.browse import Act, Action, Column, Field, Item, Listing, Row
from ....core.model import State
from ....errors import ProviderError, UserError
from .resource import ResourceBrowser

if TYPE_CHECKING:
    from .calls import Calls

__all__ = ["BucketBrowser"]

PAGE = 200
PREVIEW = 256 * 1024
"""Bytes of an object that are read to show it."""
_IMAGES = {"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/x-icon", "image/bmp"}
"""Those that can hold no script, unlike SVG."""
_BEGINNINGS = ((b"\x89PNG\r\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


class BucketBrowser(ResourceBrowser):
    type = "aws.s3.Bucket"

    def __init__(self, calls: Calls, state: State) -> None:
        self._calls, self._name = calls, str(state.values.get("name") or state.id)

    def rows(self, query: Mapping[str, str]) -> Listing:
        prefix = query.get("folder", "") + query.get("prefix", "")
        answer = self._call("list_objects_v2", Prefix=prefix, Delimiter="/", MaxKeys=PAGE,
                            **{"ContinuationToken": after} if (after := query.get("after")) else {})
        cut = len(query.get("folder", ""))
        folders = [Row(p["Prefix"], (p["Prefix"][cut:], None, None), folder=True)
                   for p in answer.get("CommonPrefixes", ())]
        objects = [Row(o["Key"], (o["Key"][cut:], o["Size"], _seconds(o["LastModified"])))
                   for o in answer.get("Contents", ()) if o["Key"] != query.get("folder")]
        return Listing((Column("Key"), Column("Size", "size"), Column("Changed", "time")), (*folders, *objects),
                       answer.get("NextContinuationToken", ""), {"Bucket": self._name},
                       (Field("prefix", "Begins with"),),
                       (Action("put", "Upload", (Field("key", "Key", value=query.get("folder", "")),
                                                 Field("content", "File", "file"),
                                                 Field("type", "Content type (guessed if empty)")),
                               f"aws s3 cp FILE s3://{self._name}/KEY"),))

    def item(self, id: str) -> Item:
        try:
            head = self._call("head_object", Key=id)
        except ProviderError as error:
            if error.status == 404:
                raise UserError(f"there is no object {id}", hint="it was deleted; look at the list again") from error
            raise
        size, kind = int(head.get("ContentLength", 0)), str(head.get("ContentType", ""))
        body = self._body(id, size)
        place = f"s3://{self._name}/{id}"
        facts: dict[str, str | float] = {
            "Size": f"{size:,} bytes", "Content type": kind, "Changed": str(head.get("LastModified", "")),
            "ETag": str(head.get("ETag", "")).strip('"'), **{f"x-amz-meta-{k}": str(v) for k, v in
                                                              (head.get("Metadata") or {}).items()}}
        if size > PREVIEW:
            facts["Shown"] = f"the first {PREVIEW // 1024} KB"
        if version := head.get("VersionId"):
            facts["Version"] = str(version)
        actions = (Action("link", "Presigned link", command=f"aws s3 presign {place}", reads=True),
                   Action("delete", "Delete", command=f"aws s3 rm {place}", loses=f"{id} is deleted from the bucket."))
        if kind not in _IMAGES:     # many programs store without a type
            kind = next((media for first, media in _BEGINNINGS if body.startswith(first)), kind)
        if kind in _IMAGES and size <= PREVIEW:
            return Item(id, body, "image", kind, facts, actions)
        text = _text(body)
        if text is None:
            return Item(id, body[:2048], "bytes", "", facts, actions)
        return Item(id, text, "json" if "json" in kind or id.endswith(".json") else "text", "", facts, actions)

    @property
    def acts(self) -> Mapping[str, Act]:
        return {"put": self._put, "delete": self._delete, "link": self._link}

    def _put(self, id: str, values: Mapping[str, str]) -> Any:
        key = values.get("key", "")
        if not key or key.endswith("/"):
            raise UserError("the object needs a key", hint="a name after the folder: originals/cat.png")
        kind = values.get("type") or mimetypes.guess_type(key)[0] or "application/octet-stream"
        self._call("put_object", Key=key, Body=b64decode(values.get("content", "")), ContentType=kind)
        return {"put": key}

    def _delete(self, id: str, values: Mapping[str, str]) -> Any:
        self._call("delete_object", Key=id)
        return {"deleted": id}

    def _link(self, id: str, values: Mapping[str, str]) -> Any:
        return {"url": self._calls.object_url(self._name, id), "valid": "15 minutes"}

    def _body(self, key: str, size: int) -> bytes:
        if not size:
            return b""
        answer = self._call("get_object", Key=key, Range=f"bytes=0-{PREVIEW - 1}")
        body = answer.get("Body") or b""
        return bytes(body.read() if hasattr(body, "read") else body)

    def _call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self._calls("s3", operation, {"Bucket": self._name, **params})


def _seconds(value: object) -> float | None:
    return value.timestamp() if isinstance(value, datetime) else None


def _text(body: bytes) -> str | None:
    """None for what is no text; the last character may be cut."""
    if b"\0" in body:
        return None
    for end in (len(body), len(body) - 1, len(body) - 2, len(body) - 3):
        try:
            return body[:max(end, 0)].decode()
        except UnicodeDecodeError:
            continue
    return None
