"""APIs, function URLs, web apps and Node: one app behind real HTTP."""
from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.project import SST, Project, call, project

APP = Path(__file__).parent / "apps/web"

pytestmark = [pytest.mark.emulator, pytest.mark.slow]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    files = {str(f.relative_to(APP)): f.read_text() for f in APP.rglob("*") if f.suffix in (".py", ".mjs")}
    with project(tmp_path_factory.mktemp("web"), files) as made:
        made.sst("deploy")
        yield made


def test_a_web_app_answers_on_its_url_and_behind_the_api(app: Project) -> None:
    for base, path in ((app.outputs()["web"].rstrip("/"), "/any/where"), (app.outputs()["api"], "/web/here")):
        answer = call(f"{base}{path}?q=a%20b&q=c", headers={"cookie": "x=1; y=2"})
        assert answer.json == {"path": path, "query": "q=a%20b&q=c", "started": 1, "cookie": "x=1; y=2"}
        assert [v for k, v in answer.headers if k.lower() == "set-cookie"] == ["a=1", "b=2"]


def test_a_streamed_response_arrives_while_it_is_made(app: Project) -> None:
    with urllib.request.urlopen(f"{app.outputs()['web']}slow", timeout=30) as answer:
        assert answer.read1(100) == b"first "
        first = time.monotonic()
        assert answer.read() == b"second"
        assert time.monotonic() - first > 0.5


def test_authorizers_decide_who_may_call(app: Project) -> None:
    api = app.outputs()["api"]
    assert call(f"{api}/open").json == {}
    assert call(f"{api}/own").status == 401
    assert call(f"{api}/own", headers={"authorization": "wrong"}).status == 403
    assert call(f"{api}/own", headers={"authorization": "open sesame"}).json == {"lambda": {"who": "me"}}
    assert call(f"{api}/iam").status == 403
    assert call(f"{api}/nowhere").status == 404


def test_a_node_function_gets_cookies_binary_and_links_right(app: Project) -> None:
    answer = call(app.outputs()["node"], headers={"origin": "https://a.example"})
    assert answer.json == {"plain": "file"}
    headers = {k.lower(): v for k, v in answer.headers}
    assert headers["set-cookie"] == "c=3" and headers["access-control-allow-origin"] == "https://a.example"


@pytest.mark.long
def test_a_changed_line_is_live_after_the_next_deploy(app: Project) -> None:
    file = app.root / "app/auth.py"
    file.write_text(file.read_text().replace('{"who": "me"}', '{"who": "you"}'))
    assert "updated" in app.sst("deploy")
    answer = call(f"{app.outputs()['api']}/own", headers={"authorization": "open sesame"})
    assert answer.json == {"lambda": {"who": "you"}}


@pytest.mark.long
def test_urls_stay_when_the_cloud_is_killed(app: Project) -> None:
    before = app.outputs()
    import json

    os.kill(json.loads((app.root / ".sst/local/cloud.json").read_text())["pid"], signal.SIGKILL)
    assert "no changes" in app.sst("deploy")
    assert app.outputs() == before
    assert call(f"{before['api']}/open").status == 200


@pytest.mark.long
def test_a_deploy_killed_half_way_is_finished_by_the_next(app: Project) -> None:
    for pause in (0.3, 0.5, 0.8):
        app.write({"app/extra.py": f"# {pause}\n"})
        running = subprocess.Popen([SST, "deploy", "--stage", "local"], cwd=app.root, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(pause)
        running.kill()
        running.wait()
    app.sst("deploy")
    assert "no changes" in app.sst("diff")
    names = [f["FunctionName"] for f in app.client("lambda").list_functions()["Functions"]]
    assert len(names) == len({n.rpartition("-")[0] for n in names}) == 7


def test_without_a_network_what_is_there_still_deploys(app: Project) -> None:
    dead = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "UV_OFFLINE": "1"}
    app.write({"app/extra.py": "# offline\n"})
    assert "updated" in app.sst("deploy", **dead)


def test_what_was_removed_is_gone(app: Project) -> None:
    """The last test of this module: it takes everything down."""
    app.sst("remove", "--yes")
    assert app.leftovers() == {}
