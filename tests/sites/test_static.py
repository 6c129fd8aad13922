"""Sites of files behind a ``Router`` on stage ``local``: in a real browser, in `sst dev`, after a rollback."""
from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.browser import launch, needs_browser
from tests.dev.live import Dev, write
from tests.e2e.project import Project, call, eventually, project
from tests.long import first_of

pytestmark = [pytest.mark.emulator, pytest.mark.slow]
BIG = 20 << 20

CONFIG = '''
import sst
from sst import aws


def config(input):
    return sst.Config(name="pages")


def run():
    web = aws.Router("Web")
    api = aws.Function("Api", handler="api.handler", url={"router": {"instance": web, "path": "/api"}})
    aws.StaticSite("Docs", path="docs", error_page="404.html", router={"instance": web, "path": "/docs"})
    aws.StaticSite("Shop", path="spa", router={"instance": web})
    return {"web": web.url}
'''
API = '''
from base64 import b64decode
from urllib.parse import parse_qs


def handler(event, context):
    body = b64decode(event["body"]).decode() if event["isBase64Encoded"] else event["body"]
    said = parse_qs(body)["name"][0]
    cookies = ";".join(event.get("cookies", []))
    return {"statusCode": 200, "headers": {"content-type": "text/html"}, "cookies": [f"name={said}; Path=/; HttpOnly"],
            "body": f"<h1>Hello {said}</h1><p>{cookies}</p>"}
'''
FILES = {
    "sst_config.py": CONFIG, "api.py": API,
    "docs/index.html": "<link rel=stylesheet href=style.css><h1>Docs</h1><a href=guide/>guide</a>",
    "docs/style.css": "h1 { color: rgb(1, 2, 3) }", "docs/404.html": "<h1>Not here</h1>",
    "docs/guide/index.html": "<h1>Guide</h1>",
    "spa/index.html": "<div id=at></div><form method=post action=/api/hello><input name=name><button>send</button>"
                      "</form><script type=module src=/assets/app-Bx7fK2a9.js></script>",
    "spa/assets/app-Bx7fK2a9.js": "document.querySelector('#at').textContent = 'at ' + location.pathname;",
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    root = tmp_path_factory.mktemp("pages")
    with project(root, FILES) as made:
        (root / "docs/big.bin").write_bytes(os.urandom(1 << 20) * (BIG >> 20))
        made.sst("deploy")
        yield made


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as play:
        browser = launch(play)
        yield browser.new_page()
        browser.close()


@needs_browser
def test_a_browser_goes_through_the_sites(pages: Project, page: Page) -> None:
    web, errors = pages.outputs()["web"], list[str]()
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.goto(f"{web}/docs")
    assert page.url == f"{web}/docs/"
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(1, 2, 3)"
    page.click("text=guide")
    assert page.inner_text("h1") == "Guide" and page.url == f"{web}/docs/guide/"
    missing = page.goto(f"{web}/docs/nowhere")
    assert missing and missing.status == 404 and page.inner_text("h1") == "Not here"
    deep = page.goto(f"{web}/shop/items/7")
    assert deep and deep.status == 200 and page.inner_text("#at") == "at /shop/items/7"
    for name, cookies in (("Bob", ""), ("Eve", "name=Bob")):
        page.goto(f"{web}/shop")
        page.fill("input", name)
        page.click("button")
        assert page.inner_text("h1") == f"Hello {name}" and page.inner_text("p") == cookies
    assert errors == []


RESUMED = """async (url) => {
  const first = await fetch(url, {cache: "no-store"}), reader = first.body.getReader(), parts = [];
  let have = 0;
  for (; have < 5e6; have += parts.at(-1).length) parts.push((await reader.read()).value);
  await reader.cancel();
  const rest = await fetch(url, {cache: "no-store", headers: {
    range: `bytes=${have}-`, "if-range": first.headers.get("etag")}});
  const whole = await new Blob([...parts, await rest.blob()]).arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
  return [first.status, rest.status, Array.from(digest, (b) => b.toString(16).padStart(2, "0")).join("")];
}"""


@needs_browser
def test_a_browser_resumes_a_large_download(pages: Project, page: Page) -> None:
    web, whole = pages.outputs()["web"], (pages.root / "docs/big.bin").read_bytes()
    page.goto(f"{web}/docs/")
    assert page.evaluate(RESUMED, f"{web}/docs/big.bin") == [200, 206, hashlib.sha256(whole).hexdigest()]


def test_a_large_download_is_resumed(pages: Project) -> None:
    url, whole = f"{pages.outputs()['web']}/docs/big.bin", (pages.root / "docs/big.bin").read_bytes()
    head = dict(call(url, method="HEAD").headers)
    assert int(head["content-length"]) == BIG
    begun = raw(url, BIG // 3)
    assert len(begun) >= BIG // 3
    rest = raw(url, None, f"range: bytes={len(begun)}-", f"if-range: {head['etag']}")
    assert begun + rest == whole
    changed = raw(url, None, "range: bytes=100-", 'if-range: "another"')
    assert changed == whole, "another version is sent whole"


def raw(url: str, enough: int | None, *headers: str) -> bytes:
    """The body of an answer, or as much of it as came before the client went away."""
    host, _, path = url.removeprefix("http://").partition("/")
    with socket.create_connection((host.split(":")[0], int(host.split(":")[1])), timeout=30) as line:
        line.sendall("\r\n".join([f"GET /{path} HTTP/1.1", f"host: {host}", "connection: close", *headers, "",
                                  ""]).encode())
        data = b""
        while (enough is None or len(data) < enough + 4096) and (block := line.recv(1 << 18)):
            data += block
    return data.partition(b"\r\n\r\n")[2]


@pytest.mark.long
def test_a_rollback_uploads_nothing(pages: Project) -> None:
    web, file = pages.outputs()["web"], pages.root / "docs/guide/index.html"
    before = call(f"{web}/docs/guide/").body
    file.write_text("<h1>Another guide</h1>")
    assert "Docs/Site" in pages.sst("deploy")
    assert call(f"{web}/docs/guide/").body == "<h1>Another guide</h1>"
    bucket = next(b["Name"] for b in pages.client("s3").list_buckets()["Buckets"] if "docsassets" in b["Name"])
    there = {o["Key"]: o["LastModified"] for o in pages.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
             if not o["Key"].startswith(".sst/")}
    assert "1 updated" in pages.sst("rollback", "--yes")
    assert call(f"{web}/docs/guide/").body == before
    after = {o["Key"]: o["LastModified"] for o in pages.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
             if not o["Key"].startswith(".sst/")}
    assert after == there
    file.write_text(FILES["docs/guide/index.html"])


DEV = CONFIG.replace('path="spa"', 'path="spa", dev={"command": "python3 ../server.py", "url": "http://127.0.0.1:PORT"}')
SERVER = '''
import asyncio, base64, hashlib, pathlib, sys

PAGE = b"""<h1>first</h1><script>
new WebSocket(`ws://${location.host}/@hmr`).onmessage = (e) => { document.querySelector("h1").textContent = e.data; };
</script>"""


async def serve(reader, writer):
    head = (await reader.readuntil(b"\\r\\n\\r\\n")).decode()
    headers = dict(line.lower().split(": ", 1) for line in head.split("\\r\\n")[1:] if ": " in line)
    if "upgrade" not in headers:
        writer.write(b"HTTP/1.1 200 OK\\r\\ncontent-type: text/html\\r\\n"
                     b"content-length: %d\\r\\n\\r\\n%b" % (len(PAGE), PAGE))
        return writer.close()
    key = next(line for line in head.split("\\r\\n") if line.lower().startswith("sec-websocket-key")).split(": ")[1]
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    writer.write(b"HTTP/1.1 101 Switching Protocols\\r\\nupgrade: websocket\\r\\nconnection: upgrade\\r\\n"
                 b"sec-websocket-accept: " + base64.b64encode(digest) + b"\\r\\n\\r\\n")
    file, shown = pathlib.Path("message.txt"), ""
    while True:
        if (text := file.read_text()) != shown:
            shown = text
            writer.write(bytes([0x81, len(text)]) + text.encode())
            await writer.drain()
        await asyncio.sleep(0.05)


async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", PORT) as server:
        await server.serve_forever()

asyncio.run(main())
'''


@needs_browser
@pytest.mark.long
def test_the_server_of_a_generator_is_behind_the_router_with_its_websocket(tmp_path: Path, page: Page) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    files = {**FILES, "sst_config.py": DEV.replace("PORT", port), "server.py": SERVER.replace("PORT", port),
             "spa/message.txt": "hello"}
    dev = Dev(write(tmp_path, files)).ready()
    try:
        web = dev.url("web")
        eventually(lambda: call(web).status == 200)
        page.goto(web)
        page.wait_for_selector("text=hello")
        (tmp_path / "spa/message.txt").write_text("changed")
        page.wait_for_selector("text=changed")
        page.goto(f"{web}/docs/")
        assert page.inner_text("h1") == "Docs"
    finally:
        dev.close()


WRONG = CONFIG[:CONFIG.index("    web =")]
MISTAKES = [
    ('web.route("/job", aws.Function("Job", handler="api.handler"))', 'the function "Job" has no URL'),
    ('aws.StaticSite("Nowhere", path="nowhere")', "there is no folder 'nowhere'"),
    ('aws.StaticSite("Empty", path="empty")', "the folder 'empty' is empty"),
    ('aws.StaticSite("Docs", path="docs", error_page="missing.html")', "has no 'missing.html'"),
    ('aws.StaticSite("Docs", path="docs", router={"instance": web, "path": "/taken"})',
     'the route "/taken" of "Web" is declared twice'),
    ('aws.StaticSite("Docs", path="docs", edge={"viewer_request": {"injection": "x=1;" * 3000}})',
     "CloudFront takes 10,240"),
    ('aws.StaticSite("Docs", path="docs", domain="https://example.com")', "is not a domain name"),
    ('aws.StaticSite("Docs", path="docs", build={"command": "exit 3", "output": "made"})', "exit code 3"),
    ('aws.StaticSite("Docs", path="docs", build={"command": "true", "output": "made"})', "made no folder 'made'"),
    ('aws.StaticSite("Docs", path="docs", build={"command": "mkdir -p made", "output": "made"})',
     "the folder docs/made is empty"),
    ('aws.StaticSite("Docs", path="docs", build={"command": "echo the last line; exit 4", "output": "made"})',
     "the last line"),
]


@pytest.mark.parametrize(("line", "words"), first_of(MISTAKES))
def test_a_mistake_is_told_with_its_line_and_nothing_is_deployed(tmp_path: Path, line: str, words: str) -> None:
    program = f'{WRONG}    web = aws.Router("Web")\n    web.redirect("/taken", "https://example.com")\n    {line}\n'
    at = program[:program.index(line)].count("\n") + 1
    with project(tmp_path, {**FILES, "sst_config.py": program}) as made:
        (tmp_path / "empty").mkdir()
        failed = made.run("deploy" if "build" in line else "diff")
        said = failed.stdout + failed.stderr
        assert failed.returncode in (1, 2) and "Traceback" not in said
        assert words in said and f"sst_config.py:{at}" in said, said
        if "build" in line:
            assert "buckets" not in made.leftovers() or not made.client("s3").list_objects_v2(
                Bucket=made.leftovers()["buckets"][0]).get("KeyCount")


@pytest.mark.long
def test_a_server_whose_port_is_taken_is_told_in_one_line_and_not_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        files = {**FILES, "sst_config.py": DEV.replace("PORT", port), "server.py": SERVER.replace("PORT", port),
                 "spa/message.txt": "hello"}
        dev = Dev(write(tmp_path, files)).ready()
        try:
            dev.until(lambda: any(line.startswith("[Shop]") for line in dev.said))
            said = [line for line in dev.said if line.startswith("[Shop]")]
            assert said == [f"[Shop] not started: port {port} is taken by another program. End that, or have the "
                            "command use another port and name it in url="]
        finally:
            dev.close()
