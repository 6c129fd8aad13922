"""A deployed function whose source is on this machine."""
from __future__ import annotations

from dataclasses import dataclass

from ..build.source import Source
from ..core.dev_parts import Bridge

__all__ = ["RunnableFunction"]


@dataclass(frozen=True, slots=True)
class RunnableFunction:
    id: str
    """Identifies the deployed function in calls: on AWS its ARN."""
    name: str
    """Its name in the cloud."""
    title: str
    """The user's name for it: ``Api``, ``Done/Subscriber``."""
    source: Source
    timeout: float
    """Seconds."""
    memory: int
    """MB."""
    log_group: str
    log_format: str
    bridge: Bridge | None = None
