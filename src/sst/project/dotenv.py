"""``.env`` files: ``KEY=value`` lines.

Precedence, strongest first: the real environment, ``.env.<stage>``, ``.env``. So CI and a one-off ``KEY=x sst deploy``
always win, and a stage's file overrides what all stages share.

    export TOKEN=abc          # `export` and comments are fine
    GREETING="line 1\\nline 2" # \\n \\r \\t \\" \\\\ \\$ are understood; may span lines
    RAW='as $it \\is'          # nothing is

``$NAME`` is not expanded: a password may hold a dollar sign.
"""
from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ..errors import UserError

__all__ = ["merge", "parse", "read"]

_KEY = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.]*)[ \t]*=[ \t]*")
_BLANK = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_SINGLE = re.compile(r"'([^']*)'")
_PLAIN = re.compile(r"[^\n]*")
_COMMENT = re.compile(r"(?:^|[ \t]+)#.*")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def parse(text: str, name: str = ".env") -> dict[str, str]:
    """The values in a file's text. A bad line raises ``UserError`` with ``name:line`` and never shows a value.

    >>> parse("A=1\\nB='x y'")
    {'A': '1', 'B': 'x y'}
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        if blank := _BLANK.match(text, at):
            at = blank.end()
            continue
        line = text.count("\n", 0, at) + 1
        key = _KEY.match(text, at)
        if not key:
            raise UserError("this line is not KEY=value", where=f"{name}:{line}",
                            hint="a name holds letters, digits, _ and .")
        found[key[1]], at = _value(text, key.end(), f"{name}:{line}")
    return found


def _value(text: str, at: int, where: str) -> tuple[str, int]:
    quote = text[at : at + 1]
    if quote not in ("'", '"') or not quote:
        plain = _PLAIN.match(text, at)
        assert plain
        return _COMMENT.sub("", plain[0]).strip(), plain.end()
    quoted = (_DOUBLE if quote == '"' else _SINGLE).match(text, at)
    if not quoted:
        raise UserError(f"the value has no closing {quote}", where=where)
    rest = _BLANK.match(text, quoted.end())
    if not rest:
        raise UserError(f"there is text after the closing {quote}", where=where)
    value = quoted[1]
    return re.sub(r"\\(.)", _unescape, value, flags=re.DOTALL) if quote == '"' else value, rest.end()


def _unescape(match: re.Match[str]) -> str:
    char = match[1]
    return _ESCAPES.get(char) or (char if char in '"\\$' else match[0])


def read(file: Path) -> dict[str, str]:
    """The values in a file; none if it does not exist."""
    try:
        return parse(file.read_text(encoding="utf-8"), file.name)
    except (FileNotFoundError, IsADirectoryError):
        return {}
    except UnicodeDecodeError:
        raise UserError("the file is not UTF-8 text", where=file.name) from None
    except OSError as e:
        raise UserError(f"the file can't be read: {e.strerror}", where=file.name) from None


def merge(environ: Mapping[str, str], root: Path, stage: str | None = None) -> dict[str, str]:
    """The environment with the project's files under it. ``stage`` is None while the stage is still being looked
    for."""
    own = read(root / f".env.{stage}") if stage else {}
    return {**read(root / ".env"), **own, **environ}
