"""Handlers of Lambda behind a server of Node, as a container has them."""
from __future__ import annotations

import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from http.client import IncompleteRead
from pathlib import Path

import pytest

import sst.runtime
from tests.e2e.project import call

SERVICE = Path(sst.runtime.__file__).parent / "site" / "service.mjs"
APP = """
import http from "node:http";
import { listener } from "./service.mjs";

const whole = async (event) => ({ statusCode: 201, headers: { "x-query": event.rawQueryString }, isBase64Encoded: true,
  cookies: ["a=1", "b=2"], body: Buffer.concat([Buffer.from("got "), event.body]).toString("base64") });
const written = async (event, stream) => {
  const cookies = event.cookies ? [event.cookies.join("|")] : [];
  const head = JSON.stringify({ statusCode: 202, cookies, headers: { connection: "close" } });
  stream.write(head.slice(0, 5));
  stream.write(head.slice(5));
  stream.write(new Uint8Array(8));
  if (event.rawPath === "/broken") throw new Error("broken");
  stream.write("first");
  await new Promise((done) => setTimeout(done, event.rawPath === "/slow" ? 400 : 0));
  for (let i = 0; i < 64; i++) {
    if (!stream.write(Buffer.alloc(65536, 97))) await new Promise((done) => stream.once("drain", done));
  }
  stream.end("last");
};
const failing = async () => { throw new Error("no"); };
const server = http.createServer(listener(({ rawPath }) => rawPath === "/whole" ? { handler: whole }
  : rawPath === "/fails" ? { handler: failing } : { handler: written, streams: true }));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("service")
    shutil.copyfile(SERVICE, folder / "service.mjs")
    (folder / "app.mjs").write_text(APP)
    with subprocess.Popen(["node", "app.mjs"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True) as process:
        assert process.stdout
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


def test_an_answer_that_is_made_whole(url: str) -> None:
    answer = call(f"{url}/whole?a=1&b=%20", method="POST", body=b"sent")
    assert (answer.status, answer.body, dict(answer.headers)["x-query"]) == (201, "got sent", "a=1&b=%20")
    assert [v for k, v in answer.headers if k == "set-cookie"] == ["a=1", "b=2"]


def test_an_answer_that_is_written_in_parts(url: str) -> None:
    answer = call(f"{url}/", headers={"cookie": "x=1; y=2"})
    assert answer.status == 202 and answer.body == "first" + "a" * 65536 * 64 + "last"
    assert [v for k, v in answer.headers if k == "set-cookie"] == ["x=1|y=2"]
    with urllib.request.urlopen(f"{url}/slow", timeout=60) as slow:
        assert slow.read1(65536) == b"first" and slow.read().endswith(b"last")


def test_a_handler_that_fails(url: str) -> None:
    assert (call(f"{url}/fails").status, call(f"{url}/fails").body) == (500, "Internal Server Error")
    with pytest.raises((IncompleteRead, OSError)):
        call(f"{url}/broken")
    assert call(f"{url}/").status == 202
