"""The app of a site in a container: what it sees of the visitor, by ASGI and by WSGI."""
from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sst.runtime.behind import HEALTH, Asgi, Wsgi, behind

FORWARDED = {"x-forwarded-host": "shop.example.com", "x-forwarded-proto": "http", "x-forwarded-port": "80",
             "x-sst-key": "k", "host": "lb.elb.amazonaws.com", "cookie": "a=1",
             "x-forwarded-for": "6.6.6.6, 203.0.113.9, 130.176.1.1"}


def by_asgi(path: str = "/shop/x", kind: str = "http", headers: dict[str, str] | None = None, root: str = "") -> Any:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    async def receive() -> Any:
        return {}

    async def send(message: Any) -> None:
        seen.append(message)

    given = [(k.encode(), v.encode()) for k, v in (FORWARDED if headers is None else headers).items()]
    scope = {"type": kind, "path": path, "headers": given, "scheme": "http", "client": ("10.0.0.1", 5), "root_path": ""}
    asyncio.run(Asgi(app, "https", root)(scope, receive, send))
    return seen[0]


def by_wsgi(path: str = "/shop/x", headers: dict[str, str] | None = None, root: str = "") -> Any:
    seen: list[Any] = []

    def app(environ: Any, start: Any) -> list[bytes]:
        seen.append(environ)
        return []

    given = {f"HTTP_{k.upper().replace('-', '_')}": v for k, v in (FORWARDED if headers is None else headers).items()}
    environ = {"PATH_INFO": path, "SCRIPT_NAME": "", "REMOTE_ADDR": "10.0.0.1", "wsgi.url_scheme": "http", **given}
    answer = Wsgi(app, "https", root)(environ, lambda status, headers: seen.append(status))
    return seen[0] if seen and path != HEALTH else (seen[0], list(answer))


def test_an_app_of_asgi_sees_the_visitor() -> None:
    scope = by_asgi(root="/shop")
    assert (scope["scheme"], scope["server"], scope["root_path"]) == ("https", ("shop.example.com", 443), "/shop")
    assert scope["client"] == ("203.0.113.9", 0)
    headers = dict(scope["headers"])
    assert headers == {b"host": b"shop.example.com", b"x-forwarded-proto": b"https", b"cookie": b"a=1",
                       b"x-forwarded-host": b"shop.example.com",
                       b"x-forwarded-for": FORWARDED["x-forwarded-for"].encode()}
    assert by_asgi(kind="websocket")["scheme"] == "wss"
    plain = by_asgi(headers={"host": "a.example:8443"})
    assert plain["server"] == ("a.example", 8443) and plain["client"] == ("10.0.0.1", 5)


def test_an_app_of_wsgi_sees_the_visitor() -> None:
    environ = by_wsgi(root="/shop")
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/shop", "/x")
    assert (environ["HTTP_HOST"], environ["SERVER_NAME"], environ["SERVER_PORT"]) == (
        "shop.example.com", "shop.example.com", "443")
    assert (environ["wsgi.url_scheme"], environ["HTTP_X_FORWARDED_PROTO"]) == ("https", "https")
    assert environ["REMOTE_ADDR"] == "203.0.113.9" and "HTTP_X_SST_KEY" not in environ
    assert by_wsgi("/shopping", root="/shop")["PATH_INFO"] == "/shopping"
    assert by_wsgi(headers={"host": "[::1]"})["SERVER_NAME"] == "[::1]"


def test_the_health_check_does_not_reach_the_app() -> None:
    assert by_asgi(HEALTH)["status"] == 200
    assert by_wsgi(HEALTH) == ("200 OK", [b"ok"])


@pytest.mark.parametrize(("name", "kind"), [("flat", Wsgi), ("asynchronous", Asgi), ("create_app()", Wsgi)])
def test_the_app_is_found_by_its_name(name: str, kind: type) -> None:
    assert isinstance(behind({"SST_APP": f"tests.runtime.apps:{name}", "SST_SITE": "http://127.0.0.1:80"}), kind)
