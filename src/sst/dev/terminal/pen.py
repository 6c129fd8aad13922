"""How characters look: a *pen* is the parameters of one SGR sequence in a fixed order, ``"1;31;48;5;17"``; ``""`` is
the default."""
from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

__all__ = ["apply", "background", "sgr", "without_colour"]

_OFF = {22: (1, 2), 23: (3,), 24: (4,), 25: (5,), 27: (7,), 28: (8,), 29: (9,)}
_ON = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 5, 7: 7, 8: 8, 9: 9, 21: 4}


@lru_cache(maxsize=8192)
def apply(pen: str, parameters: str) -> str:
    """The pen after ``ESC [ parameters m``: ``apply("1", "31") == "1;31"``, ``apply("1;31", "0") == ""``."""
    flags, colours = set[int](), {"fg": "", "bg": ""}
    if pen:
        _read(pen, flags, colours)
    _read(parameters, flags, colours)
    return ";".join(x for x in (*map(str, sorted(flags)), colours["fg"], colours["bg"]) if x)


def _read(parameters: str, flags: set[int], colours: dict[str, str]) -> None:
    parts = iter(parameters.split(";"))
    for part in parts:
        head, _, sub = part.partition(":")
        code = int(head[:5]) if head else 0
        if code == 0:
            flags.clear()
            colours.update(fg="", bg="")
        elif code in _ON:
            if code == 4 and sub == "0":
                flags.discard(4)
            else:
                flags.add(_ON[code])
        elif code in _OFF:
            flags.difference_update(_OFF[code])
        elif 30 <= code <= 37 or 90 <= code <= 97:
            colours["fg"] = str(code)
        elif 40 <= code <= 47 or 100 <= code <= 107:
            colours["bg"] = str(code)
        elif code in (39, 49):
            colours["fg" if code == 39 else "bg"] = ""
        elif code in (38, 48, 58):
            numbers = [n for n in sub.split(":") if n] if sub else _wide(parts)
            if sub and numbers[:1] == ["2"] and len(numbers) > 4:
                del numbers[1:-3]  # a colour space stands between
            colour = _colour(numbers)
            if colour and code != 58:
                colours["fg" if code == 38 else "bg"] = f"{code};{colour}"


def _wide(parts: Iterator[str]) -> list[str]:
    """The parameters that belong to a 38 or 48 before them."""
    kind = next(parts, "")
    return [kind, *(next(parts, "0") or "0" for _ in range({"5": 1, "2": 3}.get(kind, 0)))]


def _colour(numbers: list[str]) -> str:
    if len(numbers) != {"5": 2, "2": 4}.get(numbers[0] if numbers else ""):
        return ""
    values = [int(n[:5]) if n.isdigit() else 0 for n in numbers]
    return ";".join(map(str, values)) if max(values) <= 255 else ""


@lru_cache(maxsize=1024)
def background(pen: str) -> str:
    """What erased cells keep of a pen."""
    flags, colours = set[int](), {"fg": "", "bg": ""}
    if pen:
        _read(pen, flags, colours)
    return colours["bg"]


@lru_cache(maxsize=1024)
def without_colour(pen: str) -> str:
    """For ``NO_COLOR``: bold, underline, reverse stay; a background alone becomes reverse, so that a marked line stays
    one."""
    flags, colours = set[int](), {"fg": "", "bg": ""}
    if pen:
        _read(pen, flags, colours)
    if colours["bg"]:
        flags ^= {7}
    return ";".join(map(str, sorted(flags)))


def sgr(pen: str) -> str:
    """The sequence that switches to the pen, whatever was before."""
    return f"\x1b[0;{pen}m" if pen else "\x1b[0m"
