"""State in an S3 bucket, by conditional writes alone."""
from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ...errors import ProviderError, StateError
from ...machine.clock import steady
from ..store import Conflict, Stored

__all__ = ["Call", "S3Store"]

Call: TypeAlias = Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]]
"""``call("s3", "put_object", {...})``: makes one AWS call, retries what is safe, raises ``ProviderError`` with the
cloud's code."""

_REFUSED = frozenset(("PreconditionFailed", "412"))
_BUSY = frozenset(("ConditionalRequestConflict", "OperationAborted", "409"))
_ABSENT = frozenset(("NoSuchKey", "404", "NotFound"))
_FRESH = 60.0
"""Seconds for which the store's time is reckoned on from the last answer instead of asking again."""
_TRIES = 5
_PAGE = 1000


class S3Store:
    """A store in one bucket.

        store = S3Store(call, "sst-py-state-eu-west-1-abcdefghijkl")

    ``call``'s answers carry ``ResponseMetadata.HTTPHeaders``; their ``date`` is the store's clock. A conditional write
    that is refused is looked up: when the object holds our very bytes, an earlier try of ours had arrived.
    """

    packed = True

    def __init__(self, call: Call, bucket: str, *, clock: Callable[[], float] = steady) -> None:
        self._call_aws, self.bucket, self._steady = call, bucket, clock
        self._lock = threading.Lock()
        self._time: tuple[float, float] | None = None
        """The server's time in the last answer, and ours then."""

    def _call(self, operation: str, **params: Any) -> Mapping[str, Any]:
        asked = self._steady()
        answer = self._call_aws("s3", operation, {"Bucket": self.bucket, **params})
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        if date := headers.get("date"):
            from email.utils import parsedate_to_datetime  # slow to import

            with self._lock:
                self._time = (parsedate_to_datetime(date).timestamp(), asked)
        return answer

    def get(self, key: str) -> Stored | None:
        try:
            answer = self._call("get_object", Key=key)
        except ProviderError as e:
            if e.code in _ABSENT:
                return None
            raise
        body = answer["Body"]
        return Stored(body if isinstance(body, bytes) else body.read(), answer["ETag"])

    def put_new(self, key: str, data: bytes) -> str:
        return self._put(key, data, {"IfNoneMatch": "*"}, "exists already")

    def put_if(self, key: str, data: bytes, tag: str) -> str:
        return self._put(key, data, {"IfMatch": tag}, "was changed by someone else")

    def _put(self, key: str, data: bytes, condition: Mapping[str, str], why: str) -> str:
        for again in range(_TRIES):
            try:
                return str(self._call("put_object", Key=key, Body=data, **condition)["ETag"])
            except ProviderError as e:
                if e.code in _REFUSED or e.code in _ABSENT or (e.sent and not e.code):
                    if (stored := self.get(key)) and stored.data == data:
                        return stored.tag
                    if e.code in _REFUSED or e.code in _ABSENT:
                        raise Conflict(f"{key} {why}") from e
                elif e.code not in _BUSY:
                    raise
                if again == _TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    def delete(self, *keys: str) -> None:
        for at in range(0, len(keys), _PAGE):
            objects = [{"Key": k} for k in keys[at:at + _PAGE]]
            answer = self._call("delete_objects", Delete={"Objects": objects, "Quiet": True})
            if errors := answer.get("Errors"):
                raise StateError(f"{errors[0]['Key']} could not be deleted: {errors[0].get('Code')} "
                                 f"{errors[0].get('Message')}")

    def list(self, prefix: str) -> list[str]:
        keys: list[str] = []
        more: dict[str, str] = {}
        while True:
            answer = self._call("list_objects_v2", Prefix=prefix, **more)
            keys += [o["Key"] for o in answer.get("Contents", ())]
            if not answer.get("IsTruncated"):
                return sorted(keys)
            more = {"ContinuationToken": answer["NextContinuationToken"]}

    def now(self) -> float:
        with self._lock:
            known = self._time
        if known is None or self._steady() - known[1] > _FRESH:
            self._call("head_bucket")
            with self._lock:
                known = self._time
        if known is None:
            raise StateError("the bucket's answers carry no date, so leases can't be measured",
                             hint="is that endpoint really S3?")
        return known[0] + self._steady() - known[1]

    def close(self) -> None:
        pass
