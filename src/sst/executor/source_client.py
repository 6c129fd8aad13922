"""Runs a Python function from its source: as `runtime.client` does, and reports which files of the project it has read.

Started as ``source_client.py CLIENT``. ``SST_WATCH`` names the folders that count, ``SST_DEBUG`` port and folder of a
debugger. With ``SST_FORK``, the descriptor of a socket, it imports what it is told to and then forks a process for each
message (see `forks`). Standard library only, Python 3.9.
"""
from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from typing import Any

__all__ = ["Source", "main"]

_NEVER = (os.sep + "site-packages" + os.sep, os.sep + ".venv" + os.sep, os.sep + "node_modules" + os.sep,
          os.sep + "__pycache__" + os.sep,
          os.sep + ".sst" + os.sep, os.sep + ".git" + os.sep)


class Source:
    """What was read, with its times and size from just before: modules that were imported, and other files that were
    opened.

    A file that the function itself writes is no source of it. The client calls ``start`` before it loads the handler,
    ``tell`` before each request.
    """

    def __init__(self, folders: list[str]) -> None:
        self._folders = tuple(f.rstrip(os.sep) + os.sep for f in folders if f)
        self._told: dict[str, tuple[int, int, int]] = {}
        self._new: dict[str, tuple[int, int, int]] = {}
        self._written: set[str] = set()

    def install(self) -> None:
        found = SourceFileLoader.path_stats

        # is asked before a module is read, from its source or from byte code
        def path_stats(loader: Any, path: str) -> Any:
            self.note(path)
            stats = dict(found(loader, path))
            if path.startswith(self._folders):  # an edit may keep time and size: byte code is that of this change
                stats["mtime"] = os.stat(path).st_ctime_ns // 1000  # noqa: PTH116
            return stats

        SourceFileLoader.path_stats = path_stats  # type: ignore[method-assign,assignment]  # no public way
        sys.addaudithook(self._heard)

    def note(self, path: str) -> None:
        path = os.path.abspath(path)  # noqa: PTH100  # pathlib would make each cold start slower
        if not self.is_own(path) or path in self._written:
            return
        try:
            s = os.stat(path)  # noqa: PTH116
        except OSError:
            return
        found = (s.st_mtime_ns, s.st_ctime_ns, s.st_size)
        if self._told.get(path) != found:
            self._told[path] = self._new[path] = found

    def is_own(self, path: str) -> bool:
        """Whether a path is in the project, and not in its dependencies or caches."""
        return path.startswith(self._folders) and not any(part in path for part in _NEVER)

    def start(self) -> None:
        if fd := os.environ.pop("SST_FORK", ""):
            _fork_for_each(int(fd), self.is_own)

    def tell(self, api: Any) -> None:
        if self._new:
            body, self._new = json.dumps({"files": self._new, "modules": self._foreign()}).encode(), {}
            api.post("/sst/files", body)

    def _foreign(self) -> list[str]:
        """The modules that are not the project's own, in the order in which they were imported."""
        found = []
        for name, module in list(sys.modules.items()):
            places = [getattr(module, "__file__", None) or "", *map(str, getattr(module, "__path__", ()))]
            if name != "__main__" and any(places) and not any(map(self.is_own, places)):
                found.append(name)
        return found

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
    told = Source(os.environ.pop("SST_WATCH", "").split(os.pathsep))
    told.install()
    if debug := os.environ.pop("SST_DEBUG", ""):
        _listen(*debug.split(os.pathsep, 1))
    with open(client, "rb") as source:  # noqa: PTH123
        code = compile(source.read(), client, "exec", dont_inherit=True)
    exec(code, {"__name__": "__main__", "__file__": client, "SOURCE": told})  # noqa: S102


def _fork_for_each(fd: int, is_own: Callable[[str], bool]) -> None:
    """Import what the first message names; then fork at each message. Returns in the children, environment in place."""
    import array
    import select
    import signal
    import socket

    line = socket.socket(fileno=fd)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    buffer = b""

    def send(message: Any) -> None:
        line.sendall(json.dumps(message).encode() + b"\n")

    while True:
        ready = select.select([fd, woken], [], [])[0]
        if woken in ready:
            os.read(woken, 4096)
            _tell_of_the_dead(send)
        if fd not in ready:
            continue
        data, ancillary, _, _ = line.recvmsg(1 << 20, 4096)
        if not data:
            os._exit(0)
        fds = array.array("i")
        for _, _, content in ancillary:
            fds.frombytes(content)
        buffer += data
        while not buffer.endswith(b"\n"):
            buffer += line.recv(1 << 20)
        message, buffer = json.loads(buffer), b""
        if "modules" in message:
            refused = _preimport(message["modules"], is_own)
            alone = len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208  # a fork has one thread: others would be missed
            send({"ready": alone and not refused, "refused": refused if alone else []})
            continue
        if pid := os.fork():
            for given in fds:
                os.close(given)
            send({"pid": pid})
            continue
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for mine in (woken, wake):
            os.close(mine)
        line.close()
        os.setsid()
        os.dup2(fds[0], 1)
        os.dup2(fds[0], 2)
        os.close(fds[0])  # the other one is the lifeline: it stays open
        _put_in_place(message["environment"])
        os.chdir(message["folder"])
        return


def _preimport(names: list[str], is_own: Callable[[str], bool]) -> list[str]:
    """As `preimport` does, which lies beside this file: its folder is not on the function's path."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "preimport.py")  # noqa: PTH100, PTH118, PTH120
    module: Any = type(sys)("sst.executor.preimport")
    SourceFileLoader(module.__name__, path).exec_module(module)
    return list(module.preimport(names, is_own))


def _put_in_place(environment: dict[str, str]) -> None:
    """As a process that was started with it has it by then."""
    os.environ.clear()
    os.environ.update(environment)
    for name in ("SST_WATCH", "SST_PACKAGES"):
        os.environ.pop(name, None)
    os.environ.setdefault("PYTHONPATH", os.environ.pop("SST_PATH", ""))


def _tell_of_the_dead(send: Any) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        send({"ended": pid, "code": os.waitstatus_to_exitcode(status)})


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
