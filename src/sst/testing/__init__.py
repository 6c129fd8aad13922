"""Tests of an app, with pytest: its program as data, and the app itself on this machine. No account, no mocks.

The fixtures come with the package (``sst.testing.plugin``): ``sst_graph``, ``sst_plan``, ``sst_program``, ``sst_app``,
``sst_secrets``, ``sst_snapshot``. This module has their types and ``eventually``::

    from sst import Resource
    from sst.testing import App, eventually

    def test_a_picture_gets_a_row(sst_app: App) -> None:
        sst_app.invoke("Upload", {"name": "mountain"}).result
        eventually(lambda: "mountain" in rows(Resource.Photos.name))
"""
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .app import App as App
    from .app import Invocation as Invocation
    from .app import Raised as Raised
    from .program import Declared as Declared
    from .program import Program as Program
    from .wait import eventually as eventually

_HOMES = {"App": "app", "Declared": "program", "Invocation": "app", "Program": "program", "Raised": "app",
          "eventually": "wait"}
"""Public name → the module that has it: a test run that uses none of them loads none of them."""

__all__ = ["App", "Declared", "Invocation", "Program", "Raised", "eventually"]

if not TYPE_CHECKING:
    def __getattr__(name):
        from importlib import import_module

        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
