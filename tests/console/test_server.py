"""Who is answered, and what the pages get."""
from __future__ import annotations

import json
import os
import socket
import stat
import threading

import pytest

from sst.console.server import ConsoleServer
from sst.console.serving import running
from sst.errors import UserError
from sst.project.project import Project, open_project

from .conftest import HOOK, ask, served

RUNS_TEXT = ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "new Function", "document.cookie")
REFUSED: list[dict[str, str | None]] = [
    {"authorization": None}, {"authorization": "Bearer wrong"}, {"authorization": "Bearer "}, {"host": "evil.com"},
    {"origin": "http://127.0.0.1:1"}, {"origin": "null"}, {"origin": "https://evil.com"},
    {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}, {"authorization": "Bearer \xe9"}]


@pytest.mark.parametrize("headers", REFUSED, ids=str)
def test_others_are_refused(console: ConsoleServer, headers: dict[str, str | None]) -> None:
    status, told, got = ask(console, "api/overview", **headers)
    assert status == 403 and told["code"] == "refused" and "Set-Cookie" not in got


@pytest.mark.parametrize("headers", [{"content_type": "text/plain"}, {"x_sst_console": None},
                                     {"content_type": "application/x-www-form-urlencoded"}], ids=str)
def test_a_form_of_a_page_changes_nothing(console: ConsoleServer, headers: dict[str, str | None]) -> None:
    assert ask(console, "api/do/replay", {"id": "1"}, **headers)[0] == 403


def test_its_own_page_is_answered(console: ConsoleServer) -> None:
    for headers in ({"origin": f"http://127.0.0.1:{console.port}"}, {"sec_fetch_site": "same-origin"},
                    {"host": f"localhost:{console.port}"}):
        assert ask(console, "api/app", **headers)[0] == 200
    status, page, got = ask(console, "", authorization=None)
    assert status == 200 and b"app.js" in page and "Set-Cookie" not in got
    assert "default-src 'none'" in got["Content-Security-Policy"] and got["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["..%2f..%2fserver.py", "../server.py", "%2e%2e/server.py", "static/app.js", "x.js",
                                  "app.js%00", "api/nothing", "api/invocations/999", "api/trace"])
def test_what_is_not_there(console: ConsoleServer, path: str) -> None:
    status, told, _ = ask(console, path)
    assert status == 404 and "error" in told


def test_a_port_that_is_taken(project: Project) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="is taken"):
            served(project, port=taken.getsockname()[1])


def test_a_second_console_finds_the_first(console: ConsoleServer, project: Project) -> None:
    assert running(project) == console.url
    file = project.root / ".sst" / "console" / "local.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    console.close()
    assert running(project) == ""


def test_streams_are_given_back(console: ConsoleServer) -> None:
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH112, PTH208
    for _ in range(200):
        with socket.create_connection(("127.0.0.1", console.port), 5) as line:
            line.sendall(f"GET /api/events HTTP/1.1\r\nhost: 127.0.0.1:{console.port}\r\nauthorization: Bearer "
                         f"{console.token}\r\n\r\n".encode())
            assert line.recv(1000).startswith((b"HTTP/1.1 200", b"HTTP/1.1 503"))
    done = threading.Event()
    for _ in range(100):
        if before == 0 or len(os.listdir("/proc/self/fd")) <= before + 20:  # noqa: PTH208
            break
        ask(console, "api/app")
        done.wait(0.1)
    else:
        raise AssertionError("connections are left open")


def test_news_come_when_something_is_recorded(console: ConsoleServer, project: Project) -> None:
    from .conftest import fill

    with socket.create_connection(("127.0.0.1", console.port), 5) as line:
        line.sendall(f"GET /api/events HTTP/1.1\r\nhost: 127.0.0.1:{console.port}\r\nauthorization: Bearer "
                     f"{console.token}\r\n\r\n".encode())
        stream = line.makefile("rb")
        first = next(json.loads(got) for got in stream if got.startswith(b'{"news"'))["news"]
        fill(project.root / ".sst" / "local", calls=1)
        after = next(json.loads(got) for got in stream if got.startswith(b'{"news"'))["news"]
    assert after["calls"] > first["calls"]


# what the pages get

def test_the_overview_says_what_is_wrong(console: ConsoleServer) -> None:
    _, d, _ = ask(console, "api/overview")
    assert d["failing"] | {"at": 0} == {
        "function": "Pictures/Thumb", "id": 3, "events": 1, "failed": 1, "tries": 2, "type": "KeyError", "at": 0,
        "place": "src/api.py:2"}
    assert d["total"]["calls"] == 3 and d["total"]["errors"] == 2
    assert d["wide"] == [{"source": "Api", "target": "Pictures", "verdict": "only writes"}]
    assert [p["name"] for p in d["parts"]] == ["Pictures", "Api", "Pictures/Thumb"]


