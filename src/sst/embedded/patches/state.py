"""Saving the emulator's state: fast copies, compact files only their owner can read, and a mark on each store that was
touched.

Goes when ministack saves what a call changed before it answers the call, and refuses to start over damaged state;
last checked with 1.5.33.
"""
from __future__ import annotations

import copy
import json
import marshal
import pickle
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sst.embedded.checkpoint import Checkpoints, Touched
from sst.embedded.settings import Settings
from sst.errors import StateError
from sst.machine.files import write_private

__all__ = ["NEEDS", "apply", "checkpoints"]

NEEDS: Mapping[str, str] = {
    "app:_build_persistence_save_dict": "()",
    "app:_get_module": "(name)",
    "app:_load_persisted_state": "()",
    "app:_state_map": "dict",
    "app:save_all": "(services)",
    "core.persistence:_json_default": "(obj)",
    "core.persistence:_state_format_version": "(service)",
    "core.persistence:load_state": "(service)",
    "core.persistence:save_state": "(service, data)",
    "core.responses:AccountRegionScopedDict": "class (self)",
    "core.responses:AccountRegionScopedDict._data": "member_descriptor",
    "core.responses:AccountScopedDict": "class (self)",
    "core.responses:AccountScopedDict._data": "member_descriptor",
    "services.dynamodb:copy": "module",
}

_touched = Touched()
_DAMAGED = "put back a copy of the file, or delete everything of stage `local` with `sst local reset`"


def apply(settings: Settings) -> None:
    from ministack import app
    from ministack.core import persistence, responses
    from ministack.services import dynamodb

    for kind in (responses.AccountScopedDict, responses.AccountRegionScopedDict):
        _watch(kind)
    quick = SimpleNamespace(deepcopy=_copied, copy=copy.copy)
    dynamodb.copy = quick
    folder = settings.folder / "state"

    def save_state(service: str, data: Any) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        write_private(folder / f"{service}.json", _encoded(service, data))

    persistence.save_state = save_state
    app.save_all = lambda services: None  # the launcher saves at the end, after everything else has ended
    app._load_persisted_state = lambda: _load(app, persistence, folder)


def _load(app: Any, persistence: Any, folder: Path) -> None:
    """Take up the saved state, or fail: the emulator would go on without it, and overwrite it."""
    for name, module in app._state_map.items():
        file = folder / f"{name}.json"
        if not file.exists():
            continue
        try:
            state = persistence.load_state(name)
            if state is not None:
                app._get_module(module).load_persisted_state(state)
        except Exception as error:
            raise StateError(f"{file} is damaged: {error}", hint=_DAMAGED) from error
        if state is None:
            raise StateError(f"{file} is damaged", hint=_DAMAGED)


def checkpoints(settings: Settings) -> Checkpoints:
    """The group commit over the patched emulator."""
    from ministack import app

    return Checkpoints(settings.folder / "state", _touched, app._build_persistence_save_dict, _encoded)


def _watch(kind: Any) -> None:
    slot, touch = kind._data, _touched.add

    def read(self: Any) -> Any:
        touch(self)
        return slot.__get__(self)

    def deepcopy(self: Any, memo: Any) -> Any:
        new = kind()
        new._data = _copied(slot.__get__(self))
        return new

    kind._data = property(read, lambda self, value: slot.__set__(self, value))
    kind.__deepcopy__ = deepcopy


def _copied(value: Any, memo: Any = None) -> Any:
    """A deep copy in one C call (atomic for other threads); what neither way can copy goes the long way."""
    try:
        return marshal.loads(marshal.dumps(value, 2))
    except ValueError:
        pass
    try:
        return pickle.loads(pickle.dumps(value))  # noqa: S301 - our own memory a moment ago
    except (pickle.PicklingError, TypeError, AttributeError):
        return copy.deepcopy(value)


def _encoded(service: str, state: Any) -> str:
    from ministack.core import persistence

    wrapped = {"__ministack_format__": persistence._state_format_version(service), "payload": state}
    return json.dumps(wrapped, default=persistence._json_default)
