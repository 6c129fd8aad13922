"""Where Lambda enters a Python function that is called through a CDN: requests of its URL need the key of the edge.

``SST_ORIGIN_HANDLER`` is the function's own handler, ``SST_ORIGIN_KEY`` the key.
"""
from __future__ import annotations

import importlib
import os
from typing import Any

from .origin import protected

__all__ = ["handler"]


def _own() -> Any:
    os.environ["_HANDLER"] = name = os.environ["SST_ORIGIN_HANDLER"]
    place, _, function = name.rpartition(".")
    return getattr(importlib.import_module(place.replace("/", ".")), function)


handler = protected(_own())
