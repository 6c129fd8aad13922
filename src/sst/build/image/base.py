"""What an image stands on: an image of a registry, or of a folder in the OCI layout.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import ProviderError, UserError
from .image import INDEXES, MANIFESTS, Base, Blob, digest_of
from .reference import Reference
from .registry import Registry

__all__ = ["base_of_folder", "base_of_registry", "is_layout", "manifest_of_folder"]

_MACHINES = {"x86_64": "amd64", "arm64": "arm64"}


def is_layout(folder: Path) -> bool:
    """Whether a folder holds images: it has an ``index.json``."""
    return (folder / "index.json").is_file()


def base_of_registry(registry: Registry, reference: Reference, architecture: str) -> Base:
    """The image of a registry for an architecture, by the digest that its tag has now."""
    kind, digest, content = registry.manifest(reference.name, reference.version)
    manifest = json.loads(content)
    if kind in INDEXES or "manifests" in manifest:
        chosen = _fitting(manifest["manifests"], architecture, str(reference))
        manifest = json.loads(registry.manifest(reference.name, chosen)[2])
    config = json.loads(registry.blob(reference.name, manifest["config"]["digest"]))
    return _base(str(reference.at(digest)), digest, manifest, config, architecture,
                 lambda d: Blob(d["digest"], d["size"]))


def base_of_folder(folder: Path, architecture: str, shown: str) -> Base:
    """The image of a folder for an architecture."""
    _, content, manifest = manifest_of_folder(folder, architecture, shown)
    config = json.loads(_read(folder, manifest["config"]["digest"], shown))
    return _base(shown, digest_of(content), manifest, config, architecture,
                 lambda d: Blob(d["digest"], d["size"], _file(folder, d["digest"])))


def manifest_of_folder(folder: Path, architecture: str, shown: str) -> tuple[str, bytes, dict[str, Any]]:
    """Media type, bytes and content of the manifest in a folder. Raises ``UserError`` for one that holds none, or not
    the one for this architecture."""
    if not is_layout(folder):
        raise UserError(f"{shown} is not a folder of images: it has no index.json", hint=_MAKE)
    entries = json.loads((folder / "index.json").read_bytes())["manifests"]
    alone = len(entries) == 1
    content = _read(folder, str(entries[0]["digest"]) if alone else _fitting(entries, architecture, shown), shown)
    manifest = json.loads(content)
    if "manifests" in manifest:
        content = _read(folder, _fitting(manifest["manifests"], architecture, shown), shown)
        manifest = json.loads(content)
    return str(manifest.get("mediaType") or MANIFESTS[0]), content, manifest


def _read(folder: Path, digest: str, shown: str) -> bytes:
    try:
        content = _file(folder, digest).read_bytes()
    except OSError as e:
        raise UserError(f"the folder {shown} lacks the blob {digest}", hint="make it again: " + _MAKE) from e
    if digest_of(content) != digest:
        raise UserError(f"the blob {digest} of {shown} is damaged", hint="make it again: " + _MAKE)
    return content


_MAKE = "skopeo copy docker://python:3.12-slim oci:base"


def _file(folder: Path, digest: str) -> Path:
    algorithm, _, value = digest.partition(":")
    return folder / "blobs" / algorithm / value


def _base(name: str, digest: str, manifest: Mapping[str, Any], config: Mapping[str, Any], architecture: str,
          blob: Callable[[Mapping[str, Any]], Blob]) -> Base:
    have = config.get("architecture")
    if have and have != _MACHINES[architecture]:
        raise ProviderError(f"the base {name} is for {have}, and this image is for {_MACHINES[architecture]}",
                            code="NoSuchPlatform", operation="read the base", sent=False,
                            hint=f'architecture="{"arm64" if have == "arm64" else "x86_64"}", or another base')
    return Base(name, digest, config, manifest["layers"], [blob(d) for d in manifest["layers"]])


def _fitting(entries: Sequence[Mapping[str, Any]], architecture: str, shown: str) -> str:
    machine = _MACHINES[architecture]
    found = [e for e in entries if (p := e.get("platform") or {}).get("os", "linux") == "linux"
             and p.get("architecture") == machine]
    if not found:
        there = sorted({str((e.get("platform") or {}).get("architecture")) for e in entries})
        raise ProviderError(f"{shown} has no image for {machine}, only for {', '.join(there)}", code="NoSuchPlatform",
                            operation="read the base", sent=False, hint="choose another base or architecture")
    return str(found[0]["digest"])
