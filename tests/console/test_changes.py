"""Deploys, rollbacks and drift from the page: exactly what was shown is carried out, once, by whoever may."""
from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sst.console.server import ConsoleServer
from sst.project.project import Project, open_project

from ..cli.conftest import FILES
from .conftest import ask, served

CONFIG = ("import sst\nfrom files import Data, File\n\ndef config(input):\n    return sst.Config(name='shop'{more})\n\n"
          "def run():\n    {body}\n")


@pytest.fixture
def write(project: Project) -> Callable[..., None]:
    (project.root / "files.py").write_text(FILES)

    def write(body: str, more: str = "") -> None:
        (project.root / "sst_config.py").write_text(CONFIG.format(body=body, more=more))

    write('File("A", text="one")')
    return write


@pytest.fixture
def server(project: Project, write: Callable[..., None]) -> Iterator[ConsoleServer]:
    made = served(open_project(project.program.file, stage="local", environ={}))
    yield made
    made.close()


def things(project: Project) -> dict[str, Any]:
    folder = project.root / "things"
    found = [json.loads(file.read_text()) for file in folder.iterdir()] if folder.is_dir() else []
    return {thing["name"].split("-")[2]: thing for thing in found}


def do(server: ConsoleServer, verb: str, **body: Any) -> Any:
    status, told, _ = ask(server, f"api/do/{verb}", body)
    return told if status == 200 else {"status": status, **told}


def ended(server: ConsoleServer) -> Any:
    deadline = time.monotonic() + 20
    while (job := ask(server, "api/job")[1])["running"]:
        assert time.monotonic() < deadline, job
        time.sleep(0.01)
    return job


def deploy(server: ConsoleServer, **more: Any) -> Any:
    shown = do(server, "plan-deploy")
    answer = do(server, "run", id=shown["id"], **more)
    return ended(server) if "status" not in answer else answer


def test_what_was_shown_is_deployed_and_rolled_back(server: ConsoleServer, project: Project,
                                                    write: Callable[..., None]) -> None:
    shown = do(server, "plan-deploy")
    assert [(s["op"], s["name"]) for s in shown["steps"]] == [("create", "A")] and shown["loses"] == []
    assert shown["command"] == "sst deploy --stage local" and things(project) == {}
    do(server, "run", id=shown["id"])
    job = ended(server)
    assert job["error"] is None and [e["event"] for e in job["events"]][-1] == "finished"
    assert things(project)["A"]["text"] == "one"
    assert do(server, "run", id=shown["id"])["status"] == 409, "a plan is carried out once"
    write('File("A", text="two")')
    assert deploy(server)["error"] is None and things(project)["A"]["text"] == "two"
    back = do(server, "plan-rollback", to=1)
    assert back["command"] == "sst rollback 1 --stage local" and back["steps"][0]["changed"] == ["text"]
    do(server, "run", id=back["id"])
    assert ended(server)["error"] is None and things(project)["A"]["text"] == "one"


def test_a_plan_that_changed_since_it_was_shown_is_refused(server: ConsoleServer, project: Project,
                                                           write: Callable[..., None]) -> None:
    shown = do(server, "plan-deploy")
    write('File("A", text="another")')
    do(server, "run", id=shown["id"])
    job = ended(server)
    assert "the plan is another" in job["error"]["message"] and things(project) == {}
    assert deploy(server)["error"] is None
    back = do(server, "plan-rollback", to=0)
    write('File("A", text="third")')
    deploy(server)
    do(server, "run", id=back["id"])
    assert "another command changed the stage" in ended(server)["error"]["message"]
    assert things(project)["A"]["text"] == "third"


def test_two_tabs_press_deploy(server: ConsoleServer, project: Project, write: Callable[..., None]) -> None:
    write('File("A", slow=True)')
    one, two = do(server, "plan-deploy"), do(server, "plan-deploy")
    assert do(server, "run", id=one["id"])["running"]
    refused = do(server, "run", id=two["id"])
    assert refused["status"] == 409 and "runs already" in refused["error"]
    (project.root / "go").touch()
    assert ended(server)["error"] is None
    do(server, "run", id=two["id"])
    assert "the plan is another" in ended(server)["error"]["message"], "its plan was that of the state before"


