"""Sites with a server on stage ``local``: edge function, files, server, cache."""
from __future__ import annotations

import http.client
import json
import time
import urllib.request
from collections.abc import Iterator

import pytest

from tests.e2e.project import Project, call, eventually, project
from tests.sites import apps

pytestmark = [pytest.mark.emulator, pytest.mark.slow]

CONFIG = '''
import sst
from sst import aws


def config(input: sst.AppInput) -> sst.Config:
    return sst.Config(name="shop")


def run() -> dict[str, object]:
    bucket = aws.Bucket("Uploads")
    token = sst.Secret("Token", "tok-7f3e9a51")
    router = aws.Router("Main")
    web = aws.NodeServer("Web", path="web", entry="dist/main.js", link=[bucket, token])
    api = aws.FastApi("Api", app="api.main:app", static={"/assets": "files"}, link=[bucket, token],
                      router={"instance": router, "path": "/api"}, container=True)
    admin = aws.Flask("Admin", app="flat.main:create_app()", static={"/files": "files"}, link=[token])
    return {"web": web.url, "direct": web.server.url, "api": api.url, "behind": api.server.url, "admin": admin.url}
'''
API = '''
import asyncio
import json
import os

from sst import Resource

there = []


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    if scope["path"].endswith("/item"):
        status = 200 if there else 404
        there.extend([1] * (scope["method"] == "PUT"))
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})
        return
    if scope["path"].endswith("/slow"):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"first ", "more_body": True})
        await asyncio.sleep(0.7)
        await send({"type": "http.response.body", "body": b"last"})
        return
    headers = {k.decode(): v.decode() for k, v in scope["headers"]}
    told = {"path": scope["path"], "host": headers["host"], "scheme": scope["scheme"], "hosts": os.environ["SST_HOSTS"],
            "cookie": headers.get("cookie"), "bucket": Resource.Uploads.name, "token": len(Resource.Token.value),
            "key": "x-sst-key" in headers}
    await send({"type": "http.response.start", "status": 200, "headers": [
        (b"content-type", b"application/json"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})
'''
FLAT = '''
import time


def create_app():
    def app(environ, start):
        start("200 OK", [("content-type", "text/plain")])
        yield b"first "
        time.sleep(0.7)
        yield b"last"

    return app
'''


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    root = tmp_path_factory.mktemp("shop")
    apps.app("express", root / "web")
    files = {"sst_config.py": CONFIG, "api/main.py": API, "api/__init__.py": "", "files/logo.svg": "<svg/>",
             "flat/main.py": FLAT, "flat/__init__.py": ""}
    package = root / "web/package.json"
    told = "mkdir -p build && env > build/env && mkdir -p dist"
    package.write_text(package.read_text().replace("mkdir -p dist", told))
    with project(root, files) as made:
        made.sst("deploy", SHELL_TOKEN="tok-of-the-shell")
        yield made


def test_the_server_sees_what_the_visitor_sent(shop: Project) -> None:
    web = shop.outputs()["web"]
    seen = call(f"{web}/seen?q=a%20b", headers={"cookie": "a=1; b=2", "x-sst-key": "guessed"})
    port = web.rpartition(":")[2]
    assert seen.json == {"url": "/seen?q=a%20b", "protocol": "http", "host": "127.0.0.1", "cookie": "a=1; b=2"}
    assert [v for k, v in call(f"{web}/cookie", headers={"cookie": ""}).headers if k == "x-powered-by"] == ["express"]
    assert "shop-local-uploads" in call(web).body and int(port)
    assert call(f"{web}/nowhere").status == 404
    assert call(f"{web}/upload", method="POST", body=bytes(range(256)) * 12 * 1024,
                headers={"content-type": "application/octet-stream"}).json == {"size": 3 * 1024 * 1024}


def test_a_build_gets_its_links_and_not_the_users_shell(shop: Project) -> None:
    seen = dict(line.split("=", 1) for line in (shop.root / "web/build/env").read_text().splitlines() if "=" in line)
    assert json.loads(seen["SST_RESOURCE_Uploads"])["name"].startswith("shop-local-uploads") and seen["CI"] == "1"
    assert "tok-of-the-shell" not in seen.values() and not [name for name in seen if name.startswith("AWS_")]


