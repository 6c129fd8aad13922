"""Speaks Lambda's Runtime API from inside a function's process: fetches events, calls the handler, posts the result.

Runs in the function's interpreter on stage ``local`` and in ``sst dev``; on AWS where a response is streamed, started
by a script in ``AWS_LAMBDA_EXEC_WRAPPER``: ``exec "$1" "$LAMBDA_TASK_ROOT/sst/runtime/client.py"``. Python 3.9, stdlib.
A handler that returns a ``stream.Streamed`` has its response sent in parts. Values are turned into JSON as Lambda does
it. A newline within one log record is written as a carriage return: so Lambda, too, tells records from lines.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""
from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    del sys.path[0]  # first of all: the folder of this file must not hide modules of the function

import base64
import importlib
import json
import logging
import socket
import time
from collections.abc import Callable, Mapping
from importlib.machinery import SourceFileLoader
from typing import TYPE_CHECKING, Any, BinaryIO

if __name__ == "__main__":  # only now, as on Lambda: a types.py or json.py of the function must not break what is above
    if "SST_PATH" in os.environ:  # started by our executor
        import site

        site.setquit()
        _path = os.environ.pop("SST_PATH")
        os.environ.setdefault("PYTHONPATH", _path)
        sys.path[0:0] = filter(None, _path.split(os.pathsep))
        for _folder in filter(None, os.environ.pop("SST_PACKAGES", "").split(os.pathsep)):
            site.addsitedir(_folder)
    else:
        _root = os.environ.get("LAMBDA_TASK_ROOT") or os.getcwd()  # noqa: PTH109  # pathlib: a slower cold start
        _python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        sys.path[0:0] = [_root, f"/opt/python/lib/{_python}/site-packages", "/opt/python"]
        sys.path.append(os.environ.get("LAMBDA_RUNTIME_DIR", "/var/runtime"))

__all__ = ["Context", "main"]

VERSION, NEXT = "/2018-06-01/runtime", "/invocation/next"
STREAM = ("Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n"
          "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n"
          "Content-Type: application/vnd.awslambda.http-integration-response\r\n")
SOURCE: Any = globals().get("SOURCE")  # set by who runs this from source: has `start` and `tell`


def _sibling(name: str) -> Any:
    """A module beside this file. A function's process may have no package ``sst``, and this folder is not on its path;
    ``importlib.util`` would make each cold start slower."""
    folder = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  # pathlib, too
    path = f"{folder}{os.sep}{name}.py"
    module = type(sys)(f"sst.runtime.{name}")
    module.__file__ = path
    SourceFileLoader(module.__name__, path).exec_module(module)
    return module


if TYPE_CHECKING:
    from .log import Log
else:
    Log = _sibling("log").Log


class _Facts:
    """An object of what a mobile client sent: each key is an attribute, and None if it was not sent."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.__dict__.update(facts)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None

    def __repr__(self) -> str:
        return repr(self.__dict__)


