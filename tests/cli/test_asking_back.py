"""Questions of refresh, rollback, adopt and orphans, answered on a terminal."""
from __future__ import annotations

import json

import pytest

from .conftest import Project
from .test_asking import ask
from .test_drift import TWO, by_hand
from .test_rollback import texts


@pytest.mark.long
def test_each_row_is_asked_for(project: Project) -> None:
    project.program(TWO + '\nFile("C", text="three")')
    project.run("deploy")
    for name in "ABC":
        by_hand(project, name, text="by hand")
    code, text = ask(project, ["refresh"], ("A.text: accept, revert or leave? (a/r/L)", "a"),
                     ("B.text: accept", "what?"),
                     ("a: accept", "r"), ("C.text: accept", ""))
    assert code == 0 and "1 accepted into the state, 1 reverted in the cloud, 1 left as it is" in text
    assert texts(project) == {"A": "by hand", "B": "two", "C": "by hand"}
    assert 'text: "by hand" → "one"' in project.run("diff").out


def test_after_a_failure_it_asks_whether_to_go_back(project: Project) -> None:
    project.program('File("A", text="one")')
    project.run("deploy")
    project.program('File("A", text="two")\nFile("Bad", fail=True)')
    code, text = ask(project, ["deploy", "--on-failure", "ask"],
                     ("Roll back to the state before this deploy? (y/N)", "n"))
    assert code == 2 and "completed steps are kept" in text
    assert texts(project)["A"] == "two" and text.count("could not be created") == 1
    project.program('File("A", text="three")\nFile("Bad", fail=True)')
    code, text = ask(project, ["deploy", "--on-failure", "ask"], ("Roll back to the state", "y"))
    assert code == 2 and "rolled back" in text and texts(project)["A"] == "two"


@pytest.mark.long
def test_a_rollback_shows_its_plan_first(project: Project) -> None:
    for n in ("one", "two"):
        project.program(f'File("A", text="{n}")')
        project.run("deploy")
    code, text = ask(project, ["rollback"], ("Roll back? (y/N)", "n"))
    assert code == 1 and '"two" → ' in text and "not confirmed" in text and texts(project)["A"] == "two"
    code, text = ask(project, ["rollback"], ("Roll back? (y/N)", "y"))
    assert code == 0 and texts(project)["A"] == "one" and text.count("\x1b[?25l") == text.count("\x1b[?25h")


@pytest.mark.long
def test_what_is_adopted_is_shown_first(project: Project) -> None:
    project.program('File("A", text="one")')
    folder = project.root / "things"
    folder.mkdir()
    (folder / "demo-dev-A-1").write_text(json.dumps({"name": "demo-dev-A-1", "text": "other", "shape": "x"}))
    code, text = ask(project, ["adopt", "A", "demo-dev-A-1"], ("(y/N)", "n"))
    assert code == 1 and 'text: there "other", program "one"' in text
    assert project.run("state", "list", "--json").json == []
    code, text = ask(project, ["adopt", "A", "demo-dev-A-1"], ("(y/N)", "y"))
    assert code == 0 and texts(project)["A"] == "other"
    code, text = ask(project, ["state", "rm", "A"], ("They stay in the cloud. (y/N)", "y"))
    assert code == 0 and "A  test.File  demo-dev-A-1" in text and texts(project)["A"] == "other"
