"""Containers of ECS without a container engine: each is a process of this machine."""
from __future__ import annotations

from sst.embedded.containers.balancer import Balancer
from sst.embedded.containers.engine import Engine

__all__ = ["Balancer", "Engine"]
