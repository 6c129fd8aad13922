"""Which texts are secret in this cloud: they are replaced before anything is recorded."""
from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sst.errors import SstError
from sst.executor import FunctionVersion
from sst.runtime.resource import NotLinked, Resources
from sst.state.redact import Redactor, secrets_of

if TYPE_CHECKING:
    from sst.state.home import StateHome

__all__ = ["MASKED", "Hidden"]

MASKED = "[masked]"
"""Stands for the value of a header that carries credentials."""
_CREDENTIALS = re.compile(
    r'("(?:authorization|proxy-authorization|cookie|set-cookie|x-api-key|x-amz-security-token|cookies)"\s*:\s*)'
    r'("(?:[^"\\]|\\.)*"|\[[^\]]*\])', re.IGNORECASE)
_NAMED = ("authorization", "cookie", "x-api-key", "x-amz-security-token")
"""One of these is in each name of `_CREDENTIALS`."""
_PLACEHOLDER = re.compile(r"\[secret (\w+)\]")
_AGAIN_SECONDS = 1.0
_SECRET = "sst.Secret"
_log = logging.getLogger("sst.recorder")


class Hidden:
    """The secret values of the project's functions and of the states in ``folder``, as they are now.

    Its methods are called by the recorder's thread alone, but for `see`. ``readable`` is False while a state can't be
    read: then nobody knows what is secret.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._database = folder, folder / "state.db"
        self._redactor = Redactor(mask="[secret]")
        self._names: dict[str, str] = {}
        self._functions: set[FunctionVersion] = set()
        self._new: list[FunctionVersion] = []
        self._stamp: tuple[int, int] | None = None
        self._looked = 0.0
        self.readable = True

    def see(self, function: FunctionVersion) -> bool:
        """A function that is called: its links may hold secrets. Whether it is called for the first time."""
        if function in self._functions:
            return False
        self._functions.add(function)
        self._new.append(function)
        return True

    def settled(self) -> bool:
        """Whether the values are those of now; while a deploy writes its state, they are looked up once a second."""
        while self._new:
            self._links(self._new.pop())
        stamp = _stamp(self._database)
        if stamp == self._stamp:
            return True
        if time.monotonic() - self._looked < _AGAIN_SECONDS:
            return False
        self._looked = time.monotonic()
        self._read_state()
        self._stamp = stamp
        return True

    def redact(self, text: str) -> str:
        """The text with secret values replaced by ``[secret NAME]``, and credentials of headers by ``[masked]``."""
        text = self._redactor.redact(text)
        small = text.lower()
        if text.isascii() and not any(name in small for name in _NAMED):
            return text     # most: the pattern takes five times as long
        return _CREDENTIALS.sub(_mask, text)

    def restored(self, text: str) -> str | None:
        """The opposite, for a text of JSON; None if something in it can't be restored."""
        if MASKED in text or "[secret]" in text:
            return None
        missing = False

        def value(found: re.Match[str]) -> str:
            nonlocal missing
            known = self._names.get(found[1])
            missing |= known is None
            return _json_text(known or "")

        made = _PLACEHOLDER.sub(value, text)
        return None if missing else made

    def _links(self, function: FunctionVersion) -> None:
        environment = dict(function.environment)
        links = Resources({name: environment.get(name, "") for name in ("SST_KEY", "SST_KEY_FILE")}
                          | {"LAMBDA_TASK_ROOT": str(function.code)})
        try:
            for name in links:
                if isinstance(link := links[name], Mapping) and link.get("type") == _SECRET:
                    self._add(name, str(link.get("value", "")))
        except NotLinked as error:
            _log.warning("%s: %s", function.name, error)

    def _add(self, name: str, value: str) -> None:
        self._names[name] = value
        self._redactor.add(value, mask=f"[secret {name}]")

    def _read_state(self) -> None:
        if not self._database.exists():
            self.readable = True
            return
        from sst.state.home import StateHome

        try:
            home = StateHome.local(self._folder, "")
            try:
                for app, stage in sorted({tuple(key.split("/")[:2]) for key in home.store.list("")}):
                    keys = StateHome.local_keys(self._folder / "keys", app)
                    self._stage(StateHome(home.store, app, keys, where=""), stage)
            finally:
                home.close()
            self.readable = True
        except SstError as error:
            if self.readable:
                _log.warning("the state can't be read, so events and lines are not recorded: %s", error)
            self.readable = False

    def _stage(self, home: StateHome, stage: str) -> None:
        from sst.state.holder import here

        for name, value in home.secrets(stage).get_all().items():
            self._add(name, value)
        for value in secrets_of(home.stage(stage, here("recorder")).load()):
            self._redactor.add(value, mask="[secret]")


def _mask(found: re.Match[str]) -> str:
    """A header whose value is a secret of the app shows which one; any other is masked whole."""
    if "[secret" in found[2]:
        return found[0]
    return found[1] + (f'["{MASKED}"]' if found[2].startswith("[") else f'"{MASKED}"')


def _stamp(file: Path) -> tuple[int, int] | None:
    """Of the database and its log: changes with each write."""
    found = []
    for path in (file, file.with_name(f"{file.name}-wal")):
        try:
            found.append(os.stat(path).st_mtime_ns)  # noqa: PTH116  # asked for with each batch
        except OSError:
            found.append(0)
    return found[0], found[1]


def _json_text(value: str) -> str:
    return json.dumps(value)[1:-1]
