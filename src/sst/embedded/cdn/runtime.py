"""CloudFront's JavaScript runtime 2.0 in QuickJS: one context for each function.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-20.html"""
from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

__all__ = ["EdgeError", "EdgeFunction", "fault_of"]

Store: TypeAlias = tuple[str, Mapping[str, str]]
MEMORY = 16 << 20
SECONDS = 0.5
"""Of computing in a row for code of users; CloudFront stops it far earlier, at about a millisecond of its own."""
TURNS = 200
"""How often a function may read of its store, one read after the other."""
KNOWN = 10_000
"""Results of ours that are kept."""
OURS = "/*sst*/"
"""What code begins with to which no user has added anything: it runs without a limit of time, and so may call out for
its hashes, which takes half of the time."""
_IMPORT = re.compile(r"""^(/\*sst\*/)?\s*import\s+([\w$]+)\s*from\s*["']cloudfront["'];?""", re.MULTILINE)
_SHIM = r"""
'use strict';
globalThis.__state = { origin: null, done: null, lines: [] };
// A long text that was put together is a tree to the engine until it is read, and such can't be handed out.
const __flat = (text) => text.length < 512 ? text : JSON.parse(JSON.stringify(text));
const __store = {
  get: async (key, how) => {
    const value = await __get(__flat(String(key)));
    if (value === null) throw new Error("KeyNotFound");
    return how && how.format === "json" ? JSON.parse(value) : value;
  },
  exists: async (key) => await __get(__flat(String(key))) !== null,
};
const __cf = {
  kvs: () => __store,
  updateRequestOrigin: (origin) => { __state.origin = origin; },
  selectRequestOriginById: (id) => { __state.origin = { originId: id }; },
};
const __digest = (make) => {
  let text = "";
  return { update(part) { text += part; return this; }, digest(form) { return make(__flat(text), form || "hex"); } };
};
const __modules = {
  crypto: {
    createHash: (name) => __digest((text, form) => __hash(name, text, form)),
    createHmac: (name, key) => __digest((text, form) => __hmac(name, String(key), text, form)),
  },
  querystring: {
    escape: encodeURIComponent, unescape: decodeURIComponent,
    parse: (text) => {
      const made = {};
      for (const pair of text.split("&").filter(Boolean)) {
        const [key, value] = [...pair.split("="), ""].map(decodeURIComponent);
        made[key] = key in made ? [].concat(made[key], value) : value;
      }
      return made;
    },
    stringify: (given) => Object.entries(given).flatMap(([key, value]) => [].concat(value).map(
      (one) => encodeURIComponent(key) + "=" + encodeURIComponent(one))).join("&"),
  },
};
const require = (name) => {
  if (name in __modules) return __modules[name];
  throw new Error("Cannot find module '" + name + "'");
};
const console = {};
for (const level of ["log", "info", "warn", "error", "debug"])
  console[level] = (...parts) => {
    __state.lines.push(parts.map((p) => typeof p === "string" ? p : JSON.stringify(p)).join(" "));
  };
"""
_CALL = r"""
globalThis.__call = (text) => {
  __state.origin = null;
  __state.done = null;
  __state.lines = [];
  Promise.resolve().then(() => handler(JSON.parse(text))).then(
    (result) => { __state.done = JSON.stringify({ result, origin: __state.origin, lines: __state.lines }); },
    (error) => {
      const stack = String(error && error.stack);
      __state.done = JSON.stringify({ error: String(error), stack, lines: __state.lines });
    });
};
globalThis.__done = () => __state.done;
"""


class EdgeError(Exception):
    """The function failed, as CloudFront would answer with 503."""


