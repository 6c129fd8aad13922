"""What keys, clicks and the wheel do."""
from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ...machine.browser import open_url
from .frame import Layout
from .keys import Input, Key, Keys, Mouse, Paste, key_bytes
from .log_pane import LogPane
from .pane import Pane, ProcessPane
from .prompt import Prompt
from .row import Row
from .width import width

if TYPE_CHECKING:
    from .mux import Multiplexer

__all__ = ["Controls"]

_ESCAPE = 0.05
"""Seconds after which an escape is the key of that name."""


class Controls:
    """In the list, keys choose and command; with ``focus`` they go to the program until ctrl-z; with a ``prompt`` they
    are its text; ``helping`` shows the page of keys until one is pressed."""

    def __init__(self, mux: Multiplexer) -> None:
        self._mux = mux
        self._keys = Keys()
        self.focus = self.zoom = self.helping = False
        self.prompt: Prompt | None = None
        self._selection: tuple[int, int, int, int] | None = None
        self._list: dict[str, Callable[[], object]] = {
            "j": lambda: self._move(1), "down": lambda: self._arrow(1), "k": lambda: self._move(-1),
            "up": lambda: self._arrow(-1),
            "tab": lambda: self._move(1), "shift-tab": lambda: self._move(-1), "enter": self._enter, "x": self._kill,
            "r": self._restart,
            "ctrl-c": mux.stop, "pgup": lambda: self._scroll(1.0), "pgdn": lambda: self._scroll(-1.0),
            "ctrl-u": lambda: self._scroll(0.5),
            "ctrl-d": lambda: self._scroll(-0.5), "shift-pgup": lambda: self._scroll(1.0),
            "shift-pgdn": lambda: self._scroll(-1.0),
            "home": self._first, "g": self._first, "end": self._last, "G": self._last, "ctrl-g": self._last,
            "esc": self._escape,
            "ctrl-l": lambda: mux.pane.clear(), "f": self._filter, "/": self._search, "z": self._zoom,
            "n": lambda: self._find(older=True), "N": lambda: self._find(older=False), "?": self._help,
            "u": self._open, "y": self._copy,
        }

    def feed(self, data: bytes) -> None:
        for event in self._keys.feed(data):
            self._take(event)
        if self._keys.waits:
            asyncio.get_running_loop().call_later(_ESCAPE, self._mux.guard(self._flush))

    def left(self) -> None:
        """Another pane was chosen."""
        self.focus = self.helping = False
        self.prompt = self._selection = None

    def ask(self, prompt: Prompt) -> None:
        """Have the user type something."""
        self.prompt = prompt
        self._mux.changed(self._mux.pane)

    def help(self, room: int) -> str:
        """The keys that do something now; the less needed are left out where there is no room."""
        words = self._words()
        keep = 2 if "? help" in words else 1
        while sum(map(width, words)) + 2 * len(words) - 2 > room and len(words) > keep:
            del words[-1 - keep]
        return "  ".join(words)

    def _words(self) -> list[str]:
        pane = self._mux.pane
        if self.prompt:
            return self.prompt.words()
        words = [f"↑ {pane.back} rows back, ctrl-g end"] if pane.back else []
        if isinstance(pane, LogPane) and pane.filter:
            words.append(f"only lines with “{pane.filter}”, esc all")
        if isinstance(pane, LogPane) and pane.search:
            words.append(f"“{pane.search}”: n older, N newer, esc end")
        if self.focus:
            return [*words, "shift-pgup scroll", "ctrl-z back to the list"]
        if isinstance(pane, ProcessPane):
            words += ["enter use", *(["x stop", "r restart"] if pane.killable
                                     else [])] if pane.alive else ["enter start"]
        else:
            words.append("f filter")
        more = {**pane.keys, **self._mux.keys}
        words += [f"{key} {word}" for key, (word, _) in more.items()]
        words += ["u open", "y copy"] if pane.url else []
        return ["↑↓ scroll" if self.zoom else "↑↓ choose", *words, "pgup scroll", "z list" if self.zoom else "z zoom",
                "? help", "ctrl-c quit"]

    def cursor(self, at: Layout) -> tuple[int, int] | None:
        """Where the program's cursor is on the user's terminal, if it is to be seen."""
        pane = self._mux.pane
        if not (self.focus and isinstance(pane, ProcessPane) and not pane.back and 25 in pane.terminal.modes):
            return None
        t = pane.terminal
        return at.left + min(t.x, at.width - 1), at.top + min(t.y, at.height - 1)

    def marked(self, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows with the selection shown."""
        if self._selection is None:
            return rows
        spans = self._spans()
        return [row.marked(*spans[n]) if n in spans else row for n, row in enumerate(rows)]

    # keys

    def _flush(self) -> None:
        for event in self._keys.flush():
            self._take(event)

    def _take(self, event: Input) -> None:
        if isinstance(event, Mouse):
            self._mouse(event)
        elif isinstance(event, Paste):
            self._paste(event.text)
        elif self.prompt:
            self._type(self.prompt, event)
        elif self.helping:
            self.helping = False
        elif self.focus:
            self._forward(event)
        else:
            self._selection = None
            pane = self._mux.pane
            binding = pane.keys.get(event.name) or self._mux.keys.get(event.name)
            action = binding[1] if binding else self._list.get(event.name)
            if action:
                action()
        self._mux.changed(self._mux.pane)

    def _forward(self, key: Key) -> None:
        pane = self._mux.pane
        if key.name == "ctrl-z" or not isinstance(pane, ProcessPane):
            self.focus = False
        elif key.name in ("shift-pgup", "shift-pgdn"):
            self._scroll(1.0 if key.name == "shift-pgup" else -1.0)
        elif not pane.alive:
            self.focus = False
            if key.name == "enter":
                pane.start()
                self.focus = True
        else:
            pane.back = 0
            pane.write(key_bytes(key, application=1 in pane.terminal.modes))

    def _paste(self, text: str) -> None:
        pane = self._mux.pane
        if self.prompt:
            self.prompt.add(text.split("\n")[0])
        elif self.focus and isinstance(pane, ProcessPane):
            text = text.replace("\x1b", "")
            pane.write((f"\x1b[200~{text}\x1b[201~" if 2004 in pane.terminal.modes
                        else text.replace("\n", "\r")).encode())

    def _type(self, prompt: Prompt, key: Key) -> None:
        """What is done at its end may ask for more."""
        if not prompt.type(key) and self.prompt is prompt:
            self.prompt = None

    def _move(self, by: int) -> None:
        panes = self._mux.panes
        self._mux.select(panes[(self._mux.selected + by) % len(panes)])

    def _arrow(self, by: int) -> None:
        """With the mouse let go, terminals send arrows for the wheel."""
        if self.zoom:
            self._mux.pane.scroll(-by)
        else:
            self._move(by)

    def _enter(self) -> None:
        pane = self._mux.pane
        if isinstance(pane, ProcessPane):
            if pane.alive:
                pane.back, self.focus = 0, True
            else:
                pane.start()

    def _kill(self) -> None:
        pane = self._mux.pane
        if isinstance(pane, ProcessPane) and pane.killable and pane.alive:
            self._mux.task(pane.stop())

    def _restart(self) -> None:
        pane = self._mux.pane
        if isinstance(pane, ProcessPane) and pane.killable:
            self._mux.task(pane.restart())

    def _scroll(self, screens: float) -> None:
        self._mux.pane.scroll(int(screens * max(1, self._mux.layout.height - 1)) or (1 if screens > 0 else -1))

    def _first(self) -> None:
        self._mux.pane.scroll(10**9)

    def _last(self) -> None:
        self._mux.pane.back = 0

    def _escape(self) -> None:
        pane = self._mux.pane
        pane.back = 0
        if isinstance(pane, LogPane):
            pane.filter = pane.search = ""
        if self.zoom:
            self._zoom()

    def _filter(self) -> None:
        pane = self._mux.pane
        if isinstance(pane, LogPane):
            change = partial(setattr, pane, "filter")
            self.prompt = Prompt("filter", lambda text: None, pane.filter, change, lambda: change(""),
                                 ("enter keep", "esc all lines"))

    def _search(self) -> None:
        """The rows around what is found stay in view."""
        pane = self._mux.pane
        if isinstance(pane, LogPane):
            change = partial(setattr, pane, "search")
            self.prompt = Prompt("search", lambda text: self._find(older=True, first=True), "", change,
                                 lambda: change(""))

    def _find(self, *, older: bool, first: bool = False) -> None:
        pane = self._mux.pane
        if isinstance(pane, LogPane) and pane.search and not pane.find(older=older, first=first):
            self._mux.say(f"no {'' if first else 'further '}“{pane.search}”")

    def _help(self) -> None:
        self.helping = True

    def _open(self) -> None:
        """In the browser of this machine."""
        if url := self._mux.pane.url:
            opened = open_url(url, self._mux.environment)
            self._mux.say(f"opening {url}" if opened else "there is no browser here: y copies the address")
        else:
            self._mux.say("this pane has no address")

    def _copy(self) -> None:
        if url := self._mux.pane.url:
            self._clipboard(url)
            self._mux.say(f"copied {url}")
        else:
            self._mux.say("this pane has no address")

    def _clipboard(self, text: str) -> None:
        """OSC 52: the terminal's own clipboard, over ssh too."""
        self._mux.write(f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07")

    def _zoom(self) -> None:
        """The pane alone and the mouse let go, so that the terminal's own selection takes nothing else."""
        self.zoom = not self.zoom
        self._mux.mouse(on=not self.zoom)
        self._mux.arrange()

    # mouse

    def _mouse(self, mouse: Mouse) -> None:
        at, pane = self._mux.layout, self._mux.pane
        x, y = mouse.x + 1 - at.left, mouse.y + 1 - at.top
        if x < 0 or y < 0 or y >= at.height:
            if mouse.kind == "press":
                self._choose(at, mouse)
            elif mouse.kind.startswith("wheel"):
                pane.scroll(3 if mouse.kind == "wheel_up" else -3)
            elif mouse.kind == "release":
                self._release(pane)
        elif self._wants_mouse(pane, mouse):
            assert isinstance(pane, ProcessPane)
            pane.write(_mouse_bytes(pane, mouse, x, y))
        elif mouse.kind.startswith("wheel"):
            self._wheel(pane, up=mouse.kind == "wheel_up")
        elif mouse.kind == "press" and mouse.button & 3 == 0:
            self._selection = (x, y, x, y)
        elif mouse.kind == "drag" and self._selection:
            self._selection = (*self._selection[:2], x, y)
        elif mouse.kind == "release":
            self._release(pane)

    def _wants_mouse(self, pane: Pane, mouse: Mouse) -> bool:
        if (
            not isinstance(pane, ProcessPane)
            or not pane.alive
            or pane.back
            or not (self.focus or mouse.kind.startswith("wheel"))
        ):
            return False
        wanted = {1002, 1003} if mouse.kind == "drag" else {1000, 1002, 1003}
        return bool(pane.terminal.modes & wanted)

    def _choose(self, at: Layout, mouse: Mouse) -> None:
        rows = at.lines - at.help
        if at.side and mouse.y < rows:
            number = mouse.y + max(0, min(self._mux.selected - rows // 2, len(self._mux.panes) - rows))
            if number == self._mux.selected and not self.focus:
                self._enter()
            elif number < len(self._mux.panes):
                self._mux.select(self._mux.panes[number])

    def _wheel(self, pane: Pane, *, up: bool) -> None:
        if isinstance(pane, ProcessPane) and pane.terminal.alternate:
            arrow = Key("", "\x1b[A" if up else "\x1b[B")
            pane.write(key_bytes(arrow, application=1 in pane.terminal.modes) * 3)
        else:
            pane.scroll(3 if up else -3)

    def _release(self, pane: Pane) -> None:
        """A click goes into the program; what was marked goes to the clipboard."""
        chosen, at = self._selection, self._mux.layout
        if chosen is None:
            return
        if chosen[:2] == chosen[2:]:
            self._selection = None
            self.focus = isinstance(pane, ProcessPane) and pane.alive
            return
        rows, spans = pane.rows(at.width, at.height), self._spans()
        parts = []
        for n, (start, end) in sorted(spans.items()):
            if n < len(rows):
                part = "".join(rows[n].ch[start:end])
                parts.append(part if rows[n].wraps else part.rstrip() + "\n")
        text = "".join(parts).rstrip("\n")
        self._selection = None
        self._clipboard(text)
        self._mux.say(f"copied {len(text)} characters")

    def _spans(self) -> dict[int, tuple[int, int]]:
        """The marked columns of each marked row."""
        if self._selection is None:
            return {}
        x0, y0, x1, y1 = self._selection
        if (y1, x1) < (y0, x0):
            x0, y0, x1, y1 = x1, y1, x0, y0
        return {y: (x0 if y == y0 else 0, x1 + 1 if y == y1 else 10**6) for y in range(y0, y1 + 1)}


def _mouse_bytes(pane: ProcessPane, mouse: Mouse, x: int, y: int) -> bytes:
    """As the program asked for it."""
    if 1006 in pane.terminal.modes:
        return f"\x1b[<{mouse.button};{x + 1};{y + 1}{'m' if mouse.kind == 'release' else 'M'}".encode()
    button = 3 if mouse.kind == "release" else mouse.button
    return bytes([0x1B, 0x5B, 0x4D, min(255, 32 + button), min(255, 33 + x), min(255, 33 + y)])
