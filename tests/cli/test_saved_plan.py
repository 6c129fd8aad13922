"""A plan that was saved is carried out as it is, or not at all."""
from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Project

TWO = 'File("A", text="one")\nFile("B", text="two")'


def edited(project: Project, **changes: Any) -> None:
    file = project.root / "plan.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_what_was_saved_is_done(project: Project) -> None:
    project.program(TWO)
    assert "apply it with `sst deploy plan.json`" in project.run("diff", "-o", "plan.json").out
    assert (project.root / "plan.json").stat().st_mode & 0o077 == 0
    assert not (project.root / "things").exists()
    assert "2 created" in project.run("deploy", "plan.json").out and set(project.things) == {"A", "B"}
    project.program(TWO.replace("one", "uno"))
    project.run("diff", "-o", "plan.json")
    assert "1 updated" in project.run("deploy", "plan.json").out


@pytest.mark.long
def test_any_deviation_stops_before_anything_is_done(project: Project) -> None:
    project.program(TWO)
    project.run("diff", "-o", "plan.json")
    project.program(TWO.replace("one", "uno"))
    assert "the saved plan differs from the current plan\n  different: create A" in project.fails("deploy", "plan.json")
    assert project.things == {}
    project.program(TWO)
    project.run("deploy")
    assert "the saved plan is out of date; nothing was changed\n  the state's serial is 1; it was 0" in (
        project.fails("deploy", "plan.json"))
    project.program(TWO + '\nFile("C")')
    project.run("diff", "-o", "plan.json")
    project.program(TWO.replace("one", "uno") + '\nFile("C")')
    assert "now: update A" in project.fails("deploy", "plan.json") and "C" not in project.things
    project.program(TWO + '\nFile("C")\nreturn {}', more='region="eu-west-1"')
    project.write("sst_config.py", (project.root / "sst_config.py").read_text().replace('region="us-east-1", ', ""))
    assert "the region is eu-west-1; it was us-east-1" in project.fails("deploy", "plan.json")


@pytest.mark.long
def test_what_does_not_change_is_bound_too(project: Project) -> None:
    project.program(TWO)
    project.run("deploy")
    project.program(TWO + '\nFile("C")')
    project.run("diff", "-o", "plan.json")
    project.program(TWO.replace('"two"', '"two", protect=True') + '\nFile("C")')
    assert "the program has changed" in project.fails("deploy", "plan.json")
    project.program("\n\n" + TWO + '\nFile("C")')
    assert "1 created" in project.run("deploy", "plan.json").out, "lines don't count"


@pytest.mark.long
def test_secret_values_are_not_in_it_and_are_bound(project: Project) -> None:
    project.run("secret", "set", "Key", stdin="hunter2-a\n")
    project.program('key = sst.Secret("Key")\nFile("A", text=key.value)')
    project.run("diff", "-o", "plan.json")
    assert "hunter2" not in (project.root / "plan.json").read_text()
    project.run("secret", "set", "Key", stdin="hunter2-b\n")
    assert "different: create A" in project.fails("deploy", "plan.json")
    project.run("diff", "-o", "plan.json")
    project.run("secret", "rotate-key")
    assert "the stage's key was rotated" in project.fails("deploy", "plan.json")


def test_a_part_of_the_program(project: Project) -> None:
    project.program(TWO)
    project.run("diff", "-o", "plan.json", "--target", "A")
    project.run("deploy", "plan.json")
    assert set(project.things) == {"A"}
    assert "--target and --exclude can't be used with a saved plan" in project.fails(
        "deploy", "plan.json", "--target", "B"
    )


@pytest.mark.long
def test_a_plan_that_would_not_say_all_is_not_saved(project: Project) -> None:
    project.program('a = File("A")\nsst.later(a.path, lambda path: File("B", text=path))')
    assert "this plan can't be saved: the program declares more" in project.fails("diff", "-o", "plan.json")
    assert "can't be saved" in project.fails("diff", "-o", "plan.json", "--refresh")
    project.program(TWO)
    assert 'can\'t be named "out.txt": bundles would hold it' in project.fails("diff", "-o", "out.txt")
    project.run("diff", "-o", "../out.txt")


@pytest.mark.parametrize(("text", "said"), [
    (None, "the plan plan.json can't be read: No such file"), ("{", "plan.json is not JSON"),
    ("[]", "plan.json is not a saved plan"),
    ('{"sst_plan": 9}', "was saved by another version"), ('{"sst_plan": 1, "app": 3}', "was damaged or edited")])
def test_files_that_are_no_plan(project: Project, text: str | None, said: str) -> None:
    project.program(TWO)
    if text is not None:
        project.write("plan.json", text)
    assert said in project.fails("deploy", "plan.json")


def test_a_plan_of_another_stage_or_app(project: Project) -> None:
    project.program(TWO)
    project.run("diff", "-o", "plan.json")
    said = project.fails("deploy", "plan.json", "--stage", "other")
    assert 'this plan is for stage "dev", not for "other"\n  hint: pass --stage dev' in said
    edited(project, app="shop")
    assert 'this plan is for app "shop", not for "demo"' in project.fails("deploy", "plan.json")
