"""Which protocol a service speaks is read from the head of its model, without botocore.

The emulator asks for it with the first answer of each service, and imports botocore for that, which takes most of a
second of the first call. Goes when ministack reads the head of a model alone; last checked with 1.5.33.
"""
from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply"]

NEEDS: Mapping[str, str] = {
    "core.responses:_BOTOCORE_NAME": "dict",
    "core.responses:_service_model": "(service)",
}

_HEAD = 4096
"""Bytes that hold the part ``metadata`` of every model."""


def apply(settings: Settings) -> None:
    from ministack.core import responses

    whole = responses._service_model

    @cache
    def service_model(service: str) -> Any:
        found = _metadata(responses._BOTOCORE_NAME.get(service, service))
        return _Model(found, lambda: whole(service)) if found else whole(service)

    responses._service_model = service_model


class _Model:
    """A model whose operations and shapes are loaded when they are asked for."""

    def __init__(self, metadata: Mapping[str, Any], load: Callable[[], Any]) -> None:
        self.metadata, self._load = metadata, load

    def __getattr__(self, name: str) -> Any:
        return getattr(self._load(), name)


def _metadata(name: str) -> Mapping[str, Any] | None:
    """None if there is no such model, or its head is longer."""
    spec = find_spec("botocore")
    folders = sorted((Path(spec.origin).parent / "data" / name).glob("*/")) if spec and spec.origin else []
    if not folders:
        return None
    try:
        with gzip.open(folders[-1] / "service-2.json.gz") as packed:
            head = packed.read(_HEAD).decode("utf-8", "replace")
        found: Any = json.JSONDecoder().raw_decode(head, head.index('"metadata":') + len('"metadata":'))[0]
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
