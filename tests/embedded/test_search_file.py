"""The file of writes of OpenSearch on stage ``local``: shortened, it makes the same again, and a kill loses nothing."""
from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sst.embedded.environment import ensure_program
from sst.embedded.ports import free_port
from sst.embedded.services.opensearch import OpenSearch

pytestmark = [pytest.mark.emulator, pytest.mark.long]


class Server:
    """The server by itself, over HTTP."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port(0)
        self.service = OpenSearch("one", ensure_program("opensearch", os.environ), "me", "pw")
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.service.command(self.folder, self.port),
                                        env=dict(self.service.environment(self.folder)))
        until(lambda: self.service.ready(self.port))

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()

    def ask(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, method=method, headers={
            "Authorization": "Basic " + base64.b64encode(b"me:pw").decode(), "Content-Type": kind})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    @property
    def size(self) -> int:
        return (self.folder / "writes").stat().st_size

    def everything(self) -> Any:
        self.ask("POST", "/_refresh")
        indices = self.ask("GET", "/_all")
        for about in indices.values():
            for name in ("uuid", "creation_date"):
                about["settings"]["index"].pop(name)
        found = {name: self.ask("POST", f"/{name}/_search", {"size": 10_000, "version": True, "sort": [{"_id": "asc"}]}
                                )["hits"]["hits"] for name in indices}
        return indices, found, [self.ask("GET", f"/{p}") for p in ("_index_template", "_template", "_cluster/settings")]


def until(so: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path)
    yield one
    one.kill()


def fill(server: Server) -> None:
    """Indices with settings, aliases, routing and versions, and templates that apply to none of them any more."""
    server.ask("PUT", "/books", {"settings": {"number_of_shards": 2, "analysis": {"analyzer": {
        "own": {"type": "custom", "tokenizer": "whitespace", "filter": ["lowercase"]}}}},
        "mappings": {"properties": {"title": {"type": "text", "analyzer": "own"}}}, "aliases": {"old": {}}})
    server.ask("PUT", "/_index_template/logs", {"index_patterns": ["lo*"], "template": {
        "mappings": {"properties": {"level": {"type": "keyword"}}}}})
    server.ask("POST", "/logs/_doc/1?routing=here", {"level": "warn", "n": 1.5})
    server.ask("PUT", "/_index_template/logs", {"index_patterns": ["lo*"], "template": {
        "mappings": {"properties": {"level": {"type": "text"}}}}})
    server.ask("PUT", "/_template/gone", {"index_patterns": ["b*"]})
    server.ask("DELETE", "/_template/gone")
    server.ask("PUT", "/_cluster/settings", {"persistent": {"action.auto_create_index": "true"}})
    server.ask("PUT", "/gone/_doc/1", {"x": 1})
    server.ask("DELETE", "/gone")
    server.ask("PUT", "/books/_doc/a%2Fb?version=7&version_type=external", {"title": "Größe 書"})
    server.ask("PUT", "/raw", {"mappings": {"enabled": False}})
    server.ask("POST", "/_aliases", {"actions": [{"add": {"index": "logs", "alias": "now"}}]})


def test_the_file_is_bounded_by_what_there_is(server: Server) -> None:
    fill(server)
    for n in range(60):
        server.ask("PUT", f"/raw/_doc/{n % 3}", {"title": f"{n} " + "x" * 100_000})
    until(lambda: server.size < 2 << 20)
    before = server.everything()
    server.ask("PUT", "/books/_doc/last", {"title": "after"})
    server.kill()
    server.start()
    indices, found, settings = server.everything()
    assert [d["_source"]["title"] for d in found["books"] if d["_id"] == "last"] == ["after"]
    server.ask("DELETE", "/books/_doc/last")
    assert server.everything() == before
    hits = server.ask("POST", "/books/_search", {"version": True, "query": {"match": {"title": "größe"}}})["hits"]
    assert [(h["_id"], h["_version"]) for h in hits["hits"]] == [("a/b", 7)], "the analyzer is that of the index"
    assert indices["logs"]["mappings"]["properties"]["level"] == {"type": "keyword"}
    assert sorted(indices) == ["books", "logs", "raw"]
    assert set(indices["logs"]["aliases"]) == {"now"}
    assert "text" in json.dumps(settings[0]) and "gone" not in settings[1]


def test_kills_while_it_is_shortened_lose_nothing_that_was_answered(server: Server) -> None:
    """Killed where the second engine runs, and at random moments: what was answered is there, each time."""
    chosen, answered, shortened = random.Random(7), {}, 0
    fill(server)
    for turn in range(4):
        before = server.size
        for _ in range(chosen.randrange(10, 30)):
            key = str(chosen.randrange(4))
            text = hashlib.sha256(str(chosen.random()).encode()).hexdigest() * 1500
            server.ask("PUT", f"/raw/_doc/{key}", {"title": text})
            answered[key] = text
            if (server.folder / "writes.new").exists() and turn % 2:
                break
        if not turn % 2:
            until(lambda: server.size < 2 << 20)
            shortened += server.size < before
        server.kill()
        server.start()
        there = {d["_id"]: d["_source"]["title"] for d in server.everything()[1]["raw"]}
        assert there == answered
    assert shortened


def test_what_no_request_makes_again_keeps_the_file_as_it_is(server: Server) -> None:
    server.ask("PUT", "/shut", {})
    server.ask("POST", "/shut/_close")
    server.ask("PUT", "/raw", {"mappings": {"enabled": False}})
    for n in range(30):
        server.ask("PUT", "/raw/_doc/1", {"title": f"{n} " + "x" * 100_000})
    assert server.size > 3 << 20
    server.kill()
    server.start()
    assert server.ask("GET", "/raw/_doc/1")["_source"]["title"].startswith("29 ")
    with pytest.raises(urllib.error.HTTPError):
        server.ask("GET", "/shut/_search")


def test_a_full_disk_keeps_the_file_as_it_is(tmp_path: Path) -> None:
    """The folder of the shortened file can't be written to: what is kept is what was."""
    (tmp_path / "data").mkdir()
    one = Server(tmp_path / "data")
    try:
        (one.folder / "writes.new").symlink_to("/dev/full")
        one.ask("PUT", "/raw", {"mappings": {"enabled": False}})
        for n in range(30):
            one.ask("PUT", "/raw/_doc/1", {"title": f"{n} " + "x" * 100_000})
        one.kill()
        one.start()
        assert one.ask("GET", "/raw/_doc/1")["_source"]["title"].startswith("29 ")
    finally:
        one.kill()
        shutil.rmtree(tmp_path / "data")
