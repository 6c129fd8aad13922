"""Commands and actions on this machine: real processes, real files."""
from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from sst.build.source import Source
from sst.clouds.local.artefacts import Artefacts
from sst.clouds.local.provider import LocalProvider
from sst.core.model import Entry, Op
from sst.engine.deploy import deploy
from sst.engine.plan import plan
from sst.engine.record import pending
from sst.engine.rollback import goals_of
from sst.errors import ProviderError, UserError
from sst.events import StepNote
from sst.state.keys import MemoryKeys
from sst.state.records import Box, entry_record
from tests.fakes import MemoryJournal, agree

from ..provider_suite import Case, ProviderSuite, Stage

BUILD = """
import os, pathlib
out = pathlib.Path("dist"); out.mkdir(exist_ok=True)
(out / "index.html").write_text(pathlib.Path("page.txt").read_text().strip())
with open("../runs", "a") as runs: runs.write("x")
print("key", os.environ.get("KEY"))
"""


def provider_of(project: Path) -> LocalProvider:
    return LocalProvider(Artefacts(project, project / ".sst" / "cache"), environ={"PATH": os.environ["PATH"]})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    (made / "web").mkdir(parents=True)
    (made / "web" / "build.py").write_text(BUILD)
    (made / "web" / "page.txt").write_text("one")
    (made / "runs").write_text("")
    return made


def command(**more: Any) -> dict[str, Any]:
    return {"command": [sys.executable, "build.py"], "folder": "web", "output": "dist", **more}


@pytest.fixture
def stage(project: Path) -> Stage:
    return Stage(Case(provider_of(project), "local", "local.Command", {}, {}, {}, "contents"))


def action(**more: Any) -> dict[str, Any]:
    return {"command": "echo ran >> runs", "folder": ".", **more}


@pytest.fixture
def actions(project: Path) -> Stage:
    return Stage(Case(provider_of(project), "local", "local.Action", {}, {}, {}, "run"))


class TestCommandsInTheSuite(ProviderSuite):
    @pytest.fixture
    def case(self, project: Path) -> Case:
        return Case(provider_of(project), "local", "local.Command", command(), command(environment={"KEY": "other"}),
                    {}, "contents", reads=False)


class TestActionsInTheSuite(ProviderSuite):
    @pytest.fixture
    def case(self, project: Path) -> Case:
        return Case(provider_of(project), "local", "local.Action", action(trigger=1), {"command": "true"},
                    {"trigger": 2}, "run", reads=False, user=action(), uses="trigger")


def test_it_runs_only_when_a_file_that_it_reads_has_changed(project: Path, stage: Stage) -> None:
    inputs = command(inputs=["*.py", "page.txt"])
    runs = project / "runs"
    stage.deploy(inputs).check()
    stage.deploy(inputs).check()
    (project / "web" / "notes.md").write_text("nobody reads this")
    (project / "web" / "dist" / "index.html").touch()
    stage.deploy(inputs).check()
    assert runs.read_text() == "x"
    (project / "web" / "page.txt").write_text("two")
    step, = stage.plan(inputs).changes
    assert (step.op, step.changed) == (Op.UPDATE, {"inputs"})
    stage.deploy(inputs).check()
    assert runs.read_text() == "xx" and not stage.plan(inputs).changes


def test_who_uses_the_same_output_sees_no_change(project: Path, stage: Stage) -> None:
    stage.case.user_type, stage.case.uses = "local.Action", "trigger"
    stage.case.user = {"command": "echo used >> used"}
    stage.deploy(command(), user=True).check()
    (project / "web" / "page.txt").write_text("one\n")      # the command strips it: the same page again
    assert {s.name for s in stage.plan(command(), user=True).changes} == {"One", "Two"}, "the plan can't know"
    stage.deploy(command(), user=True).check()
    assert (project / "runs").read_text() == "xx" and (project / "used").read_text() == "used\n"
    (project / "web" / "page.txt").write_text("two")
    stage.deploy(command(), user=True).check()
    assert (project / "used").read_text() == "used\nused\n"


def test_its_output_is_shown_line_by_line_and_the_state_stays_small(project: Path, stage: Stage) -> None:
    (project / "web" / "build.py").write_text(
        "import pathlib\npathlib.Path('dist').mkdir()\n"
        "for n in range(1000): pathlib.Path(f'dist/{n}.txt').write_text(str(n))\nprint('first')\nprint('last')")
    stage.deploy(command()).check()
    assert [e.text for e in stage.events if isinstance(e, StepNote)] == ["first", "last"]
    state = stage.state()
    assert state.outputs["files"] == 1000 and state.outputs["bytes"] == sum(len(str(n)) for n in range(1000))
    assert len(str(state)) < 2000


@pytest.mark.parametrize("inputs", [{"folder": "../outside"}, {"folder": "nowhere"}, {"command": ["no-such-program"]},
                                    {"command": 5}, {"environment": {"N": 3}}, {"command": "exit 1"},
                                    {"command": "kill -9 $$"}, {"command": "a\0b"}], ids=str)
