"""A small HTTP server in front of the cloud that loses answers, throttles, breaks, lies and kills, as a test says.

    with proxy(cloud.endpoint) as way:
        way.decide = lambda r: Refuse("ThrottlingException") if r.number % 2 else None
"""
from __future__ import annotations

import http.client
import json
import re
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

__all__ = ["Break", "Fault", "Lose", "Proxy", "Refuse", "Reply", "Request", "Slow", "expired", "proxy", "throttled"]


@dataclass(frozen=True)
class Request:
    """A call: ``name`` is ``sqs CreateQueue``, or ``lambda POST /2015-03-31/functions`` where the path is the
    operation."""

    number: int
    service: str
    name: str
    body: bytes
    time: float
    """Seconds since the proxy started."""
    method: str = ""
    target: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """With lower-case names."""


@dataclass(frozen=True)
class Refuse:
    """The call is not carried out."""

    code: str
    status: int = 400
    message: str = "refused by the test"


@dataclass(frozen=True)
class Lose:
    """The call is carried out if ``done``; its answer never comes."""

    done: bool = True


@dataclass(frozen=True)
class Slow:
    """The call takes so many seconds longer."""

    seconds: float


@dataclass(frozen=True)
class Break:
    """The call is carried out, and answered with that status."""

    status: int = 500


@dataclass(frozen=True)
class Reply:
    """The call is not carried out, and answered with success all the same."""

    body: bytes


Fault = Refuse | Lose | Slow | Break | Reply


_THROTTLES = {"s3": Refuse("SlowDown", 503, "Please reduce your request rate."),
              "iam": Refuse("Throttling", 400, "Rate exceeded"), "sts": Refuse("Throttling", 400, "Rate exceeded"),
              "lambda": Refuse("TooManyRequestsException", 429, "Rate Exceeded."),
              "apigateway": Refuse("TooManyRequestsException", 429, "Too Many Requests"),
              "apigatewayv2": Refuse("TooManyRequestsException", 429, "Too Many Requests"),
              "ec2": Refuse("RequestLimitExceeded", 503, "Request limit exceeded.")}


def throttled(service: str) -> Refuse:
    """What a service says of too many calls."""
    return _THROTTLES.get(service, Refuse("ThrottlingException", 400, "Rate exceeded"))


_EXPIRED = {"s3": Refuse("ExpiredToken", 400, "The provided token has expired."),
            "ec2": Refuse("RequestExpired", 400, "Request has expired."),
            **dict.fromkeys(("iam", "sts", "sns", "route53", "rds"),
                            Refuse("ExpiredToken", 403, "The security token included in the request is expired"))}


def expired(service: str) -> Refuse:
    """What a service says of a session that has ended. The answer of S3 to a HEAD has a status alone."""
    return _EXPIRED.get(service, Refuse("ExpiredTokenException", 403 if service == "lambda" else 400,
                                        "The security token included in the request is expired"))


@dataclass
class Proxy:
    url: str
    decide: Callable[[Request], Fault | None] = lambda request: None
    reached: Callable[[Request, str], None] = lambda request, when: None
    """Told of each call ``"before"`` and ``"after"`` it is carried out."""
    answered: Callable[[Request, int, bytes], bytes] = lambda request, status, body: body
    """Gives the body of the answer to a call that was carried out."""
    injected: Counter[str] = field(default_factory=Counter)
    names: list[str] = field(default_factory=list)


XML = {"iam": "<ErrorResponse><Error><Type>Sender</Type><Code>{c}</Code><Message>{m}</Message></Error>"
              "<RequestId>r</RequestId></ErrorResponse>",
       "s3": "<Error><Code>{c}</Code><Message>{m}</Message></Error>",
       "ec2": "<Response><Errors><Error><Code>{c}</Code><Message>{m}</Message></Error></Errors>"
              "<RequestID>r</RequestID></Response>"}
XML |= dict.fromkeys(("sts", "sns", "route53", "cloudfront", "elasticloadbalancing", "rds", "elasticache"), XML["iam"])
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


def _error(service: str, code: str, message: str) -> tuple[bytes, dict[str, str]]:
    if service in XML:
        return XML[service].format(c=code, m=escape(message)).encode(), {"Content-Type": "text/xml"}
    body = json.dumps({"__type": code, "message": message}).encode()
    return body, {"Content-Type": "application/x-amz-json-1.0", "x-amzn-errortype": code}


@contextmanager
def proxy(endpoint: str) -> Iterator[Proxy]:
    at = urlsplit(endpoint)
    started, lock = time.monotonic(), Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", self.headers.get("Authorization", ""))
            service = scope[1] if scope else ""
            action = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            if not action and (query := re.match(rb"Action=(\w+)", body)):
                action = query[1].decode()
            path = self.path.partition("?")[0]
            name = f"{service} {action or f'{self.command} {path}'}"
            with lock:
                request = Request(len(way.names), service, name, body, time.monotonic() - started, self.command,
                                  self.path, {k.lower(): v for k, v in self.headers.items()})
                way.names.append(name)
            fault = way.decide(request)
            if fault is not None:
                with lock:
                    way.injected[type(fault).__name__.lower()] += 1
            match fault:
                case Refuse(code, status, message):
                    return self._answer(status, *_error(service, code, message))
                case Reply(data):
                    return self._answer(200, data, {"Content-Type": "application/json"})
                case Lose(done=False):
                    return self._reset()
                case Slow(seconds):
                    time.sleep(seconds)
            way.reached(request, "before")
            try:
                status, data, headers = self._forward(body)
                data = way.answered(request, status, data)
            finally:
                way.reached(request, "after")
            match fault:
                case Lose():
                    return self._reset()
                case Break(status):
                    return self._answer(status, *_error(service, "InternalFailure", "broken by the test"))
            self._answer(status, data, headers)

        def _forward(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
            upstream = http.client.HTTPConnection(at.hostname or "", at.port, timeout=60)
            try:
                upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for key, value in self.headers.items():
                    upstream.putheader(key, value)
                upstream.endheaders(body)
                answer = upstream.getresponse()
                return answer.status, answer.read(), {k: v for k, v in answer.getheaders() if k.lower() not in HOP}
            finally:
                upstream.close()

        def _answer(self, status: int, data: bytes, headers: dict[str, str]) -> None:
            self.send_response_only(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def _reset(self) -> None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _serve

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """Who called was killed before the answer came."""

    server = Server(("127.0.0.1", 0), Handler)
    way = Proxy(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield way
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
