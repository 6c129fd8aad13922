"""What browsers ask of the cloud."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from ..client import Aws

__all__ = ["Calls", "Mails", "Peek", "Sql"]

Peek = Callable[[str], Sequence[Mapping[str, Any]]]
"""The messages of a queue of stage ``local``, by its URL, without receiving them."""
Mails = Callable[[], Sequence[Mapping[str, Any]]]
"""The mails that SES of stage ``local`` was given to send: `Cloud.mails`."""
Sql = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""The answer of a database of stage ``local`` to a statement, by its ARN: `Cloud.sql`."""


class Calls:
    """``calls("s3", "list_objects_v2", {...})``. ``peek``, ``sql`` and ``mails`` only where queues can
    be looked into, databases be asked and mails be seen: on stage ``local``."""

    def __init__(self, aws: Callable[[], Aws], peek: Peek | None, sql: Sql | None = None,
                 mails: Mails | None = None) -> None:
        self._aws, self.peek, self.sql, self.mails = aws, peek, sql, mails

    def __call__(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        return self._aws().call(service, operation, params)

    def object_url(self, bucket: str, key: str) -> str:
        """A link to an object for 15 minutes."""
        aws = self._aws()
        own = aws.endpoint("s3")
        place = f"{own}/{bucket}" if own else f"https://{bucket}.s3.{aws.region}.amazonaws.com"
        return aws.presigned("s3", f"{place}/{quote(key)}")
