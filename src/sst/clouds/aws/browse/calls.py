"""What browsers ask of the cloud."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from ..client import Aws

__all__ = ["Calls", "Peek"]

Peek = Callable[[str], Sequence[Mapping[str, Any]]]
"""The messages of a queue of stage ``local``, by its URL, without receiving them."""


class Calls:
    """``calls("s3", "list_objects_v2", {...})``. ``peek`` only where the queue can be looked into."""

    def __init__(self, aws: Callable[[], Aws], peek: Peek | None) -> None:
        self._aws, self.peek = aws, peek

    def __call__(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        return self._aws().call(service, operation, params)

    def object_url(self, bucket: str, key: str) -> str:
        """A link to an object for 15 minutes."""
        aws = self._aws()
        own = aws.endpoint("s3")
        place = f"{own}/{bucket}" if own else f"https://{bucket}.s3.{aws.region}.amazonaws.com"
        return aws.presigned("s3", f"{place}/{quote(key)}")
