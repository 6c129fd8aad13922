"""How registries are reached from a deploy: ECR with a token of the account, others as `docker login` left them."""
from __future__ import annotations

import re
from base64 import b64decode
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ...build.image.login import docker_keys
from ...build.image.reference import Reference
from ...build.image.registry import Registry
from ...net.http import is_loopback

if TYPE_CHECKING:
    from .verbs import Verbs

__all__ = ["Registries"]

_ECR = re.compile(r"\d{12}\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)")


class Registries:
    """One client for each registry of a command. A token of ECR is asked for once; it holds for twelve hours."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs, self._lock = verbs, Lock()
        self._all: dict[str, Registry] = {}

    def of(self, host: str, region: str | None = None) -> Registry:
        with self._lock:
            if host not in self._all:
                found = _ECR.fullmatch(host)
                self._all[host] = self._ecr(host, region or found[1]) if found else self._other(host)
            return self._all[host]

    def _ecr(self, host: str, region: str) -> Registry:
        aws, known = self._verbs.aws, list[tuple[str, str]]()

        def keys(_: str) -> tuple[str, str]:
            if not known:
                answer = aws.call("ecr", "get_authorization_token", region=region)
                user, _, password = b64decode(
                    answer["authorizationData"][0]["authorizationToken"]).decode().partition(":")
                known.append((user, password))
            return known[0]

        endpoint = aws.endpoint("ecr")
        origin, called = f"https://{host}", ""
        if endpoint and is_loopback(urlsplit(endpoint).hostname or ""):     # a cloud on this machine
            origin, called = endpoint.rstrip("/"), f"{host}.localhost"
        return Registry(aws.pool(), origin, keys=keys, host=called, guard=self._verbs.guard, sleep=aws.sleep)

    def _other(self, host: str) -> Registry:
        aws = self._verbs.aws
        keys = docker_keys(aws.settings.environment)
        return Registry(aws.pool(), f"{Reference(host, '').scheme}://{host}", keys=keys, guard=self._verbs.guard,
                        sleep=aws.sleep)