def test_another_console_holds_the_lock(server: ConsoleServer, project: Project, write: Callable[..., None]) -> None:
    write('File("A", slow=True)')
    other = served(open_project(project.program.file, stage="local", environ={}))
    try:
        one, two = do(server, "plan-deploy"), do(other, "plan-deploy")
        do(server, "run", id=one["id"])
        deadline = time.monotonic() + 30
        while not ask(server, "api/job")[1]["events"]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        do(other, "run", id=two["id"])
        assert "lock" in json.dumps(ended(other)["error"])
        (project.root / "go").touch()
        assert ended(server)["error"] is None
    finally:
        (project.root / "go").touch()
        other.close()


def test_a_failure_is_told_with_its_place(server: ConsoleServer, write: Callable[..., None]) -> None:
    write('File("A", fail=True)')
    job = deploy(server)
    assert job["error"]["failures"][0]["name"] == "A" and "sst_config.py:8" in job["error"]["failures"][0]["where"]
    write("nonsense(")
    assert do(server, "plan-deploy")["status"] == 409


def test_data_is_lost_only_if_that_was_agreed_to(server: ConsoleServer, project: Project,
                                                 write: Callable[..., None]) -> None:
    write('Data("A", shape="x"); File("B")', ", removal='remove'")
    deploy(server)
    write('File("B")', ", removal='remove'")
    shown = do(server, "plan-deploy")
    assert shown["loses"] == ["A"]
    assert "data of A" in do(server, "run", id=shown["id"])["error"] and "A" in things(project)
    do(server, "run", id=shown["id"], agreed=["A"])
    assert ended(server)["error"] is None and set(things(project)) == {"B"}


def test_drift_is_accepted_or_reverted_as_it_was_shown(server: ConsoleServer, project: Project) -> None:
    deploy(server)
    [file] = (project.root / "things").iterdir()

    def by_hand(text: str) -> None:
        file.write_text(json.dumps({**json.loads(file.read_text()), "text": text}))

    by_hand("changed")
    seen = ask(server, "api/drift")[1]
    assert [(r["label"], r["state"], r["cloud"]) for r in seen["rows"]] == [("A.text", "one", "changed")]
    by_hand("again")
    do(server, "refresh", revert=["A.text"], shown=seen["rows"])
    assert "the drift is another" in ended(server)["error"]["message"] and things(project)["A"]["text"] == "again"
    seen = ask(server, "api/drift")[1]
    do(server, "refresh", revert=["A.text"], shown=seen["rows"])
    assert ended(server)["error"] is None and things(project)["A"]["text"] == "one"
    assert ask(server, "api/drift")[1]["rows"] == []


def test_secrets_are_names(server: ConsoleServer, project: Project) -> None:
    from .conftest import opened

    backend = opened(project)
    backend.secrets.set("Token", "very-hush-hush")
    backend.close()
    assert ask(server, "api/secrets")[1] == [{"name": "Token", "set": "stage", "linked": False}]


def test_metrics_are_series_over_time(console: ConsoleServer) -> None:
    found = ask(console, "api/metrics?span=15m")[1]
    by = {f["function"]: f for f in found["functions"]}
    assert sum(by["Pictures/Thumb"]["calls"]) == 2 and sum(by["Pictures/Thumb"]["errors"]) == 2
    assert [v for v in by["Api"]["p95"] if v is not None] == [5.0] and len(by["Api"]["calls"]) == 60
    assert ask(console, "api/metrics?span=1y")[0] == 409


def test_a_job_cannot_be_begun_where_nothing_may_change(project: Project, write: Callable[..., None]) -> None:
    write('File("A")', ", protect=True")
    server = served(open_project(project.program.file, stage="local", environ={}))
    try:
        for verb in ("plan-deploy", "plan-rollback", "run", "refresh"):
            assert do(server, verb)["status"] == 403
    finally:
        server.close()
    assert not Path(project.root, "things").exists()
