"""Paths into the values of properties, as programs write them: ``tags.owner``, ``rule[0].port``."""
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypeGuard

__all__ = ["Path", "is_path", "parse", "with_part_of"]

Path: TypeAlias = tuple[str | int, ...]
_PART = re.compile(r"(?:^|\.)([^.\[\]]+)|\[(\d+)\]")
_ABSENT = object()


def parse(text: str) -> Path:
    """Raises ``ValueError`` for what is no path.

    >>> parse("rule[0].port")
    ('rule', 0, 'port')
    """
    parts, at = list[str | int](), 0
    while at < len(text):
        found = _PART.match(text, at)
        if found is None or (not parts and found[1] is None):
            raise ValueError(f"{text!r} is no path")
        parts.append(found[1] if found[2] is None else int(found[2]))
        at = found.end()
    if not parts:
        raise ValueError("a path is empty")
    return tuple(parts)


def is_path(text: object) -> TypeGuard[str]:
    try:
        return isinstance(text, str) and bool(parse(text))
    except ValueError:
        return False


def with_part_of(old: Any, new: Any, path: Sequence[str | int]) -> Any:
    """``new`` with what stands at ``path`` in ``old`` instead of its own; without it, if ``old`` has nothing there.
    What is not there in ``new`` either stays as it is.

    >>> with_part_of({"a": 1, "b": 2}, {"a": 3, "b": 4}, ["a"])
    {'a': 1, 'b': 4}
    """
    if not path:
        return old
    here, rest = path[0], path[1:]
    if isinstance(new, Mapping) and isinstance(here, str):
        was = old.get(here, _ABSENT) if isinstance(old, Mapping) else _ABSENT
        if rest:
            return {**new, here: with_part_of(was, new[here], rest)} if here in new else new
        return {k: v for k, v in new.items() if k != here} if was is _ABSENT else {**new, here: was}
    if isinstance(new, list | tuple) and isinstance(here, int) and here < len(new):
        was = old[here] if isinstance(old, list | tuple) and here < len(old) else _ABSENT
        if rest or was is not _ABSENT:
            return [*new[:here], with_part_of(was, new[here], rest), *new[here + 1:]]
    return new
