"""Which of many texts stand in another one."""
from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

from .redact import LEAST

__all__ = ["Known"]


class Known:
    """Texts of at least ``LEAST`` characters. Looking for them takes time by the length of what is searched, not by
    their number: they lie by how they begin, and by their length. Safe among threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._texts: dict[str, dict[int, set[str]]] = {}

    def add(self, texts: Iterable[str]) -> None:
        with self._lock:
            for text in texts:
                self._texts.setdefault(text[:LEAST], {}).setdefault(len(text), set()).add(text)

    def within(self, text: str) -> bool:
        """Takes no lock, for which all threads of a deploy would queue: a copy of the few lengths is made at once."""
        if not self._texts:
            return False
        for at in range(len(text) - LEAST + 1):
            if found := self._texts.get(text[at:at + LEAST]):
                for length, same in tuple(found.items()):
                    if text[at:at + length] in same:
                        return True
        return False
