"""Functions of the program that change a bundle before it is zipped.

A build runs when a deploy comes to it, from what the state can hold: a hook is named there by a hash of its own text.
The program that declares it has run in the same process before, and put it here.
"""
from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from ..errors import SstError, UserError

__all__ = ["Hook", "keep_hook", "run_hook"]

Hook: TypeAlias = Callable[[Path], object]
"""Gets the folder of a bundle, and changes what is in it."""

_hooks: dict[str, Hook] = {}


def keep_hook(hook: Hook) -> str:
    """The hash of a hook: of its text and of the plain values that it uses from around it. A change of either is a
    change of the bundle; what it reads from elsewhere is not seen."""
    try:
        text = inspect.getsource(hook)
    except (OSError, TypeError):
        code: Any = getattr(hook, "__code__", None)
        text = repr((code.co_code, code.co_consts)) if code else repr(hook)
    around = inspect.getclosurevars(hook).nonlocals if inspect.isfunction(hook) else {}
    plain = {k: v for k, v in sorted(around.items()) if isinstance(v, str | int | float | bool | None)}
    key = hashlib.sha256(f"{text}\n{plain}".encode()).hexdigest()[:32]
    _hooks[key] = hook
    return key


def run_hook(key: str, folder: Path, handler: str) -> None:
    """Run it on the files of a bundle. UserError if it fails, or if no program of this process has declared it."""
    hook = _hooks.get(key)
    if hook is None:
        raise UserError(f"the bundle of {handler} needs its postbuild hook, which this command does not have",
                        hint="run `sst deploy`, which runs the program")
    try:
        hook(folder)
    except SstError:
        raise
    except Exception as e:
        code: Any = getattr(hook, "__code__", None)
        where = f"{code.co_filename}:{code.co_firstlineno}" if code else ""
        raise UserError(f"the postbuild hook of {handler} failed: {type(e).__name__}: {e}", where=where,
                        code="build-failed") from e
