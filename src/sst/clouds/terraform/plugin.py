"""A provider's plugin: a process of its own that answers gRPC calls on a socket.

The handshake is that of github.com/hashicorp/go-plugin, docs/internals.md. The socket lies in a folder that only this
user can open, so calls go over it in plain text. The process ends with this one, after a ``kill -9`` too.
"""
from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections import deque
from collections.abc import Mapping, Sequence
from queue import Empty, SimpleQueue
from signal import SIGKILL
from threading import Lock, Thread
from typing import Any

from ...errors import ProviderError
from ...machine.lifeline import Lifeline
from .wire import V5_NAMES, decode, encode

__all__ = ["COOKIE", "Plugin", "Refusal"]

COOKIE = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"
"""What Terraform's plugins expect in TF_PLUGIN_MAGIC_COOKIE: it tells that they were started as plugins."""
_START = 60.0
"""Seconds until a plugin must have said where it listens."""
_END = 2.0
"""Seconds until a plugin that was asked to end is killed."""
_ERROR = 1


class Refusal(Exception):
    """A plugin answered with errors. ``answer`` is the whole message: there may be a resource all the same."""

    def __init__(self, call: str, diagnostics: Sequence[Mapping[str, Any]], answer: Mapping[str, Any]) -> None:
        self.call, self.diagnostics, self.answer = call, diagnostics, answer
        super().__init__("; ".join(said(d) for d in diagnostics))


def said(diagnostic: Mapping[str, Any]) -> str:
    """A diagnostic in words."""
    summary, detail = diagnostic.get("summary", ""), diagnostic.get("detail", "").strip()
    return f"{summary}: {detail}" if detail and detail != summary else summary


class Plugin:
    """A running plugin. ``name`` is for messages; ``environ`` is all of its environment.

        plugin = Plugin("vercel 4.2.0", [str(program)], environ)
        plugin.call("GetProviderSchema")
        plugin.close()
    """

    def __init__(self, name: str, command: Sequence[str], environ: Mapping[str, str], *,
                 timeout: float = _START) -> None:
        self.name, self.calls = name, dict[str, int]()
        self.last_words: deque[str] = deque(maxlen=20)
        self._lock, self._closed = Lock(), False
        self._folder = tempfile.mkdtemp(prefix="sst-plugin-")
        self._lifeline = Lifeline()
        try:
            self._process = self._start(command, environ)
        except OSError as e:
            self._tidy()
            raise ProviderError(f"{name} can't be started: {e.strerror}: {command[0]}", sent=False) from e
        try:
            self.protocol, address = self._handshake(timeout)
            from .channel import Channel  # its tables of HPACK: not for a command that starts no plugin

            self._channel = Channel(self._connect(address), name)
        except BaseException:
            self._kill()
            self._tidy()
            raise
        atexit.register(self.close)    # a command that ends without closing leaves no socket behind

    def _start(self, command: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
        own = {"TF_PLUGIN_MAGIC_COOKIE": COOKIE, "PLUGIN_PROTOCOL_VERSIONS": "5,6", "PLUGIN_MIN_PORT": "10000",
               "PLUGIN_MAX_PORT": "25000", "TMPDIR": self._folder, "PLUGIN_UNIX_SOCKET_DIR": self._folder}
        process = subprocess.Popen(list(command), env={**environ, **own, **self._lifeline.environment},
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   pass_fds=(self._lifeline.give,), start_new_session=True)
        self._lifeline.hold(process.pid)
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        for stream, take in ((process.stdout, self._lines.put), (process.stderr, self._hear)):
            Thread(target=_drain, args=(stream, take), daemon=True, name=f"sst-{self.name}").start()
        return process

    def _hear(self, line: str | None) -> None:
        """Its log, a JSON object a line; a traceback of Go is plain text."""
        if line is None:
            return
        with contextlib.suppress(ValueError):
            if isinstance(entry := json.loads(line), dict):
                if str(entry.get("@level", "")) not in ("error", "warn"):
                    return
                line = str(entry.get("@message", ""))
        self.last_words.append(line)

    def _handshake(self, timeout: float) -> tuple[int, str]:
        """Protocol and socket, from the line that a plugin prints first. What is printed before it is passed over."""
        while True:
            try:
                line = self._lines.get(timeout=timeout)
            except Empty:
                raise ProviderError(f"{self.name} did not say within {timeout:g} s where it listens", sent=False,
                                    hint=self._words()) from None
            if line is None:
                code = self._process.wait()
                raise ProviderError(f"{self.name} ended with exit code {code} before it was ready", sent=False,
                                    hint=self._words() or "it may be made for another kind of machine")
            fields = line.split("|")
            if len(fields) >= 5 and fields[0] == "1":
                break
            self.last_words.append(line)
        _, protocol, network, address, kind = fields[:5]
        if protocol not in ("5", "6") or kind != "grpc":
            raise ProviderError(f"{self.name} speaks protocol {protocol} ({kind}), and only 5 and 6 are spoken here",
                                sent=False, hint="use a newer version of the provider")
        if network != "unix" or (len(fields) > 5 and fields[5]):
            raise ProviderError(f"{self.name} insists on {'TLS' if network == 'unix' else network}, which is not "
                                "spoken here", sent=False)
        return int(protocol), address

    def _connect(self, address: str) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.connect(address)
        except OSError as e:
            made.close()
            raise ProviderError(f"{self.name} does not listen where it said: {e.strerror}", sent=False) from e
        return made

    def call(self, call: str, **request: Any) -> dict[str, Any]:
        """The answer to a call, by its name in protocol 6. Raises ``Refusal`` for errors of the plugin, and
        ``ProviderError`` where there is no answer."""
        with self._lock:
            self.calls[call] = self.calls.get(call, 0) + 1
        name = V5_NAMES.get(call, call) if self.protocol == 5 else call
        try:
            raw = self._channel.call(f"/tfplugin{self.protocol}.Provider/{name}", encode(f"{call}>", request))
        except ProviderError as e:
            if e.code in ("NoAnswer", "Unavailable") and (words := self._words()):
                e.hint = e.hint or words
            raise
        answer = decode(f"{call}<", raw, v5=self.protocol == 5)
        if errors := [d for d in answer.get("diagnostics", ()) if d.get("severity") == _ERROR]:
            raise Refusal(call, errors, answer)
        return answer

    @property
    def running(self) -> bool:
        """Whether it takes calls. One whose connection has ended may take a moment to be gone."""
        return self._process.poll() is None and not self._channel.ended

    def _words(self) -> str:
        return "its last words: " + " / ".join(list(self.last_words)[-3:]) if self.last_words else ""

    def close(self) -> None:
        """Ask it to end, and kill it if it does not."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        atexit.unregister(self.close)
        with contextlib.suppress(ProviderError):
            self._channel.call("/plugin.GRPCController/Shutdown", b"", timeout=_END)
        self._channel.close()
        try:
            self._process.wait(_END)
        except subprocess.TimeoutExpired:
            self._kill()
        self._tidy()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, SIGKILL)
        self._process.wait()

    def _tidy(self) -> None:
        self._lifeline.cut()
        shutil.rmtree(self._folder, ignore_errors=True)


def _drain(stream: Any, take: Any) -> None:
    """Read to the end whatever it says: a plugin whose output nobody reads stops."""
    with stream:
        for line in stream:
            take(line.decode(errors="replace").rstrip("\n"))
    take(None)
