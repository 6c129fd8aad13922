"""Names: what the user may write, and the physical names that are made from it."""
from __future__ import annotations

import re
import secrets

__all__ = ["did_you_mean", "in_order", "mint", "shorten", "snake", "valid_name"]

LETTERS = "abcdefhkmnorstuvwxz"
"""Letters that can't be mistaken for one another."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}\Z")
_HASH = 8


def valid_name(name: object) -> bool:
    """A name of a component or resource: a letter, then letters, digits, ``-`` or ``_``; at most 128."""
    return isinstance(name, str) and _NAME.match(name) is not None


def snake(name: str) -> str:
    """``EventInvokeConfig`` → ``event_invoke_config``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower().replace("-", "_")


def in_order(name: str) -> tuple[object, ...]:
    """A key to sort names by as people do: ``Q2`` before ``Q10``.

    >>> sorted(["Q10", "Q2", "A"], key=in_order)
    ['A', 'Q2', 'Q10']
    """
    parts = re.split(r"([0-9]+)", name)     # texts and numbers in turns
    return tuple(int(p) if n % 2 else p for n, p in enumerate(parts)), name


def mint(app: str, stage: str, name: str, *, limit: int, suffix: str = "", lower: bool = False) -> str:
    """A new physical name ``{app}-{stage}-{name}-{hash}`` that leaves room for ``suffix``.

    Where the limit is short, the app is cut first, then the stage, then the name. The hash is random: a replacement
    gets another name than the resource it replaces.
    """
    room = limit - _HASH - 1 - len(suffix)
    clean = re.sub(r"[^A-Za-z0-9]", "", name)
    if len(clean) + 1 >= room:
        head = clean[:room]
    elif len(clean) + len(stage) + 2 >= room:
        head = f"{stage[: room - len(clean) - 1]}-{clean}"
    else:
        head = f"{app[: room - len(stage) - len(clean) - 2]}-{stage}-{clean}"
    text = f"{head}-{_random(_HASH)}"
    return re.sub(r"-{2,}", "-", text.lower() if lower else text)


def _random(length: int) -> str:
    """So many letters, by one call of the system: a number so large that its remainders are as good as equally
    likely."""
    number = int.from_bytes(secrets.token_bytes(length + 8), "big")
    return "".join(LETTERS[number // len(LETTERS) ** n % len(LETTERS)] for n in range(length))


def shorten(base: str, by: int) -> str:
    """The base cut in the middle, its hash kept."""
    tail = base[-_HASH - 1:]
    return base[: max(1, len(base) - len(tail) - by)].rstrip("-") + tail


def did_you_mean(word: str, known: list[str]) -> str:
    """``did you mean "timeout"?``, or what there is to choose from."""
    from difflib import get_close_matches

    if close := get_close_matches(word, known, n=1, cutoff=0.6):
        return f'did you mean "{close[0]}"?'
    return "known: " + ", ".join(sorted(known)) if known else ""
