"""Runs a Python function from its source: as `runtime.client` does, and tells which files of the project it has read.

Started as ``source_client.py CLIENT``. ``SST_WATCH`` names the folders that count, ``SST_DEBUG`` port and folder of a debugger.
Standard library only, Python 3.9.
"""
from __future__ import annotations

import json
import os
import sys
from importlib.machinery import SourceFileLoader
from typing import Any

__all__ = ["Files", "main"]

_NEVER = (os.sep + "site-packages" + os.sep, os.sep + ".venv" + os.sep, os.sep + "node_modules" + os.sep, os.sep + "__pycache__" + os.sep,
          os.sep + ".sst" + os.sep, os.sep + ".git" + os.sep)


class Files:
    """What was read, with its time and size from just before: modules that were imported, and other files that were opened.

    A file that the function itself writes is no source of it.
    """

    def __init__(self, folders: list[str]) -> None:
        self._folders = tuple(f.rstrip(os.sep) + os.sep for f in folders if f)
        self._told: dict[str, tuple[int, int]] = {}
        self._new: dict[str, tuple[int, int]] = {}
        self._written: set[str] = set()

    def install(self) -> None:
        found = SourceFileLoader.path_stats

        def path_stats(loader: Any, path: str) -> Any:  # is asked before a module is read, from its source or from byte code
            self.note(path)
            return found(loader, path)

        SourceFileLoader.path_stats = path_stats  # type: ignore[method-assign,assignment]  # no public way
        sys.addaudithook(self._heard)

    def note(self, path: str) -> None:
        path = os.path.abspath(path)  # noqa: PTH100  # pathlib would make each cold start slower
        if not path.startswith(self._folders) or any(part in path for part in _NEVER) or path in self._written:
            return
        try:
            s = os.stat(path)  # noqa: PTH116
        except OSError:
            return
        if self._told.get(path) != (s.st_mtime_ns, s.st_size):
            self._told[path] = self._new[path] = (s.st_mtime_ns, s.st_size)

    def tell(self, api: Any) -> None:
        if self._new:
            body, self._new = json.dumps(self._new).encode(), {}
            api._ask("POST", "/sst/files", f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n", body)

    def _heard(self, event: str, args: Any) -> None:
        if event != "open" or not isinstance(args[0], (str, os.PathLike)):
            return
        path, mode, flags = os.fspath(args[0]), args[1], args[2] or 0
        if not isinstance(path, str):
            return
        writes = flags & (os.O_WRONLY | os.O_RDWR) if mode is None else any(c in mode for c in "wax+")
        if writes:
            path = os.path.abspath(path)  # noqa: PTH100
            self._written.add(path)
            self._new.pop(path, None)
        else:
            self.note(path)


def main(client: str) -> None:
    files = Files(os.environ.pop("SST_WATCH", "").split(os.pathsep))
    files.install()
    if debug := os.environ.pop("SST_DEBUG", ""):
        _listen(*debug.split(os.pathsep, 1))
    with open(client, "rb") as source:  # noqa: PTH123
        code = compile(source.read(), client, "exec", dont_inherit=True)
    exec(code, {"__name__": "__main__", "__file__": client, "BEFORE_ASKING": files.tell})  # noqa: S102


def _listen(port: str, folder: str) -> None:
    sys.path.append(folder)
    try:
        import debugpy  # type: ignore[import-not-found,unused-ignore]  # brought by who debugs

        debugpy.listen(("127.0.0.1", int(port)), in_process_debug_adapter=True)
    except Exception as e:  # a second worker of the same function: the first one has the port
        sys.stderr.write(f"sst: no debugger here: {e}\n")
    finally:
        sys.path.remove(folder)


if __name__ == "__main__":
    main(sys.argv[1])
