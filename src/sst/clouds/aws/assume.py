"""Credentials of a role that is assumed for one provider instance."""
from __future__ import annotations

from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING

from .sign import Credentials

if TYPE_CHECKING:
    from .client import Aws

__all__ = ["AssumedRole"]

EARLY = 300
"""Seconds before they expire at which new ones are asked for."""


class AssumedRole:
    """Called for each request: gives credentials of ``role_arn`` that are valid now.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """

    def __init__(self, base: Aws, role_arn: str, *, name: str, external_id: str | None) -> None:
        self._base, self._lock = base, Lock()
        self._ask = {"RoleArn": role_arn, "RoleSessionName": name,
                     **({"ExternalId": external_id} if external_id else {})}
        self._found: Credentials | None = None
        self._until = 0.0

    def __call__(self) -> Credentials:
        with self._lock:
            if self._found is None or self._base.clock() > self._until - EARLY:
                told = self._base.call("sts", "assume_role", self._ask, idempotent=True)["Credentials"]
                self._found = Credentials(told["AccessKeyId"], told["SecretAccessKey"], told["SessionToken"])
                end = told["Expiration"]
                self._until = end.timestamp() if isinstance(end, datetime) else self._base.clock() + 3600
            return self._found
