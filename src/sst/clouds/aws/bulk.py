"""The types that are no row: one resource of them stands for many objects, keys or layers."""
from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING

from ...core.provider import Provider

if TYPE_CHECKING:
    from .cloudfront_keys import Stores
    from .provider import AwsProvider

__all__ = ["Bulk"]

_TYPES = frozenset({"aws.s3.Files", "aws.cloudfront.Site", "aws.cloudfront.Route", "aws.ecr.Image"})


class Bulk:
    """Their providers, each imported and made when a resource of its type first comes."""

    def __init__(self, aws: AwsProvider) -> None:
        self._aws, self._lock = aws, RLock()
        self._stores: Stores | None = None
        self._made: dict[str, Provider] = {}

    def __contains__(self, type: str) -> bool:
        return type in _TYPES

    def get(self, type: str) -> Provider | None:
        if type not in _TYPES:
            return None
        with self._lock:
            if type not in self._made:
                self._made[type] = self._make(type)
            return self._made[type]

    def _make(self, type: str) -> Provider:
        match type:
            case "aws.s3.Files":
                from .file_provider import FilesProvider

                return FilesProvider(self._aws, self._aws.root)
            case "aws.ecr.Image":
                from .ecr_image import Images

                return Images(self._aws)
            case "aws.cloudfront.Site":
                from .cloudfront_site import Sites

                return Sites(self._aws, self._shared(), self._aws.root)
            case _:
                from .cloudfront_route import Routes

                return Routes(self._aws, self._shared())

    def _shared(self) -> Stores:
        """Sites and routes write to the same key value stores."""
        from .cloudfront_keys import Stores

        if self._stores is None:
            self._stores = Stores(lambda: self._aws.aws, self._aws.guard)
        return self._stores
