"""Calls of deployed functions that run on this machine, with links that lead through a tunnel."""
from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any

from ...core.link_env import resource_file
from ..call import CallRunner, LiveCall, RunningCall
from .endpoints import Endpoint, moved, rewritten

__all__ = ["Rerouted", "rerouted"]



def rerouted(call: LiveCall, ports: Mapping[Endpoint, int]) -> LiveCall:
    """The call with the addresses of this machine in its variables, and in its encrypted file of links. The same call
    gives the same file, so that a worker stays."""
    environment, files = rewritten(call.environment, ports), call.files
    name = environment.get("SST_KEY_FILE", "")
    if (sealed := files.get(name)) is not None:
        key = b64decode(environment["SST_KEY"])
        links = _unsealed(key, sealed)
        if (now := moved(links, ports)) != links:
            text, content = resource_file(now, key, call.function, _seal)
            environment, files = {**environment, "SST_KEY": text}, {**files, name: b64decode(content)}
    return replace(call, environment=environment, files=files)


@dataclass(frozen=True)
class Rerouted:
    """Runs calls that are `rerouted`; a `call.CallRunner`."""

    runner: CallRunner
    ports: Callable[[], Mapping[Endpoint, int]]

    def stream(self, call: LiveCall) -> AbstractAsyncContextManager[RunningCall]:
        ports = self.ports()
        return self.runner.stream(rerouted(call, ports) if ports else call)


def _unsealed(key: bytes, sealed: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return json.loads(AESGCM(key).decrypt(bytes(12), sealed, None))


def _seal(key: bytes, text: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key).encrypt(bytes(12), text, None)
