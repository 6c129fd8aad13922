"""Low-level resources of every provider, by the provider's name.

    from sst.providers.aws import sqs                  # AWS's, which come with sst
    from sst.providers import stripe, vercel           # of plugins: those of sst.lock, see `sst add`

A name that is not a module here is the provider of that name. Nothing is read before one of its classes is used.
"""
from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_OURS = ("aws", "local")


class _Providers:
    """Finds ``sst.providers.vercel``."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        package, _, own = name.rpartition(".")
        if package != __name__ or own in _OURS or not _NAME.fullmatch(own):
            return None
        return ModuleSpec(name, _Loader(), is_package=True)


class _Loader(Loader):
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        from ..clouds.terraform.classes import Namespace

        return Namespace(spec.name.rpartition(".")[2])

    def exec_module(self, module: ModuleType) -> None:
        """All that is in it is made when it is used."""


def _find() -> None:
    if _Providers not in sys.meta_path:
        sys.meta_path.append(_Providers)


def __getattr__(name: str) -> ModuleType:
    if name in _OURS or not _NAME.fullmatch(name):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _find()
    return import_module(f"{__name__}.{name}")


_find()
