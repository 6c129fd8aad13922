"""What every Python bundle gets of ours: the module that finds handlers, and the runtime part of ``sst``."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from .files import File, file_of

__all__ = ["ENTRY", "ENTRY_CODE", "runtime_files"]

ENTRY = "_sst_entry"
ENTRY_CODE = '''"""Finds the handlers of this bundle: "path/module:function", or "path/module::app" for an ASGI or WSGI
object, "path/module::create_app()" for a function that makes it."""
import importlib
import os
import sys

for _path in {paths!r}:  # at the end: a module called queue or email must not stand before the standard library's
    sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), _path))


def __getattr__(name):
    stem, colon, attribute = name.rpartition(":")
    if not colon:
        raise AttributeError(name)
    try:
        found = getattr(importlib.import_module(stem.rstrip(":").replace("/", ".")), attribute.rstrip("()"))
    except AttributeError as error:  # Lambda would take it for a missing handler
        raise ImportError(str(error)) from error
    if stem.endswith(":"):
        from sst.runtime.web import handler

        found = handler(found() if attribute.endswith("()") else found)
    globals()[name] = found
    return found
'''
# The handler's name is no part of the code, so that all functions of a project share one zip and one upload.


STREAM = "runtime/stream.sh"
"""Starts our runtime client in place of Lambda's, for functions that stream."""


def runtime_files() -> list[File]:
    """Our files that every Python bundle gets, so that ``from sst import Resource`` works."""
    home = Path(__file__).parent.parent
    names = ["__init__.py", "errors.py", *(p.relative_to(home).as_posix()
                                           for p in sorted((home / "runtime").rglob("*.py")))]
    return [*(file_of(home / n, f"sst/{n}") for n in names),
            replace(file_of(home / STREAM, f"sst/{STREAM}"), executable=True)]
