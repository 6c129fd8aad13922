"""Names of images, as `docker pull` takes them."""
from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ...errors import UserError
from ...net.http import is_loopback

__all__ = ["Reference", "is_digest"]

_NAME = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"\w[\w.-]{0,127}")
HUB = "registry-1.docker.io"
"""Where images are whose names have no registry, ``python:3.12``."""


def is_digest(text: str) -> bool:
    return bool(re.fullmatch(r"sha256:[0-9a-f]{64}", text))


@dataclass(frozen=True, slots=True)
class Reference:
    """``registry/name:tag@digest``.

    >>> str(Reference.of("public.ecr.aws/docker/library/python:3.12-slim"))
    'public.ecr.aws/docker/library/python:3.12-slim'
    >>> Reference.of("python:3.12").name
    'library/python'
    """

    registry: str
    """Host, with its port where it has one."""
    name: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def of(cls, text: str) -> Reference:
        """Raises ``UserError`` for what is not the name of an image."""
        rest, _, digest = text.partition("@")
        head, slash, tail = rest.partition("/")
        named = bool(slash) and ("." in head or ":" in head or head == "localhost")
        registry, path = (head, tail) if named else ("docker.io", rest)
        name, _, tag = path.partition(":")
        if registry in ("docker.io", "index.docker.io"):
            registry, name = HUB, name if "/" in name else f"library/{name}"
        if not _NAME.fullmatch(name) or (tag and not _TAG.fullmatch(tag)) or (digest and not is_digest(digest)):
            raise UserError(f"{text!r} is not the name of an image",
                            hint='like "public.ecr.aws/docker/library/python:3.12-slim"')
        return cls(registry, name, tag or ("" if digest else "latest"), digest)

    @property
    def version(self) -> str:
        """What a registry is asked for: the digest, or the tag."""
        return self.digest or self.tag

    @property
    def scheme(self) -> str:
        """Plain HTTP for registries of this machine, as all tools have it."""
        return "http" if is_loopback(self.registry.rpartition(":")[0] or self.registry) else "https"

    def at(self, digest: str) -> Reference:
        return replace(self, digest=digest)

    def __str__(self) -> str:
        tag, digest = f":{self.tag}" if self.tag else "", f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.name}{tag}{digest}"
