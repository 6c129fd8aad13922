"""Colours of what the session writes; none if the terminal or the user wants none."""
from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

__all__ = ["Colors"]

_NAMES = (36, 35, 33, 32, 34, 96, 95, 93, 92, 94)


@dataclass(frozen=True, slots=True)
class Colors:
    on: bool

    def __call__(self, text: str, pen: str) -> str:
        codes = {"dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "bold": "1"}
        return f"\x1b[{codes.get(pen, pen)}m{text}\x1b[0m" if self.on and text else text

    def name(self, text: str) -> str:
        """Always in the same colour."""
        return self(text, str(_NAMES[crc32(text.encode()) % len(_NAMES)]))
