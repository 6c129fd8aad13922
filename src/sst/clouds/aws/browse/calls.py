"""What browsers ask of the cloud."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from ..client import Aws

__all__ = ["Calls", "Peek", "Sql"]

Peek = Callable[[str], Sequence[Mapping[str, Any]]]
"""The messages of a queue of stage ``local``, by its URL, without receiving them."""
Sql = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""The answer of a database of stage ``local`` to a statement, by its ARN: `Cloud.sql`."""


class Calls:
    """``calls("s3", "list_objects_v2", {...})``. ``peek`` and ``sql`` only where queues can be looked into
    and databases be asked: on stage ``local``."""

    def __init__(self, aws: Callable[[], Aws], peek: Peek | None, sql: Sql | None = None) -> None:
        self._aws, self.peek, self.sql = aws, peek, sql

    def __call__(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        return self._aws().call(service, operation, params)

    def object_url(self, bucket: str, key: str) -> str:
        """A link to an object for 15 minutes."""
        aws = self._aws()
        own = aws.endpoint("s3")
        place = f"{own}/{bucket}" if own else f"https://{bucket}.s3.{aws.region}.amazonaws.com"
        return aws.presigned("s3", f"{place}/{quote(key)}")