@pytest.mark.parametrize("kind", ["local.Action", "local.Command"])
def test_a_step_that_failed_here_leaves_nothing_to_ask_for(kind: str, inputs: dict[str, Any], project: Path) -> None:
    good = {"command": "true", "folder": "."}
    for first in ([], [good]):
        stage = Stage(Case(provider_of(project), "local", kind, {}, {}, {}, "run"))
        for before in first:
            stage.deploy({**before, **({"trigger": 1} if kind == "local.Action" else {})}).check()
        wrong = {**good, **inputs, **({"trigger": 2} if kind == "local.Action" else {})}
        try:
            result = stage.deploy(wrong)
        except UserError:  # seen by the plan
            continue
        assert isinstance(result.failures[0].error, ProviderError) and not stage.journal.snapshot.pending
        stage.deploy({**good, **({"trigger": 2} if kind == "local.Action" else {})}).check()
        assert not stage.journal.snapshot.pending


def test_a_failure_shows_the_last_lines_and_the_exit_code_and_runs_again(project: Path, stage: Stage) -> None:
    stage.deploy(command()).check()
    before = stage.state()
    (project / "web" / "build.py").write_text(
        "import sys\nfor n in range(50): print('line', n)\nsys.exit('no such page')")
    result = stage.deploy(command())
    said = str(result.failures[0].error)
    assert "exit code 1" in said and "line 49" in said and "no such page" in said and "line 20\n" not in said
    assert stage.state() == before and not stage.journal.snapshot.pending
    assert [s.op for s in stage.plan(command()).changes] == [Op.UPDATE]


def test_a_build_that_failed_is_not_pending(project: Path) -> None:
    build = Stage(Case(provider_of(project), "local", "local.Build", {}, {}, {}, "path"))
    source = Source(str(project), "api.handler", "python3.12").to_dict()
    result = build.deploy({"source": {**source, "root": ""}, "fingerprint": "f"})
    assert "api.py" in str(result.failures[0].error) and "hint" in str(result.failures[0].error)
    assert not build.journal.snapshot.resources and not build.journal.snapshot.pending


def test_a_command_that_makes_no_folder_fails(project: Path, stage: Stage) -> None:
    result = stage.deploy(command(output="public"))
    assert "made no folder 'public'" in str(result.failures[0].error)
    assert not stage.journal.snapshot.resources and not stage.journal.snapshot.pending


def test_secret_variables_are_hidden_in_output_journal_and_error(project: Path, stage: Stage) -> None:
    (project / "web" / "build.py").write_text("import os, sys\nprint('key', os.environ['KEY'])\nsys.exit(3)")
    secret = "s3cret-value-of-key"
    inputs = command(environment={"KEY": secret})
    goal = stage.goal("One", "local.Command", inputs)
    operation = pending(goal, Op.CREATE, "", inputs, None)
    notes: list[str] = []
    with pytest.raises(ProviderError) as failed:
        stage.case.provider.create(replace(operation, secret=("environment",)), notes.append)
    assert notes == ["key ***"] and secret not in str(failed.value)
    box = Box(MemoryKeys(), "lineage")
    record = entry_record(Entry("begin", goal.urn, pending=replace(operation, secret=("environment",))), box)
    assert secret not in str(record)


def test_ctrl_c_ends_it(project: Path, stage: Stage) -> None:
    (project / "web" / "build.py").write_text(
        "import time, pathlib\npathlib.Path('../pid').write_text('there')\nprint('begun', flush=True)\ntime.sleep(600)")
    results: list[Any] = []
    stop = Event()
    thread = Thread(target=lambda: results.append(stage.deploy(command(), stop=stop)))
    thread.start()
    while not any(isinstance(e, StepNote) for e in stage.events):
        time.sleep(0.01)
    stop.set()
    thread.join(30)
    assert "was stopped" in str(results[0].failures[0].error)
    assert not stage.journal.snapshot.pending


def test_what_a_command_leaves_running_is_ended(project: Path, stage: Stage) -> None:
    stage.deploy(command(command="sleep 600 & echo $! > ../pid; mkdir dist")).check()
    pid = int((project / "pid").read_text())
    for _ in range(500):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if sys.platform == "linux" and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.01)
    pytest.fail("it still runs")


def test_an_action_runs_once_for_each_value_of_its_trigger(project: Path, actions: Stage) -> None:
    for trigger in (1, 1, 2, 2):
        actions.deploy(action(trigger=trigger)).check()
    assert (project / "runs").read_text() == "ran\nran\n"
    actions.deploy(action(trigger=2, command="echo other >> runs")).check()
    assert (project / "runs").read_text() == "ran\nran\n"


def test_an_action_that_failed_runs_again(project: Path, actions: Stage) -> None:
    actions.deploy(action(trigger=1)).check()
    assert actions.deploy(action(trigger=2, command="exit 4")).failures
    actions.deploy(action(trigger=2)).check()
    assert (project / "runs").read_text() == "ran\nran\n"


def test_a_rollback_runs_no_action(project: Path, actions: Stage) -> None:
    actions.deploy(None).check()
    empty = actions.journal.snapshot
    actions.deploy(action(trigger=1)).check()
    first = actions.journal.snapshot
    actions.deploy(action(trigger=2)).check()
    provider = actions.case.provider
    for before, now in ((first, actions.journal.snapshot), (first, empty)):
        graph = goals_of(before, now, lambda item: provider, app="app", stage="test")
        assert not plan(graph, now, lambda item: provider).changes
        deploy(graph, MemoryJournal(now), lambda item: provider, actions.events.append, confirm=agree).check()
    assert (project / "runs").read_text() == "ran\nran\n"
