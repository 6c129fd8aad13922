"""What the emulator does differently here: one module a topic, applied in the order of `TOPICS`.

A topic says in ``NEEDS`` which names of ministack it relies on; if one is gone the launcher refuses to start and names
it, so that another version of the emulator can never run half patched.
"""
from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Protocol, cast

from sst.embedded.settings import Settings
from sst.errors import InternalError

__all__ = ["TOPICS", "Topic", "apply_all", "check"]

TOPICS = ("keys", "state", "code", "functions", "events", "function_url", "http_api", "websocket", "queues",
          "event_apis", "schedules")


class Topic(Protocol):
    NEEDS: Sequence[str]
    """``module:name`` inside the package ``ministack``."""

    def apply(self, settings: Settings) -> None: ...


def apply_all(settings: Settings) -> None:
    """Check every topic, then patch: nothing is changed unless everything fits."""
    topics = [cast(Topic, importlib.import_module(f"{__name__}.{name}")) for name in TOPICS]
    for name, topic in zip(TOPICS, topics, strict=True):
        check(name, topic.NEEDS)
    for topic in topics:
        topic.apply(settings)


def check(topic: str, needs: Sequence[str]) -> None:
    """Raise `InternalError` naming the first thing that is not there."""
    for need in needs:
        module, _, name = need.partition(":")
        try:
            found: object = importlib.import_module(f"ministack.{module}")
            for part in name.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError) as error:
            raise InternalError(f"the emulator has no {need}, which the patch `{topic}` needs",
                                hint="another version of ministack is installed than the one in "
                                     "requirements.lock") from error
