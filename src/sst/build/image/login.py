"""Who we are to a registry: what `docker login` has kept, and the tokens that registries give for it."""
from __future__ import annotations

import base64
import json
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .reference import HUB

__all__ = ["Challenge", "Keys", "docker_keys"]

Keys = Callable[[str], tuple[str, str] | None]
"""User and password for a registry; None: it is asked without."""
_WAIT = 20.0
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a registry wants to see: ``Basic``, or a ``Bearer`` token from ``realm``."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""

    @classmethod
    def of(cls, header: str) -> Challenge:
        scheme, _, rest = header.strip().partition(" ")
        given = dict(_PARAMETER.findall(rest))
        return cls(scheme.lower(), given.get("realm", ""), given.get("service", ""), given.get("scope", ""))


@dataclass(frozen=True, slots=True)
class Token:
    """``until``: seconds of ``time.monotonic``."""

    value: str
    until: float

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Token:
        lives = max(60.0, float(answer.get("expires_in") or 60))
        return cls(str(answer.get("token") or answer.get("access_token") or ""), time.monotonic() + lives - 30)


def basic(pair: tuple[str, str]) -> str:
    return "Basic " + base64.b64encode(":".join(pair).encode()).decode()


def docker_keys(environ: Mapping[str, str]) -> Keys:
    """Logins of ``config.json`` in ``DOCKER_CONFIG`` (``~/.docker``), with its programs that keep them."""
    home = environ.get("DOCKER_CONFIG") or f"{environ.get('HOME', '')}/.docker"
    try:
        config = json.loads((Path(home) / "config.json").read_bytes())
    except (OSError, ValueError):
        config = {}

    def keys(registry: str) -> tuple[str, str] | None:
        names = [registry, f"https://{registry}", f"https://{registry}/v2/"]
        if registry == HUB:
            names += ["docker.io", "https://index.docker.io/v1/"]
        for name in names:
            program = config.get("credHelpers", {}).get(name) or config.get("credsStore")
            if program and (found := _asked(str(program), name, environ)):
                return found
            kept = config.get("auths", {}).get(name, {}).get("auth")
            if kept:
                user, _, password = base64.b64decode(kept).decode().partition(":")
                return user, password
        return None

    return keys


def _asked(program: str, name: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    try:
        said = subprocess.run([f"docker-credential-{program}", "get"], input=name, env=dict(environ), text=True,
                              capture_output=True, timeout=_WAIT, check=True).stdout
        answer = json.loads(said)
        return str(answer["Username"]), str(answer["Secret"])
    except (OSError, ValueError, KeyError, subprocess.SubprocessError):
        return None
