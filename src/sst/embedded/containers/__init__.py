"""Containers of ECS: processes of this machine, or containers of the podman or docker that the config names."""
from __future__ import annotations

from sst.embedded.containers.balancer import Balancer
from sst.embedded.containers.engine import Engine

__all__ = ["Balancer", "Engine"]
