"""What this process prints while the panes are shown."""
from __future__ import annotations

import io

from .log_pane import LogPane

__all__ = ["Prints"]


class Prints(io.TextIOBase):
    """A text stream whose lines go to a pane."""

    def __init__(self, pane: LogPane) -> None:
        self._pane, self._begun = pane, ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._pane.write_line(line)
        return len(text)
