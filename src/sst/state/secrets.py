"""The values of ``sst secret set``: one encrypted map a stage, and one that all stages of the app fall back to."""
from __future__ import annotations

import json
import re
import secrets as random
from collections.abc import Callable, Mapping

from ..errors import StateError, UserError
from . import format
from .format import Damaged
from .keys import KeyRing, decrypt, encrypt
from .store import Conflict, Store

__all__ = ["FALLBACK", "Secrets"]

FALLBACK = "_fallback"
"""Stands in place of a stage's name; no stage may be called so."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_LIMIT = 64 * 1024
_TRIES = 50
_FORMER = 5
"""So many former values of a name are kept, encrypted like the present one: log lines may still show them."""


class Secrets:
    """The secrets of one stage.

        secrets = Secrets(store, "my-app", "prod", keys=keys, fallback_keys=fallback)
        secrets.set("StripeKey", "sk_live_...")
        secrets.get_all()                    # the fallback's, overlaid with the stage's

    Each value is sealed for itself. Two that set at once lose nothing. A name is a letter, then letters, digits and
    ``_``; a value is at most 64 KB. Raises ``UserError`` for others.
    """

    def __init__(self, store: Store, app: str, stage: str, *, keys: KeyRing, fallback_keys: KeyRing) -> None:
        self._store, self._app, self._stage = store, app, stage
        self._keys = {stage: keys, FALLBACK: fallback_keys}

    def get_all(self, *, own: bool = False) -> dict[str, str]:
        """All values by name. ``own`` leaves the fallback's out."""
        return {**({} if own else self.fallback()), **self._values(self._stage)}

    def known(self) -> list[str]:
        """Every value that must not be shown: those of now, and the last five former ones of each name."""
        found: list[str] = []
        for place in (self._stage, FALLBACK):
            boxes, offsets, _, _ = self._read(place)
            found += [self._open(place, n, b, offsets[n]) for n, b in boxes.items()]
        return found

    def fallback(self) -> dict[str, str]:
        """The values for stages that set none of their own."""
        return self._values(FALLBACK)

    def set(self, name: str, value: str, *, fallback: bool = False) -> None:
        """Set one; it replaces a former value."""
        self.load({name: value}, fallback=fallback)

    def load(self, values: Mapping[str, str], *, fallback: bool = False) -> None:
        """Set several in one write; others stay."""
        for name, value in values.items():
            if not _NAME.match(name):
                raise UserError(f'"{name}" is not a valid name for a secret',
                                hint="a letter, then letters, digits and _")
            try:
                size = len(value.encode())
            except UnicodeEncodeError:
                raise UserError(f"the value of {name} is not UTF-8 text", hint="write bytes as base64") from None
            if size > _LIMIT:
                raise UserError(f"the secret {name} is longer than {_LIMIT // 1024} KB",
                                hint="keep large values in a bucket")
        if values:
            place = self._place(fallback)

            def changed(boxes: dict[str, str]) -> dict[str, str]:
                new = dict(boxes)
                for name, value in values.items():
                    self._retire(place, new, name, value)
                    new[name] = self._seal(place, name, value)
                return new

            self._edit(place, changed)
            # a rotation ran meanwhile, and may forget the key that these were sealed with
            if self._keys[place].moved_on():
                self.load(values, fallback=fallback)

    def remove(self, name: str, *, fallback: bool = False) -> bool:
        """Remove one; whether it was there."""
        found = False

        def without(boxes: dict[str, str]) -> dict[str, str]:
            nonlocal found
            found = name in boxes
            new = dict(boxes)
            self._retire(place, new, name, None)
            new.pop(name, None)
            return new

        place = self._place(fallback)
        self._edit(place, without)
        return found

    def _retire(self, place: str, boxes: dict[str, str], name: str, value: str | None) -> None:
        """Keep the present value as a former one, unless ``value`` is the same, or it can't be read any more."""
        try:
            was = self._open(place, name, boxes[name], 0) if name in boxes else value
        except Damaged:
            return
        if was is None or was == value:
            return
        kept = sorted(int(n.partition("#")[2]) for n in boxes if n.startswith(f"{name}#"))
        for old in kept[:max(0, len(kept) - _FORMER + 1)]:
            del boxes[f"{name}#{old}"]
        former = f"{name}#{kept[-1] + 1 if kept else 1}"
        boxes[former] = self._seal(place, former, was)

    def reseal(self, *, fallback: bool = False) -> None:
        """Seal all again under the present key, after a rotation."""
        place = self._place(fallback)
        self._edit(place, lambda boxes: {n: self._seal(place, n, self._open(place, n, b, 0)) for n, b in boxes.items()},
                   always=True)

    def drop_damaged(self, *, fallback: bool = False) -> bool:
        """Start with no secrets if the object that holds them is damaged, or sealed with a key that is gone; whether it
        was."""
        place = self._place(fallback)
        stored = self._store.get(self._key(place))
        try:
            self._values(place)
        except Damaged:
            assert stored
            data = format.encode("secrets", {"serial": 0, "nonce": random.token_hex(8)}, [], packed=self._store.packed)
            self._store.put_if(self._key(place), data, stored.tag)
            return True
        return False

    def _place(self, fallback: bool) -> str:
        return FALLBACK if fallback else self._stage

    def _key(self, place: str) -> str:
        return f"{self._app}/{place}/secrets"

    def _seal(self, place: str, name: str, value: str) -> str:
        return encrypt(self._keys[place], value, self._aad(place, name))

    def _open(self, place: str, name: str, box: str, offset: int) -> str:
        try:
            return decrypt(self._keys[place], box, self._aad(place, name))
        except StateError as e:
            raise Damaged(self._key(place), offset, f"the secret {name}: {e.message}",
                          hint=e.hint or f"set it again: sst secret set {name}") from e

    def _aad(self, place: str, name: str) -> str:
        return json.dumps(["secrets", self._app, place, name])

    def _values(self, place: str) -> dict[str, str]:
        boxes, offsets, _, _ = self._read(place)
        return {n: self._open(place, n, b, offsets[n]) for n, b in boxes.items() if "#" not in n}

    def _read(self, place: str) -> tuple[dict[str, str], dict[str, int], int, str]:
        """Boxes and offsets by name, the version and the tag."""
        stored = self._store.get(self._key(place))
        if stored is None:
            return {}, {}, 0, ""
        document = format.decode(stored.data, self._key(place), "secrets")
        boxes = {r["name"]: r["box"] for r in document.records}
        offsets = {r["name"]: at for r, at in zip(document.records, document.offsets, strict=True)}
        return boxes, offsets, document.header["serial"], stored.tag

    def _edit(self, place: str, change: Callable[[dict[str, str]], dict[str, str]], *, always: bool = False) -> None:
        for _ in range(_TRIES):
            boxes, _offsets, serial, tag = self._read(place)
            new = change(dict(boxes))
            if new == boxes and not (always and new):
                return
            records = [{"name": n, "box": b} for n, b in sorted(new.items())]
            data = format.encode("secrets", {"serial": serial + 1, "nonce": random.token_hex(8)}, records,
                                 packed=self._store.packed)
            try:
                if tag:
                    self._store.put_if(self._key(place), data, tag)
                else:
                    self._store.put_new(self._key(place), data)
                return
            except Conflict:
                continue
        raise StateError("other commands keep changing the secrets", hint="try again later")
