"""The providers that a project can use: those of its ``sst.lock``, with their programs and schemas."""
from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from ...errors import UserError
from ...plugins.lock import Lock, Locked
from ...plugins.store import Store

if TYPE_CHECKING:
    from .plugin import Plugin
    from .schema_cache import Schemas

__all__ = ["PACKAGE", "Catalogue", "activate", "active"]


class Catalogue:
    """Of one project. What is read from the lock is read once. A provider that is locked and not here is installed when
    it is needed; ``note`` hears of it."""

    def __init__(self, root: Path, environ: Mapping[str, str], note: Callable[[str], None] = lambda text: None, *,
                 simulates: bool = False) -> None:
        """``simulates``: a provider that can't be downloaded for want of a network counts as absent."""
        self.root, self.environ, self.note, self._simulates = root, environ, note, simulates
        self.lock = Lock.read(root)
        self.store = Store.of(root, environ, self.lock.mirror)
        self._schemas: dict[str, Schemas] = {}
        self._absent: set[str] = set()
        self._lock = RLock()

    def has(self, name: str) -> bool:
        """Whether the lock has it, and the schemas can be read."""
        if name not in self.lock.providers or name in self._absent:
            return False
        if self._simulates:
            try:
                self.schemas(name)
            except UserError as e:
                from ...plugins.download import Unreachable

                if not isinstance(e, Unreachable):
                    raise
                self._absent.add(name)
                return False
        return True

    def schemas(self, name: str) -> Schemas:
        """Those of a provider of the lock: cached, or asked of its plugin once for each version."""
        with self._lock:
            if name not in self._schemas:
                self._schemas[name] = self._read(self.lock.named(name))
            return self._schemas[name]

    def _read(self, one: Locked) -> Schemas:
        from .schema_cache import Schemas

        file = self.store.cache / "schemas" / str(one.source) / f"{one.version}.schema"
        if self.store.find(one) is None and (kept := Schemas.read(file, None)) is not None:
            return kept    # enough for a plan on stage local
        stat = self._program(one).stat()
        made_from = f"{stat.st_size} {stat.st_mtime_ns}"
        if (found := Schemas.read(file, made_from)) is None:
            plugin = self.start(one.name)
            try:
                found = Schemas.of_answer(plugin.call("GetProviderSchema"), plugin.protocol)
            finally:
                plugin.close()
            with contextlib.suppress(OSError):    # where nothing can be kept, the plugin is asked each time
                found.write(file, made_from)
        return found

    def _program(self, one: Locked) -> Path:
        """Of the plugin, which is downloaded if it is not here. Raises ``Unreachable`` without a network."""
        if self.store.find(one) is None:
            from ...plugins.download import Download, Unreachable
            from ...plugins.installer import Installer
            from ...plugins.registry import Registry

            try:
                Installer(self.store, Registry(Download(self.environ)), self.note).install(self.lock, one)
            except Unreachable as e:
                raise Unreachable(f"the provider {one} is not installed, and {e.message}", hint=e.hint) from e
        return self.store.program(one)

    def start(self, name: str, environ: Mapping[str, str] | None = None) -> Plugin:
        """A new process of a provider. Its environment is that of the command without what is ours."""
        from .plugin import Plugin

        one = self.lock.named(name)
        program = self._program(one)
        if not os.access(program, os.X_OK):
            program.chmod(program.stat().st_mode | 0o111)    # a package that lost it on its way here
        given = {k: v for k, v in (environ or self.environ).items() if not k.startswith("SST_")}
        return Plugin(str(one), [str(program)], given)


_active: Catalogue | None = None
PACKAGE = "sst.providers"


def activate(catalogue: Catalogue | None) -> None:
    """From now on ``sst.providers`` has the providers of this project; what another one imported is forgotten."""
    global _active
    _active = catalogue
    package = sys.modules.get(PACKAGE)
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{PACKAGE}.") and hasattr(module, "__sst_provider__"):
            del sys.modules[name]
            vars(package).pop(name.rpartition(".")[2], None)


def active() -> Catalogue | None:
    """The one of the project whose program is loaded."""
    return _active
