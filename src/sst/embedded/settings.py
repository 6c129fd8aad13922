"""Where the embedded cloud keeps its things, and the keys it was given."""
from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, field
from pathlib import Path

from sst.errors import UserError
from sst.machine.files import cached, write_private

from ..records import dataclass

__all__ = ["ACCOUNT", "Keys", "Settings", "read_json"]

ACCOUNT = "000000000000"
_KEY_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True)
class Keys:
    """The root key pair, the token of the control endpoints, and the two fixed ports; made once per data folder."""

    access_key: str
    secret_key: str
    token: str
    port: int = 0
    s3_port: int = 0

    @staticmethod
    def of(folder: Path) -> Keys:
        """The keys of ``folder``; new random ones if it has none yet. Raises `UserError` if its file is damaged."""
        file = folder / "keys.json"
        if file.exists():
            try:
                return Keys(**(read_json(file) or {}))  # type: ignore[arg-type]
            except TypeError:
                raise UserError(f"{file} is damaged: it has no keys",
                                hint="delete it: the next start of the local cloud makes new ones, and no resource or "
                                     "data is lost; `sst local reset` deletes everything of stage `local`") from None
        keys = Keys("AKIA" + "".join(secrets.choice(_KEY_LETTERS) for _ in range(16)), secrets.token_urlsafe(30),
                    secrets.token_urlsafe(30))
        keys.save(folder)
        return keys

    def save(self, folder: Path) -> None:
        write_private(folder / "keys.json", json.dumps(asdict(self)))


@dataclass(frozen=True)
class Settings:
    """Everything one embedded cloud is started with."""

    folder: Path
    region: str
    keys: Keys
    iam: bool = True
    host: Mapping[str, str] = field(default_factory=dict)
    """Of the user's environment: PATH, HOME and the like, and ``SST_PYTHON`` (the project's interpreter). For finding
    interpreters only."""

    @property
    def port(self) -> int:
        return self.keys.port

    @property
    def endpoint(self) -> str:
        """All of AWS, for programs."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def s3_endpoint(self) -> str:
        """S3 alone, for browsers too: what a function presigns must work in a page."""
        return f"http://127.0.0.1:{self.keys.s3_port}"

    @property
    def account(self) -> str:
        return ACCOUNT


def read_json(file: Path) -> Mapping[str, object] | None:
    """The mapping in ``file``, or None if it is not there or is not one (a torn write of an older process)."""
    return cached(file, dict)