def test_a_call_with_its_whole_trace(console: ConsoleServer) -> None:
    _, d, _ = ask(console, "api/invocations/2")
    assert [i["title"] for i in d["trace_of"]["invocations"]] == ["Api", "Pictures/Thumb", "Pictures/Thumb"]
    assert d["trace_of"]["calls"][0] | {"id": 0, "began": 0} == {
        "id": 0, "trace": "1-one", "parent": "a1", "span": "c1", "began": 0, "ms": 2.0, "service": "s3",
        "action": "PutObject", "resource": f"originals/{HOOK}", "status": 200, "error": "", "function": "shop-api",
        "presigned": 0, "part": "Pictures", "kind": "bucket"}
    [section] = d["failure"]["sections"]
    assert section["message"] == HOOK and section["frames"][0]["source"][1] == "    raise KeyError"


@pytest.mark.parametrize(("filter", "ids"), [
    ("", [3, 2, 1]), ("failed", [3, 2]), ("fn:Api", [1]), ('fn:"Pictures/Thumb"', [3, 2]), ("status:2xx", [1]),
    ("trigger:s3", [3, 2]), (">1s", []), (">1ms", [3, 2, 1]), ("trace:1-one", [3, 2, 1]), ("KeyError", [3, 2]),
    ("cold", []), ("100%", []), ("fn:none", []), ('has:"onerror"', [3, 2, 1]), ("status:xyz", [])])
def test_filters(console: ConsoleServer, filter: str, ids: list[int]) -> None:
    from urllib.parse import quote

    _, d, _ = ask(console, f"api/invocations?filter={quote(filter)}")
    assert [row["id"] for row in d["rows"]] == ids and d["count"] == len(ids)


def test_a_text_is_searched_for_with_its_quotes(console: ConsoleServer) -> None:
    from urllib.parse import quote

    for text, ids in (('src=x onerror="window', [3, 2, 1]), ('"a": 1', [3, 2]), ("failed", [])):
        _, d, _ = ask(console, f"api/invocations?search={quote(text)}")
        assert [row["id"] for row in d["rows"]] == ids and d["count"] == len(ids) and d["counted"]
    assert [r["id"] for r in ask(console, "api/invocations?search=KeyError&filter=failed&limit=1")[1]["rows"]] == [3]


def test_logs_are_found(console: ConsoleServer) -> None:
    assert [row["function"] for row in ask(console, "api/logs?text=onerror")[1]] == ["Pictures/Thumb"]
    assert ask(console, "api/logs?fn=Api")[1] == []


def test_the_graph_has_places_and_use(console: ConsoleServer) -> None:
    _, g, _ = ask(console, "api/graph")
    assert [(e["source"], e["target"], e["kind"], e["label"]) for e in g["edges"]] == [
        ("Pictures", "Pictures/Thumb", "event", "ObjectCreated:* originals/*"),
        ("Api", "Pictures", "grant", "read/write")]
    assert g["edges"][1]["used"] == {"PutObject": 1} and set(g["places"]) == {"Api", "Pictures", "Pictures/Thumb"}


def test_a_program_that_does_not_load_stops_no_other_page(console: ConsoleServer, project: Project) -> None:
    (project.root / "sst_config.py").write_text("def config(input:\n")
    status, told, _ = ask(console, "api/plan")
    assert status == 409 and "sst_config.py" in json.dumps(told)
    assert ask(console, "api/overview")[0] == 200


def test_a_stage_without_anything(project: Project) -> None:
    server = served(project)
    try:
        for page in ("overview", "graph", "deploys", "invocations", "logs"):
            assert ask(server, f"api/{page}")[0] == 200
    finally:
        server.close()


def test_a_damaged_file_is_told_and_the_others_work(console: ConsoleServer, project: Project) -> None:
    for file in (project.root / ".sst" / "local").glob("console.db*"):
        file.write_bytes(b"damaged" * 4096)
    status, told, _ = ask(console, "api/invocations")
    assert status == 409 and "can't be read" in told["error"]
    assert ask(console, "api/deploys")[0] == 200


def test_a_call_is_saved_as_a_test(console: ConsoleServer, project: Project) -> None:
    status, shown, _ = ask(console, "api/do/save-test", {"id": "1", "name": "first"})
    assert status == 200 and not (project.root / "tests").exists()
    assert 'made.result["statusCode"] == 202' in shown["files"]["tests/test_first.py"]
    assert ask(console, "api/do/save-test", {"id": "1", "name": "first", "write": True})[1]["written"]
    compile((project.root / "tests/test_first.py").read_text(), "test", "exec")
    assert ask(console, "api/do/save-test", {"id": "1", "name": "first", "write": True})[0] == 409


