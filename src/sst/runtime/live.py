"""Where Lambda enters a function while ``sst dev`` runs on an AWS stage: calls go to a developer's machine, or to the
deployed code.

Variables: ``SST_LIVE_HANDLER`` (the deployed code's own), ``SST_LIVE_UNTIL`` (end of the lease, seconds since 1970).
After that there is nothing between Lambda and the deployed code. The rest is in ``bridge/forwarding.py``, which is not
even loaded then.
"""
from __future__ import annotations

import importlib
import os
import time
from typing import Any

__all__ = ["handler"]


def _deployed() -> Any:
    os.environ["_HANDLER"] = name = os.environ["SST_LIVE_HANDLER"]
    place, _, function = name.rpartition(".")
    return getattr(importlib.import_module(place.replace("/", ".")), function)


def _entered() -> Any:
    if float(os.environ.get("SST_LIVE_UNTIL") or 0) <= time.time():
        return _deployed()
    from .bridge.forwarding import ForwardingHandler

    return ForwardingHandler(os.environ, _deployed)


handler = _entered()
