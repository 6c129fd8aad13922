"""Real FastAPI, Django and Flask, in an environment of their own."""
from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.long import first_of

from .events import v1, v2

pytestmark = pytest.mark.slow

APPS = ["fastapi_app:app", "flask_app:app", "django_app:asgi", "django_app:wsgi"]
Serve = Callable[..., list[Any]]


@pytest.fixture
def serve(environment_of: Callable[..., Path], bundle: Path) -> Serve:
    python = environment_of("fastapi", "python-multipart", "django", "flask")

    def answers(app: str, *events: dict[str, Any], options: tuple[str, ...] = (), **environment: str) -> list[Any]:
        command = [str(python), "-W", "error::ResourceWarning", "run.py", app, *options]
        done = subprocess.run(command, cwd=Path(__file__).parent / "frameworks", text=True,
                              env={"PYTHONPATH": str(bundle), "PYTHONDONTWRITEBYTECODE": "1", **environment},
                              input="".join(json.dumps(e) + "\n" for e in events), capture_output=True, check=False)
        if done.returncode:
            return [{"init": done.stderr}]
        return [json.loads(line) for line in done.stdout.splitlines()] + ([{"log": done.stderr}] if done.stderr else [])

    return answers


@pytest.mark.parametrize("app", first_of(APPS))
def test_a_framework_sees_the_request_as_it_was_sent(serve: Serve, app: str) -> None:
    url, api, rest, *_ = serve(app, v2("/items/caf%C3%A9", query="q=1&q=a+b", cookies=["session=s1", "other=o"]),
                               v2("/prod/items/x", stage="prod"), v1("/items/x", query={"q": ["1", "2"]}))
    seen = json.loads(url["body"])
    assert (seen["name"], seen["session"], seen["client"], seen["event"]) == ("café", "s1", "203.0.113.9", "2.0")
    assert "q=1&q=a" in seen["query"] and seen["url"].endswith(seen["query"].replace(" ", "+"))
    assert seen["url"].startswith("https://abc.lambda-url.us-east-1.on.aws/items/caf")
    assert seen["link"] == "https://abc.lambda-url.us-east-1.on.aws/items/n"
    assert json.loads(api["body"])["link"] == "https://abc.lambda-url.us-east-1.on.aws/prod/items/n"
    assert json.loads(rest["body"])["name"] == "x"
    assert json.loads(rest["body"])["link"].endswith("amazonaws.com/prod/items/n")


@pytest.mark.parametrize("app", first_of(APPS))
def test_cookies_uploads_binary_and_failures(serve: Serve, app: str) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
    form = head + bytes(range(256)) + b"\r\n--x--\r\n"
    upload = v2("/upload", method="POST", headers={"content-type": "multipart/form-data; boundary=x",
                                                   "content-length": str(len(form))},
                body=b64encode(form).decode(), base64=True)
    cookies, uploaded, picture, failed, missing, *rest = serve(app, v2("/cookies"), upload, v2("/picture"), v2("/fail"),
                                                               v2("/nowhere"))
    assert [c.partition(";")[0] for c in cookies["cookies"]] == ["a=1", "b=2"]
    assert json.loads(uploaded["body"]) == {"name": "a.bin", "size": 256}
    assert picture["isBase64Encoded"] and picture["body"] == b64encode(b"\x89PNG\r\n").decode()
    assert (failed["statusCode"], missing["statusCode"]) == (500, 404)
    assert "boom" in rest[-1]["log"]


@pytest.mark.parametrize("app", first_of(APPS))
def test_a_streamed_response_arrives_part_by_part(serve: Serve, app: str) -> None:
    whole, *_ = serve(app, v2("/events"))
    assert whole["body"] == "".join(f"data: {n}\n\n" for n in range(4))
    streamed, *_ = serve(app, v2("/events"), options=("stream",))
    assert [part for part, _ in streamed["parts"]] == [f"data: {n}\n\n" for n in range(4)]
    times = [at for _, at in streamed["parts"]]
    assert times[3] - times[0] >= 0.25


def test_fastapis_lifespan_state_middleware_and_background_tasks(serve: Serve) -> None:
    first, second, item, big, down, *log = serve("fastapi_app:app", v2("/later"), v2("/later"), v2("/items/x"),
                                                 v2("/big", headers={"accept-encoding": "gzip"}))
    assert json.loads(first["body"]) == ["up"] and json.loads(second["body"]) == ["up", "mail sent"]
    assert json.loads(item["body"])["pool"] == "open" and item["headers"]["x-middleware"] == "seen"
    assert big["isBase64Encoded"] and big["headers"]["content-encoding"] == "gzip"
    assert down == "down" and not log


def test_a_failed_lifespan_is_told_in_the_apps_words(serve: Serve) -> None:
    assert serve("fastapi_app:app", BROKEN="1")[0]["init"].endswith("init: the app did not start: RuntimeError: no "
                                                                    "database at db:5432\n")
