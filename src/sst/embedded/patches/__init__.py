"""What the emulator does differently here: one module a topic, applied in the order of `TOPICS`.

Each says in its docstring what it corrects, and when it can go. Each lists in ``NEEDS`` which names of the emulator it
relies on, with their signatures: all of them are checked before the first patch is applied, so that another version of
the emulator can never run half patched.
"""
from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Protocol, cast

from sst.embedded import emulator
from sst.embedded.settings import Settings

__all__ = ["TOPICS", "Topic", "apply_all"]

TOPICS = ("models", "keys", "state", "objects", "threads", "code", "traces", "functions", "rights", "events",
          "function_url", "http_api", "jwt", "rest_api", "websocket", "queues", "batches", "event_sources", "streams",
          "actions", "event_apis", "schedules", "targets", "subscribers", "emails", "integrations", "databases",
          "clusters", "cdn", "caches", "searches", "volumes", "containers", "discovery", "scaling", "registry",
          "firewalls")


class Topic(Protocol):
    NEEDS: Mapping[str, str]
    """``module:name`` inside of the emulator's package -> signature (see `emulator.signature_of`)."""

    def apply(self, settings: Settings) -> None: ...


def apply_all(settings: Settings) -> None:
    """Check every topic, then patch: nothing is changed unless everything fits. Raises `InternalError`."""
    topics = {name: cast(Topic, importlib.import_module(f"{__name__}.{name}")) for name in TOPICS}
    emulator.check("embedded/emulator.py", emulator.NEEDS)
    for name, topic in topics.items():
        emulator.check(f"the patch `{name}`", topic.NEEDS)
    for topic in topics.values():
        topic.apply(settings)
