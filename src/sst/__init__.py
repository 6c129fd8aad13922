"""Full-stack infrastructure in Python.

Names are loaded when they are first used: ``import sst`` costs next to nothing, and works inside a function's bundle, where only
``sst.Resource`` and its standard library are there.
"""
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .core.component import Component as Component
    from .core.later import later as later
    from .core.link import permission as permission
    from .core.output import Input as Input
    from .core.output import Output as Output
    from .core.output import combine as combine
    from .project.app import App as App
    from .project.app import AppInput as AppInput
    from .project.app import Stack as Stack
    from .project.config import Config as Config

__version__ = "0.1.0"

_HOMES = {
    "App": "project.app",
    "AppInput": "project.app",
    "Component": "core.component",
    "Config": "project.config",
    "Input": "core.output",
    "Output": "core.output",
    "Stack": "project.app",
    "combine": "core.output",
    "later": "core.later",
    "permission": "core.link",
}
"""Public name → the module that has it."""

__all__ = [*_HOMES]  # noqa: PLE0604  # names only


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if home := _HOMES.get(name):
        value = getattr(import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value
    if name in ("aws", "cloudflare", "vercel"):
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
