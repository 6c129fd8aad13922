"""An image: what its manifest and its config say, and where its layers are."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .layer import LAYER, Layer

__all__ = ["CONFIG", "INDEXES", "MANIFESTS", "Base", "Blob", "Built", "Settings", "compose", "digest_of"]

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
MANIFESTS = (MANIFEST, DOCKER)
INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_LAYERS = {"application/vnd.docker.image.rootfs.diff.tar.gzip": LAYER,
           "application/vnd.docker.image.rootfs.diff.tar": "application/vnd.oci.image.layer.v1.tar"}


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Blob:
    """A part of an image. ``content`` is its bytes, a file, or None where only the registry of the base has it."""

    digest: str
    size: int
    content: bytes | Path | None = None


@dataclass(frozen=True, slots=True)
class Base:
    """What an image stands on. ``name`` tells it with its digest, and ``layers`` where its files are."""

    name: str
    digest: str
    config: Mapping[str, Any]
    descriptors: Sequence[Mapping[str, Any]]
    layers: Sequence[Blob]


@dataclass(frozen=True, slots=True)
class Settings:
    """How containers of an image start: beside what the base says, or in its place."""

    environment: Mapping[str, str]
    folder: str = "/app"
    user: str = ""
    command: Sequence[str] = ()
    stop_signal: str = "SIGTERM"


@dataclass(frozen=True, slots=True)
class Built:
    """An image that can be pushed: its manifest, and all that it names."""

    manifest: bytes
    kind: str
    blobs: Sequence[Blob]

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)

    @property
    def size(self) -> int:
        """Of all layers, compressed."""
        return sum(b.size for b in self.blobs)


def compose(base: Base, layers: Sequence[Layer], settings: Settings | None) -> Built:
    """The image of a base with further layers. Same parts, same bytes. Without settings it starts as its base does."""
    below = base.config
    own = dict(below.get("config") or {})
    if settings is not None:
        own = _started(own, settings)
    history = [{"created": "1970-01-01T00:00:00Z", "created_by": "sst"} for _ in layers]
    config = json.dumps({
        "architecture": below.get("architecture", "amd64"), "os": below.get("os", "linux"),
        **({"variant": below["variant"]} if below.get("variant") else {}), "created": "1970-01-01T00:00:00Z",
        "config": own, "rootfs": {"type": "layers", "diff_ids": [*(below.get("rootfs") or {}).get("diff_ids", ()),
                                                                 *(x.diff_id for x in layers)]},
        "history": [*(below.get("history") or ()), *history],
    }, sort_keys=True, separators=(",", ":")).encode()
    about = Blob(digest_of(config), len(config), config)
    ours = [Blob(x.digest, x.size, x.path) for x in layers]
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": about.digest, "size": about.size},
        "layers": [*({"mediaType": _LAYERS.get(d["mediaType"], d["mediaType"]), "digest": d["digest"],
                      "size": d["size"]} for d in base.descriptors),
                   *({"mediaType": LAYER, "digest": b.digest, "size": b.size} for b in ours)],
    }, sort_keys=True, separators=(",", ":")).encode()
    return Built(manifest, MANIFEST, [*base.layers, *ours, about])


def _started(base: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    environment = dict(pair.partition("=")[::2] for pair in base.get("Env") or ())
    own = {**base, "Env": [f"{k}={v}" for k, v in {**environment, **settings.environment}.items()],
           "WorkingDir": settings.folder, "StopSignal": settings.stop_signal, "Cmd": list(settings.command)}
    if settings.user:
        own["User"] = settings.user
    # what starts is the command alone: an entry point of the base would take it for its arguments
    return {k: v for k, v in own.items() if k != "Entrypoint" and (k != "Cmd" or v)}
