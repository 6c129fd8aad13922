"""Takes secret values out of text that people or logs will see."""
from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from ..core.model import HIDDEN, Operation, Snapshot, State

__all__ = ["LEAST", "Redactor", "secrets_of"]

LEAST = 4
"""Shorter values are words of ordinary text: hiding them would hide everything."""
_LINE = 8
"""A line of a longer secret (a private key) is hidden by itself from this length."""
_STEM = 5
"""The least of a base64 stem that is looked for."""


class Redactor:
    """Replaces secret values, also where they were escaped for JSON, URLs or HTML or encoded as base64.

        redactor = Redactor()
        redactor.add("p4ssw0rd!")
        redactor.redact('{"p": "p4ssw0rd!"}')     # '{"p": "***"}'

    Values shorter than 4 characters are not hidden. Safe to use from many threads.
    """

    def __init__(self, values: Iterable[Any] = (), *, mask: str = "***") -> None:
        self._mask = mask
        self._forms: dict[str, str] = {}
        self._values: set[str] = set()
        self._longest_first: tuple[str, ...] | None = None
        self._lock = threading.Lock()
        for value in values:
            self.add(value)

    def add(self, value: Any, *, mask: str = "") -> None:
        """Hide a value from now on; of a mapping or list, each text and number in it. ``mask`` stands for it where
        it is found as it is; encoded ones and lines of it are replaced by the redactor's own mask."""
        if isinstance(value, Mapping):
            for v in value.values():
                self.add(v, mask=mask)
        elif isinstance(value, list | tuple | set | frozenset):
            for v in value:
                self.add(v, mask=mask)
        elif isinstance(value, str):
            self._add(value, mask)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            self._add(str(value), mask)

    def _add(self, text: str, mask: str) -> None:
        with self._lock:
            named = mask not in ("", self._mask)
            if len(text) < LEAST or (text in self._values and not (named and self._forms.get(text) == self._mask)):
                return  # one that was found without its name may get it later
            self._values.add(text)
            lines = [line.strip() for line in text.splitlines() if _LINE <= len(line.strip()) < len(text)]
            for form in (*_forms(text), *(f for line in lines for f in _forms(line))):
                self._forms.setdefault(form, self._mask)
            for form in (text, json.dumps(text)[1:-1]) if mask else ():
                self._forms[form] = mask
            self._longest_first = None

    def redact(self, text: str) -> str:
        """The text with each secret replaced."""
        with self._lock:
            if self._longest_first is None:
                # so that a secret that begins with another is hidden whole
                self._longest_first = tuple(sorted(self._forms, key=lambda f: (-len(f), f)))
            forms = self._longest_first
        found = [form for form in forms if form in text]    # few are: a pattern of all costs more than this search
        if not found:
            return text
        return re.sub("|".join(map(re.escape, found)), lambda match: self._forms[match[0]], text)


def _forms(text: str) -> set[str]:
    import html  # it has a table of 2,000 entities, and most commands have no secret to hide

    raw = text.encode("utf-8", "surrogatepass")
    forms = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1],
             html.escape(text),
             html.escape(text, quote=False), quote(raw, safe=""), quote(raw), quote_plus(raw)}
    forms |= {json.dumps(f)[1:-1] for f in tuple(forms)}
    forms |= {f.replace("%", "%25") for f in (quote(raw, safe=""),) if "%" in f}
    forms |= {re.sub("%[0-9A-F]{2}", lambda m: m[0].lower(), f) for f in tuple(forms)}
    return {f for f in forms | set(_base64(raw)) if len(f) >= LEAST}


def _base64(raw: bytes) -> Iterable[str]:
    """The part of the base64 of any text around it that depends on this value alone, for each of the three
    alignments."""
    for before in range(3):
        coded = base64.b64encode(bytes(before) + raw).decode()
        start = (0, 2, 3)[before]
        whole = (before + len(raw)) * 8 // 6
        stem = coded[start:whole]
        if len(stem) >= _STEM:
            yield stem
            yield stem.replace("+", "-").replace("/", "_")


def secrets_of(item: Snapshot | State | Operation) -> Iterator[Any]:
    """The secret values that a state holds, for ``Redactor.add``."""
    if isinstance(item, Snapshot):
        for state in (*item.resources.values(), *item.deposed.values()):
            yield from secrets_of(state)
        for pending in item.pending.values():
            yield from secrets_of(pending)
        for part in (item.outputs, item.links, item.meta):
            yield from _hidden(part)
        return
    values = {**item.inputs, **(item.outputs if isinstance(item, State) else {})}
    for name in item.secret:
        if name in values:
            yield values[name]
        if name in item.inputs:
            yield item.inputs[name]


def _hidden(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        if value.keys() == {HIDDEN}:
            yield value[HIDDEN]
        else:
            for v in value.values():
                yield from _hidden(v)
    elif isinstance(value, list | tuple):
        for v in value:
            yield from _hidden(v)
