"""Bytes from the user's terminal to keys, clicks and pasted text."""
from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Input", "Key", "Keys", "Mouse", "Paste", "key_bytes"]


@dataclass(frozen=True)
class Key:
    """``name`` is ``"a"``, ``"enter"``, ``"up"``, ``"ctrl-c"``; ``raw`` is what the terminal sent."""

    name: str
    raw: str


@dataclass(frozen=True)
class Mouse:
    """``x`` and ``y`` count from 0. ``kind``: press, release, drag, wheel_up, wheel_down or other; ``button`` as the
    terminal codes it."""

    kind: str
    x: int
    y: int
    button: int


@dataclass(frozen=True)
class Paste:
    text: str


Input: TypeAlias = Key | Mouse | Paste

_TOKEN = re.compile(
    r"\x1b\[200~(?P<paste>.*?)\x1b\[201~"
    r"|\x1b\[<(?P<button>\d+);(?P<x>\d+);(?P<y>\d+)(?P<how>[Mm])"
    r"|\x1b\[(?P<answer>[?>][0-9;$]*[a-zA-Z])"
    r"|\x1b(?P<key>(?:\[[0-9;]*|O)[A-Za-z~])"
    r"|(?P<alt>\x1b[^\x1b\[O])"
    r"|(?P<plain>[^\x1b])", re.DOTALL)
_BEGUN = re.compile(r"\x1b(\[([<?>]?[0-9;$]*)|O|\[200~.*)?", re.DOTALL)
_NAMES = {"[A": "up", "[B": "down", "[C": "right", "[D": "left", "OA": "up", "OB": "down", "OC": "right", "OD": "left",
          "[5~": "pgup",
          "[6~": "pgdn", "[H": "home", "[F": "end", "[1~": "home", "[4~": "end", "OH": "home", "OF": "end",
          "[3~": "delete",
          "[5;2~": "shift-pgup", "[6;2~": "shift-pgdn", "[Z": "shift-tab"}
_CONTROLS = {"\r": "enter", "\n": "enter", "\t": "tab", "\x7f": "backspace", "\x08": "backspace", "\x1b": "esc",
             " ": "space"}
_CURSOR = re.compile(r"\x1b\[([ABCDHF])")


class Keys:
    """Feed it what arrives; a lone escape waits for more until ``flush`` says that nothing came."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun = ""

    @property
    def waits(self) -> bool:
        return bool(self._begun) and not self._begun.startswith("\x1b[200~")

    def feed(self, data: bytes) -> Iterator[Input]:
        text, at = self._begun + self._decoder.decode(data), 0
        self._begun = ""
        while at < len(text):
            m = _TOKEN.match(text, at)
            if m is None or (text.startswith("\x1b[200~", at) and m["paste"] is None):
                if _BEGUN.fullmatch(text, at):
                    self._begun = text[at:]
                    return
                yield Key("esc", "\x1b")
                at += 1
                continue
            at = m.end()
            if (found := _read(m)) is not None:
                yield found

    def flush(self) -> Iterator[Input]:
        """Nothing more came: it was the escape key."""
        begun, self._begun = self._begun, ""
        if begun:
            yield Key("esc", "\x1b")
            yield from (Key(c, c) for c in begun[1:])


def _read(m: re.Match[str]) -> Input | None:
    match m.lastgroup:
        case "paste":
            return Paste(m["paste"])
        case "how":
            button = int(m["button"])
            if button & 64:
                kind = {0: "wheel_up", 1: "wheel_down"}.get(button & 3, "other")
            else:
                kind = "release" if m["how"] == "m" else "drag" if button & 32 else "press"
            return Mouse(kind, int(m["x"]) - 1, int(m["y"]) - 1, button)
        case "key":
            return Key(_NAMES.get(m["key"], "other"), m.group())
        case "plain":
            c = m["plain"]
            name = _CONTROLS.get(c) or (f"ctrl-{chr(ord(c) + 96)}" if ord(c) < 27 else c)
            return Key(name, c)
        case "alt":
            return Key("alt-" + m["alt"][1], m["alt"])
    return None  # an answer to a question


def key_bytes(key: Key, *, application: bool) -> bytes:
    """What a program gets for a key; ``application`` is its cursor key mode."""
    raw = _CURSOR.sub("\x1bO\\1", key.raw) if application else key.raw
    return raw.encode()
