"""Which of many texts stand in another one."""
from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

from .redact import LEAST

__all__ = ["Known"]


class Known:
    """Texts of at least ``LEAST`` characters. Looking for them takes time by the length of what is searched, or by
    their number where they are fewer: they lie by how they begin, and by their length. Safe among threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._texts: dict[str, dict[int, set[str]]] = {}
        self._starts: tuple[str, ...] = ()

    def add(self, texts: Iterable[str]) -> None:
        new = [t for t in texts if t not in self._texts.get(t[:LEAST], {}).get(len(t), ())]
        if new:
            with self._lock:
                for text in new:
                    self._texts.setdefault(text[:LEAST], {}).setdefault(len(text), set()).add(text)
                if len(self._starts) < len(self._texts):
                    self._starts = tuple(self._texts)

    def within(self, text: str) -> bool:
        """Takes no lock, for which all threads of a deploy would queue: what may grow meanwhile is copied at once."""
        starts: Iterable[str] = self._starts
        if len(self._starts) > len(text):
            starts = {text[at:at + LEAST] for at in range(len(text) - LEAST + 1)} & self._texts.keys()
        return any(self._begins(text, start) for start in starts if start in text)

    def _begins(self, text: str, start: str) -> bool:
        """Whether one of those that begin with ``start`` is in the text."""
        for length, same in tuple(self._texts[start].items()):
            at = text.find(start)
            while at >= 0:
                if text[at:at + length] in same:
                    return True
                at = text.find(start, at + 1)
        return False
