"""Back to an earlier deploy, after a failure or on request."""
from __future__ import annotations

import re

import pytest

from .conftest import Project


def texts(project: Project) -> dict[str, str]:
    return {n: t["text"] for n, t in project.things.items()}


@pytest.mark.long
def test_a_failed_deploy_goes_back_to_how_it_was(project: Project) -> None:
    project.program('File("A", text="one")\nFile("B", text="two")')
    project.run("deploy")
    project.program('File("A", text="changed")\nFile("C", text="new")\nFile("Bad", fail=True)')
    said = project.run("deploy", "--on-failure", "rollback", code=2)
    assert 'File "Bad" (sst_config.py:11) could not be created' in said.err and "rolled back" in said.out
    assert texts(project) == {"A": "one", "B": "two"}
    commands = [v["command"] for v in project.run("state", "history", "--json").json]
    assert commands == ["rollback", "deploy (failed)", "deploy"]
    assert "2 to create, 1 to update, 1 to delete" in project.run("diff").out, "the program is as it was"


@pytest.mark.long
def test_keep_is_the_default_and_a_first_deploy_leaves_nothing(project: Project) -> None:
    project.program('File("A", text="one")\nFile("Bad", fail=True)')
    project.run("deploy", code=2)
    assert texts(project) == {"A": "one"}
    project.run("remove", "--yes")
    project.run("deploy", "--on-failure", "rollback", code=2)
    assert texts(project) == {}


def test_asking_needs_a_terminal(project: Project) -> None:
    project.program('File("A")')
    assert "--on-failure ask: there is no terminal" in project.fails("deploy", "--on-failure", "ask")
    assert "is not one of" in project.fails("deploy", "--on-failure", "weep") and project.things == {}


def test_a_rollback_goes_to_before_the_last_deploy_and_twice_is_once(project: Project) -> None:
    for n in ("one", "two", "three"):
        project.program(f'File("A", text="{n}")\nFile("{n.title()}")\nreturn {{"n": "{n}"}}')
        project.run("deploy")
    assert "confirmation needed, and there is no terminal\n  hint: pass --yes" in project.fails("rollback")
    assert "rollback" not in project.run("state", "history").out
    said = project.run("rollback", "--yes").out
    assert "1 created" in said and "1 updated" in said and "1 deleted" in said and "n: two" in said
    assert texts(project)["A"] == "two" and set(project.things) == {"A", "Two"}
    assert "two" in project.run("outputs").out
    assert "created" not in project.run("rollback", "--yes").out and texts(project)["A"] == "two"
    project.run("rollback", "1", "--yes")
    assert texts(project)["A"] == "one" and set(project.things) == {"A", "One"}


@pytest.mark.long
def test_data_stays_as_it_is(project: Project) -> None:
    project.program('File("A", text="one")\nData("D", text="first")')
    project.run("deploy")
    project.program('File("A", text="two")\nData("D", text="second")\nData("New", text="fresh")')
    project.run("deploy")
    project.run("rollback", "--yes")
    assert texts(project) == {"A": "one", "D": "second", "New": "fresh"}


@pytest.mark.long
def test_a_removed_stage_comes_back(project: Project) -> None:
    project.program('File("A", text="one")\nFile("B", text="two")')
    project.run("deploy")
    project.run("remove", "--yes")
    project.run("rollback", "--yes")
    assert texts(project) == {"A": "one", "B": "two"}


@pytest.mark.long
def test_a_rollback_that_was_killed_is_simply_repeated(project: Project) -> None:
    project.program('File("A", text="one")\nFile("B", text="two", slow=True)\n')
    (project.root / "go").touch()
    project.run("deploy")
    project.program('File("A", text="three")')
    project.run("deploy")
    (project.root / "go").unlink()
    process = project.start("rollback", "--yes")
    assert process.stdout
    for line in process.stdout:
        if "writing slowly" in line:
            break
    process.kill()
    process.communicate()
    (project.root / "go").touch()
    project.run("rollback", "--yes")
    assert texts(project) == {"A": "one", "B": "two"} and "no drift" in project.run("refresh", "--yes").out


@pytest.mark.long
def test_versions_that_can_not_be_gone_back_to(project: Project) -> None:
    project.program('File("A")')
    assert 'stage "dev" has not been deployed yet' in project.fails("rollback", "--yes")
    project.run("deploy")
    assert "there is no version 7 of this state\n  hint: `sst state history`" in project.fails(
        "rollback", "7", "--yes", code=3
    )
    assert re.search(r"'x' is not a valid|-1 is not in the range", project.fails("rollback", "x"))
    project.run("rollback", "--yes")
    assert project.things == {}
