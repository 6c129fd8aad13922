"""Function code on disk: hashed once, never deleted while the last saved state may still name it, checked when it is
read.

What is damaged is loaded as a note of it: calls of the function say so, and its hash differs, so that a refresh finds
it and the next deploy uploads the code again.

Goes when ministack writes the code of a function once instead of at each save, copies no archives in memory, and checks
what it reads; last checked with 1.5.33.
"""
from __future__ import annotations

import base64
import copy
import hashlib
import logging
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from sst.embedded.functions import DAMAGED
from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply"]

NEEDS: Mapping[str, str] = {
    "services.lambda_svc:_functions": "AccountRegionScopedDict",
    "services.lambda_svc:_prune_orphan_code_blobs": "(referenced)",
    "services.lambda_svc:_read_code_blob": "(sha)",
    "services.lambda_svc:_write_code_blob": "(code_zip)",
    "services.lambda_svc:copy": "module",
    "services.lambda_svc:get_state": "()",
    "services.lambda_svc:load_persisted_state": "(data)",
}

_log = logging.getLogger("sst.code")
_REMEMBERED = 256


def apply(settings: Settings) -> None:
    from ministack.services import lambda_svc

    write, read, prune, load, get_state = (lambda_svc._write_code_blob, lambda_svc._read_code_blob,
                                           lambda_svc._prune_orphan_code_blobs, lambda_svc.load_persisted_state,
                                           lambda_svc.get_state)
    known: dict[int, tuple[bytes, str]] = {}

    def write_code_blob(code: bytes) -> str:
        found = known.get(id(code))
        if found is None or found[0] is not code:
            if len(known) >= _REMEMBERED:
                known.clear()
            found = known[id(code)] = (code, write(code))
        return found[1]

    def read_code_blob(sha: str) -> bytes:
        found = read(sha)
        if found is not None and hashlib.sha256(found).hexdigest() == sha:
            return bytes(found)
        file = settings.folder / "state" / "lambda-blobs" / f"{sha}.zip"
        _log.error("%s is damaged or missing", file)
        return DAMAGED + str(file).encode()

    def load_persisted_state(data: Any) -> None:
        load(data)
        for function in list(lambda_svc._functions._data.values()):
            for version in (function, *function.get("versions", {}).values()):
                if (version.get("code_zip") or b"").startswith(DAMAGED):
                    digest = hashlib.sha256(version["code_zip"]).digest()
                    version["config"]["CodeSha256"] = base64.b64encode(digest).decode()
        lambda_svc._prune_orphan_code_blobs = prune
        try:
            get_state()
        finally:
            lambda_svc._prune_orphan_code_blobs = _keep

    lambda_svc._write_code_blob, lambda_svc._read_code_blob = write_code_blob, read_code_blob
    lambda_svc._prune_orphan_code_blobs = _keep
    lambda_svc.load_persisted_state = load_persisted_state
    lambda_svc.copy = SimpleNamespace(deepcopy=_lean, copy=copy.copy)


def _keep(referenced: set[str]) -> None:
    """The files of deleted code go at the next start: until then a crash may need them."""


def _lean(value: Any, memo: Any = None) -> Any:
    """A deep copy that shares the code (immutable bytes, up to 50 MB each)."""
    if isinstance(value, dict):
        return {key: _lean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_lean(item) for item in value]
    return value if isinstance(value, str | bytes | int | float | bool | None) else copy.deepcopy(value)
