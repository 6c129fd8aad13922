"""A line of text that the user types below the panes."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .keys import Key

__all__ = ["Prompt"]


@dataclass
class Prompt:
    """``done`` gets the text at enter, ``changed`` after each key; ``cancel`` is called at esc."""

    label: str
    done: Callable[[str], object]
    text: str = ""
    changed: Callable[[str], object] = field(default=lambda text: None)
    cancel: Callable[[], object] = field(default=lambda: None)
    hints: tuple[str, ...] = ("enter go", "esc cancel")

    def type(self, key: Key) -> bool:
        """Take a key; False once the prompt is over."""
        match key.name:
            case "enter":
                self.done(self.text)
                return False
            case "esc" | "ctrl-c":
                self.cancel()
                return False
            case "backspace":
                self.add("", drop=1)
            case "ctrl-u":
                self.add("", drop=len(self.text))
            case _ if key.raw.isprintable():
                self.add(key.raw)
        return True

    def add(self, text: str, *, drop: int = 0) -> None:
        self.text = self.text[: len(self.text) - drop] + text
        self.changed(self.text)

    def words(self) -> list[str]:
        """For the help line."""
        return [f"{self.label}: {self.text}▏", *self.hints]