class Context:
    """What a handler gets beside the event."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.aws_request_id = headers.get("lambda-runtime-aws-request-id", "")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn", "")
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
        identity = json.loads(headers.get("lambda-runtime-cognito-identity") or "{}")
        self.identity = _Facts({"cognito_identity_id": identity.get("cognitoIdentityId"),
                                "cognito_identity_pool_id": identity.get("cognitoIdentityPoolId")})
        given = json.loads(headers.get("lambda-runtime-client-context") or "null")
        client = _Facts(given.get("client") or {}) if isinstance(given, dict) else None
        self.client_context = _Facts({**given, "client": client}) if client is not None else None
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        self._deadline = int(headers.get("lambda-runtime-deadline-ms", "0"))

    def get_remaining_time_in_millis(self) -> int:
        return max(0, self._deadline - int(time.time() * 1000))

    def log(self, message: object) -> None:
        sys.stdout.write(str(message))

    def __repr__(self) -> str:
        return f"LambdaContext({self.__dict__})"


class _Api:
    """One connection to the Runtime API, kept alive. A client of its own, for importing ``http.client`` would take
    half of a cold start."""

    def __init__(self, address: str) -> None:
        self._host, _, prefix = address.partition("/")
        self._prefix = f"/{prefix}{VERSION}" if prefix else VERSION
        self._socket: socket.socket | None = None
        self._file: BinaryIO | None = None
        self._asked = False
        """Whether a response was sent together with the request for the next event."""

    def next(self) -> tuple[dict[str, str], bytes]:
        if not self._asked:
            return self._ask(self._head("GET", NEXT))
        self._asked = False
        self._answer()  # to the response
        return self._answer()

    def respond(self, path: str, body: bytes) -> None:
        """The response of a function. Our executor takes the request for the next event along with it."""
        if self._prefix == VERSION:     # Lambda's own
            return self.post(path, body)
        if SOURCE:
            SOURCE.tell(self)
        self._connected().sendall(self._posting(path, body) + self._head("GET", NEXT))
        self._asked = True

    def post(self, path: str, body: bytes, kind: str = "", causes: str = "") -> None:
        self._ask(self._posting(path, body, kind, causes))

    def _posting(self, path: str, body: bytes, kind: str = "", causes: str = "") -> bytes:
        about = f"Lambda-Runtime-Function-Error-Type: {kind}\r\n{causes}" if kind else ""
        return self._head("POST", path, f"Content-Type: application/json\r\n{about}"
                                        f"Content-Length: {len(body)}\r\n") + body

    def stream(self, path: str) -> _Stream:
        return _Stream(self._connected(), self._head("POST", path, STREAM), self.close, self._answer)

    def close(self) -> None:
        if self._socket and self._file:
            self._file.close()
            self._socket.close()
        self._socket = None

    def _ask(self, text: bytes) -> tuple[dict[str, str], bytes]:
        if SOURCE:
            SOURCE.tell(self)
        try:
            self._connected().sendall(text)
            return self._answer()
        except ConnectionError:  # an idle connection was closed
            self.close()
            self._connected().sendall(text)
            return self._answer()

    def _head(self, method: str, path: str, about: str = "") -> bytes:
        start = f"{method} {self._prefix}{path} HTTP/1.1\r\nHost: {self._host}\r\nUser-Agent: sst-python\r\n"
        return f"{start}{about}\r\n".encode()

    def _connected(self) -> socket.socket:
        if self._socket is None:
            host, _, port = self._host.partition(":")
            self._socket = socket.create_connection((host, int(port or 80)))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._file = self._socket.makefile("rb")
        return self._socket

    def _answer(self) -> tuple[dict[str, str], bytes]:
        file = self._file
        if file is None or not file.readline():
            raise ConnectionResetError("the Runtime API closed the connection")
        headers: dict[str, str] = {}
        while True:
            line = file.readline().decode("latin-1").strip()
            if not line:
                break
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return headers, file.read(int(headers.get("content-length") or 0))
        parts = []
        while True:
            size = int(file.readline().split(b";")[0], 16)
            parts.append(file.read(size))
            file.readline()
            if not size:
                return headers, b"".join(parts)


class _Stream:
    """A response in parts."""

    def __init__(self, to: socket.socket, head: bytes, close: Callable[[], None], answer: Callable[[], Any]) -> None:
        self._to, self._close, self._answer = to, close, answer
        to.sendall(head)

    def send(self, part: bytes) -> None:
        if part:
            self._to.sendall(b"%x\r\n%b\r\n" % (len(part), part))

    def end(self, error: dict[str, Any] | None = None) -> None:
        trailers = b""
        if error is not None:
            body = base64.b64encode(json.dumps(error).encode())
            trailers = (f"Lambda-Runtime-Function-Error-Type: {error['errorType']}\r\n".encode()
                        + b"Lambda-Runtime-Function-Error-Body: " + body + b"\r\n")
        try:
            self._to.sendall(b"0\r\n" + trailers + b"\r\n")
            self._answer()
        except ConnectionError:  # it has heard enough: the response was too large
            self._close()


class _Failed(Exception):
    """It failed around the handler; ``kind`` is Lambda's word for it."""

    def __init__(self, kind: str, message: str, trace: list[str]) -> None:
        super().__init__(message)
        self.kind, self.trace = kind, trace


def main() -> None:
    """Serve invocations until the process is ended."""
    watched = _watch_parent()
    _compile_fresh_files_anew()
    if SOURCE:
        SOURCE.start()
    api = _Api(os.environ["AWS_LAMBDA_RUNTIME_API"])
    log = Log(sys.stdout, document=_error, as_json=os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON")
    logging.getLogger().addHandler(log)
    if os.environ.get("AWS_LAMBDA_LOG_LEVEL"):
        logging.getLogger().setLevel({"TRACE": "DEBUG",
                                      "FATAL": "CRITICAL"}.get(level := os.environ["AWS_LAMBDA_LOG_LEVEL"], level))
    try:
        # in an image the handler is its command
        handler = _load(sys.argv[1] if not SOURCE and len(sys.argv) > 1 else os.environ["_HANDLER"])
    except Exception as e:
        error = _error(e)
        log.error(error)
        api.post("/init/error", json.dumps(error).encode(), error["errorType"])
        sys.exit(1)
    while True:
        try:
            headers, body = api.next()
        except OSError:
            if watched:  # the executor is gone; so go the children
                os.killpg(os.getpgid(0), 9)
            raise
        log.request_id = headers.get("lambda-runtime-aws-request-id", "")
        os.environ["_X_AMZN_TRACE_ID"] = headers.get("lambda-runtime-trace-id", "")
        _serve(api, log, handler, headers, body)


def _serve(api: _Api, log: Log, handler: Callable[[Any, Any], Any], headers: Mapping[str, str], body: bytes) -> None:
    path = f"/invocation/{headers.get('lambda-runtime-aws-request-id', '')}"
    try:
        try:
            event = json.loads(body)
        except ValueError as e:
            raise _Failed("Runtime.UnmarshalError", f"Unable to unmarshal input: {e}", []) from None
        result = handler(event, Context(headers))
        if hasattr(result, "prelude") and hasattr(result, "close"):
            return _stream(api.stream(f"{path}/response"), log, result)
        text = _json(result)
    except Exception as e:
        error = {**_error(e), "requestId": log.request_id}
        log.error(error)
        _flush()
        return api.post(f"{path}/error", json.dumps(error).encode(), error["errorType"], log.causes(e, __file__))
    _flush()
    api.respond(f"{path}/response", text)


def _json(value: Any) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, default=_number).encode("utf-8", "surrogatepass")
    except (TypeError, ValueError, RecursionError) as e:
        raise _Failed("Runtime.MarshalError", f"Unable to marshal response: {e}", []) from None