def test_read_only_allows_no_action(project: Project) -> None:
    server = served(project, read_only=True)
    try:
        for action in ("replay", "save-test"):
            status, told, _ = ask(server, f"api/do/{action}", {"id": "1"})
            assert status == 403 and "nothing can be changed" in told["error"]
        assert ask(server, "api/app")[1]["writes"] is False
    finally:
        server.close()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null"])
def test_a_body_that_is_no_object(console: ConsoleServer, body: bytes) -> None:
    status, _, _ = ask(console, "api/do/replay", body)
    assert status in (400, 404)


def test_pages_have_no_way_to_run_html() -> None:
    from pathlib import Path

    import sst.console

    for file in (Path(str(sst.console.__file__)).parent / "static").glob("*.js"):
        if file.name != "preact.js":
            text = file.read_text(encoding="utf-8")
            assert not [word for word in RUNS_TEXT if word in text], file.name


def test_all_that_is_served_is_small() -> None:
    from sst.console.server import STATIC

    assert sum(file.stat().st_size for file in STATIC.iterdir()) <= 200 * 1024


def test_a_stage_in_aws_is_asked_nothing_until_its_page_is_opened(project: Project) -> None:
    """Without credentials each call would fail."""
    (project.root / "sst_config.py").write_text(
        "import sst\n\ndef config(input):\n    return sst.Config(name='shop', home='local', region='us-east-1')\n\n"
        "def run():\n    pass\n")
    environ = {"HOME": str(project.root), "XDG_STATE_HOME": str(project.root / "state")}
    server = served(open_project(project.program.file, stage="far", environ=environ))
    try:
        for page in ("app", "overview", "graph", "deploys", "invocations", "logs", "secrets", "browse", "job"):
            status, told, _ = ask(server, f"api/{page}")
            assert status == 200, (page, told)
        assert ask(server, "api/app")[1]["writes"] is False and ask(server, "api/app")[1]["can_unlock"] is True
        assert ask(server, "api/do/plan-deploy", {})[0] == 403
        assert ask(server, "api/do/unlock", {"confirm": "far"})[1]["writes"] is True
    finally:
        server.close()


def test_the_cost_is_that_of_the_price_table(project: Project) -> None:
    """What has no price is unknown, and in no sum; the plan says what changes."""
    from sst.core.model import Entry, State

    from .conftest import opened

    def database(name: str, size: str) -> State:
        return State(f"sst.aws.Postgres/aws.rds.Instance::{name}/Instance", "aws.rds.Instance", name.lower(), {
            "engine": "postgres", "instance_class": size, "allocated_storage": 20}, provider="aws")

    backend = opened(project)
    with backend.stage.locked("deploy") as session:
        for state in (database("Orders", "db.t4g.micro"), database("Huge", "db.x9.huge")):
            session.write(Entry("made", state.urn, state=state))
        session.save()
    backend.close()
    server = served(project)
    try:
        d = ask(server, "api/cost")[1]
        assert [(c["name"], c["kind"], c["usd"], c["unknown"]) for c in d["components"]] == [
            ("Orders", "database", 13.98, 0), ("Huge", "database", 2.3, 1)]
        assert d["components"][1]["charges"][0] == {"resource": "Huge/Instance", "what": "db.x9.huge", "usd": None}
        assert (d["total"], d["unknown"], d["budget"], d["local"]) == (16.28, 1, None, True) and d["sources"]
        plan = ask(server, "api/cost-plan")[1]
        assert plan["removed"] == 16.28 and plan["total"] == 0
    finally:
        server.close()


def test_a_clock_that_stepped_back(console: ConsoleServer, project: Project) -> None:
    """Calls keep the order in which they came; none has a negative length, and each page answers."""
    import time

    from sst.embedded.record_file import RecordFile

    file, now = RecordFile(project.root / ".sst/local/console.db"), time.time()
    file.write([row for n, at in enumerate((now + 7200, now - 7200, now)) for row in (
        ("invocation", {"request": f"clock-{n}-request", "function": "shop-api", "trace": "1-clock", "parent": "",
                        "span": f"k{n}", "began": at, "trigger": "GET /clock"}),
        ("invocation", {"request": f"clock-{n}-request", "ms": 1.0, "took": 1.0, "response": "null"}))])
    file.close()
    rows = ask(console, "api/invocations?filter=trace:1-clock")[1]["rows"]
    assert [row["request"][6] for row in rows] == ["2", "1", "0"]
    for page in ("overview", "metrics?span=15m", "trace/1-clock", f"invocations/{rows[0]['id']}", "logs", "graph"):
        assert ask(console, f"api/{page}")[0] == 200, page
    total = ask(console, "api/overview")[1]["total"]
    assert total["calls"] == sum(total["plot"]) == 6 and min(total["plot"]) >= 0