class EdgeFunction:
    """A published function. ``store`` gives the keys of its store and what changes with them, ``log`` gets the lines
    that it prints.

    Ours computes its result from the event and the store alone, so what it made of the same ones is used again.
    """

    def __init__(self, code: str, store: Callable[[], Store], log: Callable[[str], None]) -> None:
        from quickjs import Context

        self.calls, self.errors, self.seconds, self.slowest = 0, 0, 0.0, 0.0
        self._store, self._log = store, log
        self.ours = code.startswith(OURS)
        """Whether no user has added anything, so that its result follows from the event and the store."""
        self._keys: Mapping[str, str] = {}
        self._version, self._known = "", OrderedDict[str, str]()
        self._context = context = Context()
        context.set_memory_limit(MEMORY)
        if self.ours:
            for name, function in (("__get", lambda key: self._keys.get(key)), ("__hash", _hash), ("__hmac", _hmac)):
                context.add_callable(name, function)
        else:
            context.set_time_limit(SECONDS)
        base = "" if self.ours else _runtime()
        imported = _IMPORT.sub(lambda m: f"const {m[2]} = __cf;" if m[2] != "__cf" else "", code)
        try:
            context.eval(f"{base}\n{_SHIM}\n{imported}\n{_CALL}")
        except Exception as error:      # of the user's text: QuickJS has one class for all
            raise EdgeError(str(error)) from error
        self._call, self._done = context.get("__call"), context.get("__done")

    @property
    def version(self) -> str:
        """Changes with the keys of its store."""
        return self._store()[0]

    def __call__(self, event: Any) -> dict[str, Any]:
        """``result`` as the function returned it, and ``origin`` if it chose one. Raises `EdgeError`."""
        began = time.perf_counter()
        try:
            made: dict[str, Any] = json.loads(self._text(json.dumps(event)))
        except EdgeError:
            self.errors += 1
            raise
        except Exception as error:      # its limits of memory and time
            self.errors += 1
            raise EdgeError(str(error)) from error
        finally:
            took = time.perf_counter() - began
            self.calls, self.seconds, self.slowest = self.calls + 1, self.seconds + took, max(self.slowest, took)
        if made["lines"]:
            self._log("\n".join(made["lines"]))
        if "error" in made:
            self.errors += 1
            raise EdgeError(f"{made['error']}\n{made['stack']}".strip())
        return made

    def _text(self, event: str) -> str:
        """The result as JSON."""
        version, self._keys = self._store()
        if not self.ours:
            return self._ran(event)
        if version != self._version:
            self._version = version
            self._known.clear()
        made = self._known.get(event)
        if made is None:
            made = self._known[event] = self._ran(event)
            if len(self._known) > KNOWN:
                self._known.popitem(last=False)
        return made

    def _ran(self, event: str) -> str:
        context, turns = self._context, 0
        self._call(event)
        while (done := self._done()) is None:
            if context.execute_pending_job():
                continue
            asked = [] if self.ours else json.loads(context.get("__asked")())
            if not asked or (turns := turns + 1) > TURNS:
                raise EdgeError("the function never ends")
            context.get("__told")(json.dumps([self._keys.get(key) for key in asked]))
        return str(done)


def fault_of(code: str) -> str:
    """Why code can't be loaded, as ``SyntaxError: expecting ';'``; empty if it can."""
    try:
        EdgeFunction(code, lambda: ("", {}), lambda text: None)
    except EdgeError as error:
        return str(error).partition("\n")[0]
    return ""


@cache
def _runtime() -> str:
    return Path(__file__).with_name("runtime.js").read_text("utf-8")


def _hash(name: str, text: str, form: str) -> str:
    return _formed(hashlib.new(name, text.encode(), usedforsecurity=False).digest(), form)


def _hmac(name: str, key: str, text: str, form: str) -> str:
    return _formed(hmac.new(key.encode(), text.encode(), name).digest(), form)


def _formed(digest: bytes, form: str) -> str:
    if form == "hex":
        return digest.hex()
    return (base64.urlsafe_b64encode(digest).rstrip(b"=") if form == "base64url" else base64.b64encode(digest)).decode()