def _number(value: Any) -> float:
    decimal = sys.modules.get("decimal")  # there is no Decimal if nobody imported it
    if decimal and isinstance(value, decimal.Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _stream(to: _Stream, log: Log, result: Any) -> None:
    """The prelude, eight zero bytes, the body's parts. An error in the middle ends the response and is told in its
    trailers."""
    error = None
    try:
        to.send(_json(result.prelude) + b"\0" * 8)
        for part in result:
            to.send(part)
    except ConnectionError:
        pass  # the response was too large: nobody listens any more
    except Exception as e:
        error = {**_error(e), "requestId": log.request_id}
        log.error(error)
    finally:
        result.close()
        _flush()
    to.end(error)


def _load(name: str) -> Callable[[Any, Any], Any]:
    """The handler of ``package/module.function``."""
    place, dot, function = name.rpartition(".")
    if not dot:
        raise _Failed("Runtime.MalformedHandlerName",
                      f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)", [])
    module = place.replace("/", ".")
    if module.split(".")[0] in sys.builtin_module_names:
        raise _Failed("Runtime.BuiltInModuleConflict", f"Cannot use built-in module {module} as a handler module", [])
    try:
        loaded = importlib.import_module(module)
    except ImportError as e:
        raise _Failed("Runtime.ImportModuleError", f"Unable to import module '{module}': {e}", _frames(e)) from None
    except SyntaxError as e:
        where = [f'  File "{e.filename}" Line {e.lineno}\n    {(e.text or "").rstrip()}\n']
        raise _Failed("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module}': {e}", where) from None
    found = getattr(loaded, function, None)
    if not callable(found):
        raise _Failed("Runtime.HandlerNotFound", f"Handler '{function}' missing on module '{module}'", [])
    return found  # type: ignore[no-any-return]  # checked to be callable


def _error(e: BaseException) -> dict[str, Any]:
    if isinstance(e, _Failed):
        return {"errorMessage": str(e), "errorType": e.kind, "stackTrace": e.trace}
    return {"errorMessage": str(e), "errorType": type(e).__name__, "stackTrace": _frames(e)}


def _frames(e: BaseException) -> list[str]:
    """The frames of the function's own code and what it calls, without ours and the import system's."""
    import traceback

    own = [f for f in traceback.extract_tb(e.__traceback__)
           if f.filename != __file__ and not f.filename.startswith("<frozen importlib")
           and f.filename != importlib.__file__]
    return traceback.format_list(own)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105  # contextlib would make each cold start slower
            stream.flush()
        except (AttributeError, OSError, ValueError): pass  # noqa: E701


def _compile_fresh_files_anew() -> None:
    """Keep no byte code of a file that was just saved: Python looks at whole seconds and the size, and might miss
    the next save."""
    if (keep := getattr(SourceFileLoader, "_cache_bytecode", None)) is None:
        return

    def keep_old(self: Any, source: str, cache: str, data: bytes) -> None:
        if time.time() - os.stat(source).st_mtime > 2:  # noqa: PTH116
            keep(self, source, cache, data)

    SourceFileLoader._cache_bytecode = keep_old  # type: ignore[attr-defined]  # no public way


def _watch_parent() -> bool:
    """Where the kernel does not do it: end this process and what it started when the one that started it is gone,
    however it went."""
    fd = os.environ.pop("SST_PARENT_FD", "")
    if not fd:
        return False
    import threading

    def watch() -> None:
        try:
            while os.read(int(fd), 1):
                pass
        finally:
            os.killpg(os.getpgid(0), 9)

    threading.Thread(target=watch, daemon=True).start()
    return True


if __name__ == "__main__":
    main()