def test_the_first_part_comes_before_the_last_and_nothing_is_kept(shop: Project) -> None:
    outputs = shop.outputs()
    for url in (f"{outputs['web']}/slow", f"{outputs['api']}/slow", outputs["admin"]):
        for _ in range(2):
            with urllib.request.urlopen(url, timeout=30) as answer:
                assert answer.read1(100) == b"first "
                came = time.perf_counter()
                assert answer.read() == b"last"
                assert answer.headers["x-cache"] == "Miss from cloudfront"
            between = time.perf_counter() - came
        assert between > 0.2, f"the first part of {url} waits for the last, which is made 0.7 s later"


def test_a_python_app_is_behind_a_router_with_its_files(shop: Project) -> None:
    api = shop.outputs()["api"]
    answer = call(f"{api}/items", headers={"cookie": "x=1"})
    host = api.removeprefix("http://").removesuffix("/api")
    assert answer.json["host"] == answer.json["hosts"] == host
    assert (answer.json["path"], answer.json["scheme"], answer.json["token"]) == ("/api/items", "http", 12)
    assert (answer.json["cookie"], answer.json["key"]) == ("x=1", False)
    assert [v for k, v in answer.headers if k == "set-cookie"] == ["a=1", "b=2"]
    logo = call(f"{api}/assets/logo.svg")
    assert logo.body == "<svg/>" and "image/svg+xml" in dict(logo.headers)["content-type"]


def test_an_error_of_one_visitor_is_not_what_the_next_one_gets(shop: Project) -> None:
    item = f"{shop.outputs()['api']}/item"
    assert [call(item, method=method).status for method in ("GET", "PUT", "GET")] == [404, 404, 200]


def test_no_link_is_in_the_files_of_a_python_app(shop: Project) -> None:
    s3 = shop.client("s3")
    buckets = [b["Name"] for b in s3.list_buckets()["Buckets"] if "assetsbucket" in b["Name"]]
    served = [s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read() for bucket in buckets
              for found in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]
    assert b"<svg/>" in served and not any(b"tok-7f3e9a51" in content for content in served)


def test_the_parts_of_an_answer_do_not_wait_for_the_visitor_to_confirm_each(shop: Project) -> None:
    line, shortest = http.client.HTTPConnection(shop.outputs()["web"].removeprefix("http://"), timeout=30), 60.0
    for _ in range(200):        # where it waits each takes longer, on a busy machine not each is shorter
        began = time.perf_counter()
        line.request("GET", "/")
        assert b"Home" in line.getresponse().read()
        shortest = min(shortest, time.perf_counter() - began)
        if shortest < 0.035:
            break
    line.close()
    assert shortest < 0.035, "the system confirms after 40 ms"


@pytest.mark.parametrize("name", ["direct", "behind"])
def test_nobody_gets_around_the_cdn(shop: Project, name: str) -> None:
    url = shop.outputs()[name]
    for method, body in (("GET", None), ("POST", b"x=1")):
        refused = call(url, method=method, body=body, headers={"x-sst-key": "0" * 64, "x-forwarded-host": "a.example"})
        assert (refused.status, refused.body) == (403, "Forbidden")


def test_a_body_over_the_limit_of_a_function_is_refused_and_its_log_says_what_takes_it(shop: Project) -> None:
    web = shop.outputs()["web"]
    for size, status in ((4 * 1024 * 1024, 200), (5 * 1024 * 1024, 413)):      # in base64 a third more
        sent = call(f"{web}/upload", method="POST", body=bytes(size), headers={"content-type": "image/png"})
        assert sent.status == status
    eventually(lambda: "cluster=cluster of a site takes more" in shop.sst("logs", "Web/Server"), seconds=20)


def test_nothing_changed_nothing_done_and_a_comment_uploads_nothing(shop: Project) -> None:
    assert "no changes" in shop.sst("deploy")
    source = shop.root / "web/README.md"
    source.write_text("a new file that the server does not need")
    said = shop.sst("deploy")
    assert "Web/Build" in said and "Web/Server/Function" not in said and "Web/Site" not in said


def test_a_build_that_fails_deploys_nothing_and_shows_its_words(shop: Project) -> None:
    package = shop.root / "web/package.json"
    before = package.read_text()
    package.write_text(before.replace("mkdir -p dist", "echo no such page >&2; exit 3; mkdir -p dist"))
    try:
        failed = shop.run("deploy")
        assert failed.returncode != 0 and "no such page" in failed.stdout + failed.stderr
        assert "exit code 3" in failed.stdout + failed.stderr
        assert call(shop.outputs()["web"]).status == 200
    finally:
        package.write_text(before)
