"""What is kept of a plugin's resource beside its values, sealed in the state: its own notes, and marks of write-only
values."""
from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Private"]


@dataclass(frozen=True, slots=True)
class Private:
    """``notes`` goes back to the plugin byte for byte. A write-only value is never kept: ``marks`` has a salted hash of
    it, so that another value is seen to be another one."""

    notes: bytes = b""
    salt: str = ""
    marks: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Private:
        if not text:
            return cls()
        data = json.loads(text)
        return cls(base64.b64decode(data["notes"]), data.get("salt", ""), data.get("marks", {}))

    def text(self) -> str:
        data: dict[str, Any] = {"notes": base64.b64encode(self.notes).decode()}
        if self.marks:
            data |= {"salt": self.salt, "marks": dict(self.marks)}
        return json.dumps(data)

    @classmethod
    def of(cls, notes: bytes, write_only: Mapping[str, Any]) -> Private:
        salt = secrets.token_hex(16)
        return cls(notes, salt, {k: _mark(salt, v) for k, v in write_only.items() if v is not None})

    def differing(self, write_only: Mapping[str, Any]) -> frozenset[str]:
        """Those whose value is another one than it was."""
        return frozenset(k for k in {*write_only, *self.marks}
                         if self.marks.get(k) != (None if write_only.get(k) is None
                                                  else _mark(self.salt, write_only[k])))


def _mark(salt: str, value: Any) -> str:
    return hashlib.scrypt(json.dumps(value, sort_keys=True, default=str).encode(), salt=bytes.fromhex(salt or "00"),
                          n=2 ** 12, r=8, p=1, dklen=24).hex()
