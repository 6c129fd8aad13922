"""Cuts a program's output into text and control sequences."""
from __future__ import annotations

import codecs
import re

__all__ = ["LINE_DRAWING", "TOKEN", "Stream"]

TOKEN = re.compile(
    r"(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    r"|\x1b\[(?P<parameters>[0-9:;]*)(?P<final>[@-~])"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f-\x9f])"
    r"|\x1b(?P<escape>[0-9:;<=>?@A-OQ-WYZ\\`a-z{|}~])"
    r"|\x1b(?P<slot>[ -/])(?P<designated>[0-~])"
    r"|\x1b\[(?P<prefix>[<=>?]?)(?P<numbers>[0-9:;]*)(?P<between>[ -/]*)(?P<private>[@-~])"
    r"|\x1b\](?P<said>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    r"|\x1b[PX^_](?P<string>[^\x1b]*)\x1b\\"
    r"|(?P<lone>\x1b)")
"""Every character belongs to some token. A lone escape starts what is cut off, broken or unknown."""

LINE_DRAWING = dict(zip(range(0x60, 0x7F), "◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·", strict=True))

_UNFINISHED = re.compile(r"\x1b(?:\[[0-9:;<=>?]*[ -/]*|[ -/]|\][^\x07\x1b]*\x1b?|[PX^_][^\x1b]*\x1b?)?")
_INTERRUPTED = re.compile(r"\x1b\[([0-9:;<=>?]*[ -/]*)([\x00-\x17\x19\x1c-\x1f\x7f])")
_BROKEN = re.compile(r"\x1b(?:\[[0-9:;<=>? -/]*[\x18\x1a]?|[\]PX^_][^\x07\x1b]*)?")
_LONGEST = 1 << 16
"""Characters of a string (a title, a picture) that are waited for; the rest of it is dropped as it comes."""


class Stream:
    """Bytes to text, and what is left of a sequence whose end has not come yet."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun = ""
        self._dropping = False

    def decode(self, data: bytes) -> str:
        text = self._begun + self._decoder.decode(data)
        self._begun = ""
        if self._dropping:
            end = re.search(r"\x07|\x1b\\?", text)
            if not end:
                return ""
            self._dropping = False
            return text[end.end():]
        return text

    def unfinished(self, text: str, start: int) -> tuple[int, str, str]:
        """Where to go on, in which text, after a lone escape at ``start``; and a control character that is carried out
        first."""
        if _UNFINISHED.fullmatch(text, start):
            if len(text) - start > _LONGEST:
                self._dropping = True
            else:
                self._begun = text[start:]
            return len(text), text, ""
        if m := _INTERRUPTED.match(text, start):
            return 0, f"\x1b[{m[1]}{text[m.end():]}", m[2]
        broken = _BROKEN.match(text, start)
        return (broken.end() if broken else start + 1), text, ""
