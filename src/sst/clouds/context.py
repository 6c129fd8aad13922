"""What providers may know of the stage they work for."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, Protocol

from ..records import dataclass

__all__ = ["LocalCloud", "StageContext"]


class LocalCloud(Protocol):
    """The cloud on this machine, running; ``embedded.cloud.Cloud`` is the real one."""

    @property
    def endpoint(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...
    @property
    def trust(self) -> Mapping[str, str]: ...
    def address(self, kind: str, value: str) -> str: ...
    def messages(self, queue: str) -> Sequence[Mapping[str, Any]]: ...

    def mails(self) -> Sequence[Mapping[str, Any]]: ...
    def sql(self, database: str, asked: Mapping[str, Any]) -> Mapping[str, Any]: ...
    def attach(self, port: int, token: str) -> bool: ...


@dataclass(frozen=True)
class StageContext:
    """``local`` starts the cloud of stage ``local``, or finds the one that runs; None on other stages. ``profile`` and
    ``account`` are those of the config."""

    app: str
    stage: str
    root: Path
    region: str
    profile: str | None
    account: str | None
    environ: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Per cloud, the settings of its default provider instance."""
    local: Callable[[], LocalCloud] | None = None
    local_account: Callable[[], str] = str
    """The account of stage ``local`` while its cloud is still starting; empty means: ask ``local``."""
