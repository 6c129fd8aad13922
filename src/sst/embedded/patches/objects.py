"""S3 answers what is on disk: a write, a deletion or a read that failed is an error to the caller.

The emulator notes such a failure in its log and answers 200. Content and description of an object are replaced
together, so that a full disk leaves the former object whole. Where an object lies is looked up with one question to
the disk, not with one for each folder above it.

Goes when ministack answers 500 for an object that it could not write, delete or read, and does not ask for the real
path of its folders with each call; last checked with 1.5.33.
"""
from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from sst.embedded.checkpoint import unsaved
from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply", "real_path"]

_FOLDERS = 10_000

NEEDS: Mapping[str, str] = {
    "core.responses:error_response_xml":
        "(code, message, status, namespace='http://s3.amazonaws.com/doc/2006-03-01/')",
    "core.responses:get_account_id": "()",
    "services.s3:DATA_DIR": "str",
    "services.s3:_key_history_meta": "(bucket_name, key)",
    "services.s3:_object_disk_path": "(bucket, key, account_id=None)",
    "services.s3:_object_meta_from_record": "(obj)",
    "services.s3:_other_key_disk_path": "(base, key, fpath)",
    "services.s3:_persist_object": "(bucket, key, obj)",
    "services.s3:_remove_key_files": "(fpath)",
    "services.s3:handle_request":
        "async (method, path, headers, body, query_params, signed_path=None, enforce_bucket_region=True, "
        "internal=False, access_point_region=None, access_point=None)",
    "services.s3:logger": "Logger",
    "services.s3:os": "module",
}


def apply(settings: Settings) -> None:
    from ministack.core import responses
    from ministack.services import s3

    def persist_object(bucket: str, key: str, record: dict[str, Any]) -> None:
        place = s3._object_disk_path(bucket, key)
        if place is None:
            return
        about = {**s3._object_meta_from_record(record), **s3._key_history_meta(bucket, key), "key": key}
        content = {f"{place}.meta.json": json.dumps(about).encode()}
        if record.get("body") is not None:  # else it is on disk already
            content = {place: record["body"], **content}
        try:
            _write(content)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
            _write(content)
        record["body"] = None
        base = os.path.join(s3.DATA_DIR, responses.get_account_id(), bucket)  # noqa: PTH118
        s3._remove_key_files(s3._other_key_disk_path(base, key, place))

    answer = s3.handle_request

    async def handle_request(*asked: Any, **options: Any) -> Any:
        try:
            return await answer(*asked, **options)
        except OSError as error:
            return responses.error_response_xml("InternalError", unsaved(error), 500)

    s3.handle_request = handle_request
    s3._persist_object = persist_object
    s3.logger = _Raising(s3.logger)
    s3.os = SimpleNamespace(**{**vars(os), "path": SimpleNamespace(**{**vars(os.path), "realpath": real_path})})


def real_path(path: str) -> str:
    """`os.path.realpath`, for folders that are not replaced by links while the cloud runs: they are asked about once.

    A last component that is a link is followed.
    """
    folder, name = os.path.split(path)
    if name in ("", ".", "..") or not os.path.isabs(path) or os.path.islink(path):  # noqa: PTH114, PTH117
        return os.path.realpath(path)
    return os.path.join(_real_folder(folder), name)  # noqa: PTH118


@lru_cache(_FOLDERS)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def _write(content: Mapping[str, bytes]) -> None:
    """All of the files, or none: what needs space comes first."""
    drafts = {f"{file}.tmp": file for file in content}
    try:
        for draft, file in drafts.items():
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
                stream.write(content[file])
    except OSError:
        for draft in drafts:
            with suppress(FileNotFoundError):
                os.unlink(draft)  # noqa: PTH108
        raise
    for draft, file in drafts.items():
        os.replace(draft, file)  # noqa: PTH105


class _Raising:
    """A logger whose warnings of failed files are errors: the emulator's handlers catch `OSError` only to log it."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger

    def __getattr__(self, name: str) -> Any:
        return getattr(self._logger, name)

    def warning(self, text: str, *values: object) -> None:
        self._logger.warning(text, *values)
        if values and isinstance(values[-1], OSError):
            raise values[-1]
