"""Durability: what was answered is on disk, whatever happens to the process next.

The emulator keeps its resources in memory and saves them only at a graceful end. Here each answer to a call that may
have changed something waits for a checkpoint, and all calls that wait at the same moment share one. A checkpoint is
cheap: only services whose stores were touched since the last one are copied (`marshal`, in one go, so that no other
thread can change them in between), and only those whose copy differs are encoded and written, in a thread.
"""
from __future__ import annotations

import asyncio
import hashlib
import logging
import marshal
import pickle
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sst.machine.files import write_private

__all__ = ["Checkpoints", "Touched"]

_log = logging.getLogger("sst.checkpoint")


class Touched:
    """The stores that were looked at (and so maybe changed) since the last call of `take`."""

    def __init__(self) -> None:
        self._stores: set[int] = set()
        self._copying = 0

    def add(self, store: object) -> None:
        if self._copying != threading.get_ident():
            self._stores.add(id(store))

    def take(self) -> set[int]:
        taken, self._stores = self._stores, set()
        return taken

    def copying(self, on: bool) -> None:
        """While this thread copies, its own look at a store does not count."""
        self._copying = threading.get_ident() if on else 0


class Checkpoints:
    """Group commit over the emulator's services.

    ``services`` gives the loaded ones: file name -> function that returns the state. ``stores`` are a module's store
    objects.
    """

    def __init__(self, folder: Path, touched: Touched, services: Callable[[], Mapping[str, Callable[[], Any]]],
                 encode: Callable[[str, Any], str]) -> None:
        self._folder, self._touched, self._services, self._encode = folder, touched, services, encode
        self._last: dict[str, bytes] = {}
        self._owner: dict[int, str] = {}
        self._known: set[str] = set()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._waiting: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()
        self.count = 0
        self.milliseconds = 0.0

    async def commit(self) -> None:
        """Return when everything that was true on entry is on disk."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._wake.set()
        await done

    async def run(self) -> None:
        """Serve `commit` for ever; also saves once a second what changed by itself (messages taken, schedules fired,
        logs)."""
        while True:
            try:
                async with asyncio.timeout(1.0):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            waiting, self._waiting = self._waiting, []
            began = time.perf_counter()
            failed: Exception | None = None
            try:
                await self.save()
            except Exception as error:  # an answer must not claim what is not on disk
                _log.exception("checkpoint failed")
                failed = error
            if waiting:
                self.count += 1
                self.milliseconds = (time.perf_counter() - began) * 1e3
            for done in waiting:
                if not done.done():
                    if failed:
                        done.set_exception(failed)
                    else:
                        done.set_result(None)

    async def save(self) -> None:
        """Write every service that changed since it was last written."""
        changed = self._changed()
        if changed:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._write, changed)

    def save_now(self) -> None:
        """The same without a loop; at the end of the process."""
        self._writer.shutdown(wait=True)
        self._write(self._changed(everything=True))

    def _changed(self, *, everything: bool = False) -> dict[str, Any]:
        touched, changed = self._touched.take(), {}
        self._touched.copying(True)
        try:
            services = self._services()
            names = set(services) if everything else self._names(services, touched)
            for name in names:
                state = self._state(name, services[name])
                if state is None:
                    continue
                seen = _print(state)
                if self._last.get(name) != seen:
                    self._last[name] = seen
                    changed[name] = state
        finally:
            self._touched.copying(False)
        return changed

    def _state(self, name: str, get_state: Callable[[], Any]) -> Any:
        """The service's state, or None. A thread of the emulator may change it under a slow copy: then once more."""
        for _ in range(10):
            try:
                return get_state()
            except RuntimeError as error:
                seen = error
            except Exception:
                _log.exception("the state of %s can't be read; it is not saved", name)
                return None
        raise seen

    def _names(self, services: Mapping[str, Callable[[], Any]], touched: set[int]) -> set[str]:
        """The services that own a touched store, and those that were loaded since the last look."""
        for name, get_state in services.items():
            if name not in self._known:
                self._known.add(name)
                module = sys.modules.get(get_state.__module__)
                found = {id(value): name for value in vars(module).values() if _is_store(value)} if module else {}
                self._owner.update(found)
                touched.update(found)
        return {self._owner[store] for store in touched if store in self._owner} & set(services)

    def _write(self, changed: dict[str, Any]) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        while changed:
            name, state = changed.popitem()
            try:
                write_private(self._folder / f"{name}.json", self._encode(name, state))
            except (TypeError, ValueError):
                _log.exception("the state of %s can't be written as JSON; it is not saved", name)
            except BaseException:
                for left in (name, *changed):
                    self._last.pop(left, None)
                raise


def _is_store(value: object) -> bool:
    return type(value).__name__ in ("AccountScopedDict", "AccountRegionScopedDict")


def _print(state: Any) -> bytes:
    """A fingerprint of a service's state; equal states may differ in it (one write too many), different ones never
    agree."""
    opened = {key: (item._data if _is_store(item) else item) for key,
              item in state.items()} if isinstance(state, dict) else state
    try:
        image = marshal.dumps(opened, 2)
    except ValueError:  # a subclass of dict in it
        image = pickle.dumps(opened)
    return hashlib.blake2b(image, digest_size=16).digest()
