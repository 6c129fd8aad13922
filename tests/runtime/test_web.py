from __future__ import annotations

import asyncio
import json
import logging
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sst.errors import UserError
from sst.runtime.stream import Streamed
from sst.runtime.web import WebHandler, handler

from .events import alb, v1, v2


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with what it was asked."""
    assert scope["type"] == "http"
    message = await receive()
    told = {**{k: scope[k] for k in ("method", "path", "root_path", "scheme", "client", "server", "http_version")},
            "raw_path": scope["raw_path"].decode(), "query": scope["query_string"].decode(),
            "body": message["body"].decode("latin-1"),
            "headers": [[k.decode(), v.decode("latin-1")] for k, v in scope["headers"]],
            "event": scope["aws.event"] is not None,
            "context": scope["aws.context"]}
    headers = [(b"Content-Type", b"application/json"), (b"Set-Cookie", b"a=1; Path=/"), (b"set-cookie", b"b=2"),
               (b"vary", b"x"),
               (b"vary", b"y")]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})


def echo_wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    told = {"method": environ["REQUEST_METHOD"], "path": environ["PATH_INFO"].encode("latin-1").decode(),
            "root_path": environ["SCRIPT_NAME"],
            "query": environ["QUERY_STRING"], "body": environ["wsgi.input"].read().decode("latin-1"),
            "scheme": environ["wsgi.url_scheme"],
            "client": environ["REMOTE_ADDR"], "server": [environ["SERVER_NAME"], environ["SERVER_PORT"]],
            "uri": environ["REQUEST_URI"],
            "cookie": environ.get("HTTP_COOKIE"), "length": environ["CONTENT_LENGTH"],
            "event": environ["aws.event"] is not None,
            "context": environ["aws.context"]}
    start_response("201 Created", [("Content-Type", "application/json"), ("Set-Cookie", "a=1; Path=/"),
                                   ("Set-Cookie", "b=2"),
                                   ("Vary", "x"), ("Vary", "y")])
    return [json.dumps(told).encode()]


@pytest.fixture
def serve() -> Iterator[Callable[..., WebHandler]]:
    made: list[WebHandler] = []

    def one(app: Any, **options: Any) -> WebHandler:
        made.append(handler(app, **options))
        return made[-1]

    yield one
    for each in made:
        each.close()


def whole(answer: dict[str, Any] | Streamed) -> dict[str, Any]:
    assert isinstance(answer, dict)
    return answer


def told(answer: dict[str, Any] | Streamed) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(whole(answer)["body"])
    return found


def test_a_function_url_reaches_an_asgi_app_with_everything_exact(serve: Callable[..., WebHandler]) -> None:
    event = v2("/a%2Fb/%C3%A4", method="POST", query="q=1&q=2&e=&s=a+b%20c", cookies=["x=1", "y=2"],
               body=b64encode(b"\xff\x00").decode(),
               base64=True, headers={"x-many": "1,2"})
    answer = whole(serve(echo)(event, "ctx"))
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (201, False)
    assert answer["headers"] == {"content-type": "application/json",
                                 "vary": "x, y"} and answer["cookies"] == ["a=1; Path=/", "b=2"]
    seen = told(answer)
    assert (seen["method"], seen["path"], seen["raw_path"], seen["root_path"]) == (
        "POST",
        "/a/b/ä",
        "/a%2Fb/%C3%A4",
        "",
    )
    assert seen["query"] == "q=1&q=2&e=&s=a+b%20c" and seen["body"] == "\xff\x00"
    assert (seen["scheme"], seen["client"], seen["http_version"]) == ("https", ["203.0.113.9", 0], "1.1")
    assert seen["server"] == ["abc.lambda-url.us-east-1.on.aws", 443] and seen["event"] and seen["context"] == "ctx"
    assert ["cookie", "x=1; y=2"] in seen["headers"] and ["x-many", "1,2"] in seen["headers"]


def test_a_function_url_reaches_a_wsgi_app_with_everything_exact(serve: Callable[..., WebHandler]) -> None:
    event = v2("/a%2Fb/%C3%A4", method="POST", query="q=1&q=2", cookies=["x=1", "y=2"], body="ä")
    answer = whole(serve(echo_wsgi)(event, "ctx"))
    assert answer["statusCode"] == 201 and answer["cookies"] == ["a=1; Path=/", "b=2"]
    assert answer["headers"]["vary"] == "x, y"
    assert told(answer) == {
        "method": "POST", "path": "/a/b/ä", "root_path": "", "query": "q=1&q=2", "body": "ä".encode().decode("latin-1"),
        "scheme": "https",
        "client": "203.0.113.9", "server": ["abc.lambda-url.us-east-1.on.aws", "443"], "uri": "/a%2Fb/%C3%A4?q=1&q=2",
        "cookie": "x=1; y=2", "length": "2", "event": True, "context": "ctx"}


@pytest.mark.parametrize("app", [echo, echo_wsgi])
@pytest.mark.parametrize(("event", "root", "path"), [
    (v2("/prod/x", stage="prod"), "/prod", "/x"),
    (v2("/x", stage="prod"), "", "/x"),
    (v2("/production", stage="prod"), "", "/production"),
    (v1("/x"), "/prod", "/x"),
    ({**v2("/prod", stage="prod")}, "/prod", ""),
])
def test_the_stage_of_an_api_leads_to_the_app(serve: Callable[..., WebHandler], app: Any, event: dict[str, Any],
                                              root: str,
                                              path: str) -> None:
    seen = told(serve(app)(event, None))
    assert seen["root_path"] == root
    assert seen["path"] == (path if app is echo_wsgi else root + path)  # in ASGI the path is the whole path


def test_a_call_that_keeps_it_warm_does_not_reach_the_app(serve: Callable[..., WebHandler]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan"

    assert serve(app)({"type": "warmer", "delay": 1}, None) == {"type": "warmer"}


def test_the_path_before_the_app_can_be_given(serve: Callable[..., WebHandler]) -> None:
    serves = serve(echo_wsgi, root_path="/shop/")
    assert (told(serves(v2("/shop/cart"), None))["root_path"],
            told(serves(v2("/shop/cart"), None))["path"]) == ("/shop", "/cart")
    assert told(serves(v2("/shopping"), None))["path"] == "/shopping"


def test_a_rest_api_gets_lists_of_headers(serve: Callable[..., WebHandler]) -> None:
    answer = whole(serve(echo)(v1("/x y", query={"q": ["a b", "ü"]}, headers={"X-Two": ["1", "2"]}, body="hi"), None))
    assert answer["multiValueHeaders"]["set-cookie"] == ["a=1; Path=/",
                                                         "b=2"] and answer["multiValueHeaders"]["vary"] == ["x", "y"]
    assert "headers" not in answer and "cookies" not in answer
    seen = told(answer)
    assert (seen["query"], seen["raw_path"], seen["client"][0], seen["body"]) == (
        "q=a+b&q=%C3%BC",
        "/prod/x%20y",
        "203.0.113.9",
        "hi",
    )
    assert [h for h in seen["headers"] if h[0] == "x-two"] == [["x-two", "1"], ["x-two", "2"]]


def test_a_load_balancer_gets_what_it_understands(serve: Callable[..., WebHandler]) -> None:
    answer = whole(serve(echo)(alb("/x", query={"q": "a%20b", "flag": ""}), None))
    assert answer["statusDescription"] == "201 Created"
    assert {k: v for k, v in answer["headers"].items() if k.lower() == "set-cookie"} == {
        "set-cookie": "a=1; Path=/",
        "set-cookiE": "b=2",
    }
    seen = told(answer)
    assert (seen["query"], seen["client"][0], seen["scheme"]) == ("q=a%20b&flag", "203.0.113.9", "http")
    assert seen["server"] == ["lb.example.com", 80]
    several = whole(serve(echo)(alb("/x", many=True), None))
    assert several["multiValueHeaders"]["set-cookie"] == ["a=1; Path=/", "b=2"] and "headers" not in several


@pytest.mark.parametrize(("host", "server"), [
    ("127.0.0.1:8080", ["127.0.0.1", 8080]), ("[::1]:8080", ["[::1]", 8080]), ("[::1]", ["[::1]", 443]),
    ("example.com", ["example.com", 443]),
])
def test_host_and_port_come_from_the_host_header(serve: Callable[..., WebHandler], host: str,
                                                 server: list[object]) -> None:
    event = v2("/", headers={"host": host})
    del event["headers"]["x-forwarded-port"]
    assert told(serve(echo)(event, None))["server"] == server


@pytest.mark.parametrize(("kind", "encoding", "body", "base64"), [
    ("text/html; charset=utf-8", "", "ä".encode(), False), ("application/problem+json", "", b"{}", False),
    ("image/svg+xml", "", b"<svg/>", False),
    ("image/png", "", b"\x89PNG", True), ("text/plain", "", b"\xff", True),
    ("text/plain; charset=latin-1", "", b"\xe4", True),
    ("application/json", "gzip", b"{}", True), ("", "", b"x", True), ("image/png", "", b"", False),
])
def test_what_is_no_text_goes_as_base64(serve: Callable[..., WebHandler], kind: str, encoding: str, body: bytes,
                                        base64: bool) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", kind)] + ([("Content-Encoding", encoding)] if encoding else []))
        return [body]

    answer = whole(serve(app)(v2(), None))
    assert answer["isBase64Encoded"] is base64
    assert (b64decode(answer["body"]) if base64 else answer["body"].encode()) == body


@pytest.mark.parametrize("event", [{"Records": [{}]}, None, [], {"requestContext": {"connectionId": "x"}}])
def test_an_event_that_is_no_request_is_refused(serve: Callable[..., WebHandler], event: Any) -> None:
    with pytest.raises(UserError, match="the event is not an HTTP request"):
        serve(echo)(event, None)


@pytest.mark.parametrize("thing", [None, 3, "app", dict, lambda: None, lambda one: None])
def test_what_is_no_app_is_refused(thing: Any) -> None:
    with pytest.raises(UserError, match=r"is not a web app|takes neither"):
        handler(thing)


def lifespan_app(log: list[str], fail: str = "") -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            assert (await receive())["type"] == "lifespan.startup"
            log.append("up")
            if fail == "raise":
                raise ValueError("no database")
            if fail:
                await send({"type": "lifespan.startup.failed", "message": fail})
                return
            scope["state"]["pool"] = ["open"]
            await send({"type": "lifespan.startup.complete"})
            assert (await receive())["type"] == "lifespan.shutdown"
            log.append("down")
            await send({"type": "lifespan.shutdown.complete"})
            return
        log.append(f"request {scope['state']['pool']}")
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    return app


def test_the_app_is_started_once_and_shut_down_once(serve: Callable[..., WebHandler]) -> None:
    log: list[str] = []
    serves = serve(lifespan_app(log))
    assert log == ["up"]
    assert [whole(serves(v2(), None))["statusCode"] for _ in range(2)] == [204, 204]
    serves.close()
    serves.close()
    assert log == ["up", "request ['open']", "request ['open']", "down"]


@pytest.mark.parametrize(("fail", "said"), [
    ("Traceback ...\nValueError: no database\n", "the app did not start: ValueError: no database"),
    ("raise", "the app did not start: ValueError: no database"),
    ("closed today", "the app did not start: closed today")])
def test_a_failed_startup_fails_the_init_with_the_apps_message(fail: str, said: str) -> None:
    with pytest.raises(UserError) as e:
        handler(lifespan_app([], fail))
    assert e.value.message == said


def test_an_app_that_fails_gives_500_and_a_log_line(serve: Callable[..., WebHandler],
                                                    caplog: pytest.LogCaptureFixture) -> None:
    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http", "only http"
        if scope["path"] == "/half":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
        if scope["path"] != "/silent":
            raise ValueError("boom")

    def wsgi(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        if environ["PATH_INFO"] == "/half":
            start_response("200 OK", [])
            yield b"half"
        if environ["PATH_INFO"] != "/silent":
            raise ValueError("boom")

    for app in (asgi, wsgi):
        serves = serve(app)
        for path in ("/", "/half", "/silent"):
            with caplog.at_level(logging.ERROR, "sst.web"):
                caplog.clear()
                answer = whole(serves(v2(path), None))
            assert (answer["statusCode"], answer["body"]) == (500, "Internal Server Error")
            assert ("boom" if path != "/silent" else "ended without") in caplog.text


def test_what_is_done_after_the_response_ends_before_it_is_returned(serve: Callable[..., WebHandler]) -> None:
    log: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
        assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
        assert await receive() == {"type": "http.disconnect"}
        await asyncio.sleep(0.01)
        log.append("mail sent")

    assert whole(serve(app)(v2(), None))["statusCode"] == 200
    assert log == ["mail sent"]


def test_an_asgi_app_streams_each_part_when_it_is_asked_for(serve: Callable[..., WebHandler]) -> None:
    made: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        headers = [(b"content-type", b"text/event-stream"), (b"set-cookie", b"a=1")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for n in range(5):
            made.append(n)
            await send({"type": "http.response.body", "body": f"data: {n}\n\n".encode(), "more_body": True})
        await send({"type": "http.response.body"})

    streamed = serve(app, streaming=True)(v2(), None)
    assert isinstance(streamed, Streamed)
    assert streamed.prelude == {"statusCode": 200, "headers": {"content-type": "text/event-stream"}, "cookies": ["a=1"]}
    parts = iter(streamed)
    assert next(parts) == b"data: 0\n\n" and len(made) < 5
    assert [*parts] == [f"data: {n}\n\n".encode() for n in range(1, 5)]


def test_a_wsgi_app_streams_each_part_when_it_is_asked_for(serve: Callable[..., WebHandler]) -> None:
    log: list[str] = []

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            for n in range(5):
                log.append(str(n))
                yield str(n).encode()
        finally:
            log.append("closed")

    streamed = serve(app, streaming=True)(v2(), None)
    assert isinstance(streamed, Streamed)
    parts = iter(streamed)
    assert (next(parts), log) == (b"0", ["0"])
    assert (next(parts), log) == (b"1", ["0", "1"])
    streamed.close()
    assert log == ["0", "1", "closed"] and [*parts] == []


def test_an_asgi_app_whose_caller_leaves_is_stopped(serve: Callable[..., WebHandler]) -> None:
    log: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                await send({"type": "http.response.body", "body": b"tick", "more_body": True})
        finally:
            log.append("stopped")

    serves = serve(app, streaming=True)
    streamed = serves(v2(), None)
    assert isinstance(streamed, Streamed) and next(iter(streamed)) == b"tick"
    streamed.close()
    assert log == ["stopped"]


def test_a_stream_that_breaks_raises(serve: Callable[..., WebHandler]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ValueError("boom")

    streamed = serve(app, streaming=True)(v2(), None)
    assert isinstance(streamed, Streamed)
    with pytest.raises(ValueError, match="boom"):
        b"".join(streamed)


def test_other_front_ends_get_a_whole_response_from_a_streaming_handler(serve: Callable[..., WebHandler]) -> None:
    assert whole(serve(echo, streaming=True)(v1("/x"), None))["statusCode"] == 201
