"""What was changed by hand: found, accepted or reverted, row by row."""
from __future__ import annotations

import json
from typing import Any

import pytest

from sst.cli.ui.drift import _apart

from .conftest import Project

TWO = 'File("A", text="one")\nFile("B", text="two")'


def by_hand(project: Project, name: str, **changes: Any) -> None:
    """Change a thing behind the state's back."""
    thing = project.things[name]
    file = project.root / "things" / thing["name"]
    file.write_text(json.dumps({**thing, **changes}))


def delete(project: Project, name: str) -> None:
    (project.root / "things" / project.things[name]["name"]).unlink()


def test_a_clean_stage_has_no_rows(project: Project) -> None:
    project.program(TWO)
    project.run("deploy")
    versions = project.run("state", "history").out
    assert "no drift" in project.run("refresh").out
    assert project.run("refresh", "--json").json == {"drift": [], "accepted": [], "reverted": []}
    assert "No changes were made outside sst" in project.run("diff", "--refresh").out
    assert project.run("state", "history").out == versions, "nothing was written"
    assert '✗ nothing here is named "C"\n  hint: known: A, B\n' in project.fails("refresh", "--target", "C")


@pytest.mark.long
def test_program_state_and_cloud_side_by_side_and_nothing_without_an_answer(project: Project) -> None:
    project.program(TWO)
    project.run("deploy")
    project.program(TWO.replace("one", "three"))
    by_hand(project, "A", text="four")
    said = project.run("refresh", code=1)
    assert 'A  test.File  (sst_config.py:9)\n    text: program "three", state "one", cloud "four"' in said.out
    assert ("1 resource differs in the cloud: confirmation needed, and there is no terminal\n"
            "  hint: pass --yes to accept all") in said.err
    seen = project.run("diff", "--refresh", "--exit-code", code=4).out
    assert 'cloud "four"' in seen and 'text: "four" → "three"' in seen
    assert 'text: "one" → "three"' in project.run("diff").out, "the state was left alone"
    (row,) = project.run("diff", "--refresh", "--json").json["drift"]
    assert (row["program"], row["state"], row["cloud"], row["property"]) == ("three", "one", "four", "text")


def test_what_is_accepted_is_brought_back_by_the_next_deploy(project: Project) -> None:
    project.program(TWO)
    project.run("deploy")
    by_hand(project, "A", text="four", shape="flat")
    assert "1 resource differs in the cloud: " in project.fails("refresh"), "in two properties"
    by_hand(project, "A", text="four", shape="x")
    delete(project, "B")
    assert "B  test.File  is gone from the cloud" in (said := project.run("refresh", "--yes").out)
    assert "2 accepted into the state" in said
    assert "1 to create, 1 to update" in project.run("diff").out
    project.run("deploy")
    assert {n: t["text"] for n, t in project.things.items()} == {"A": "one", "B": "two"}
    assert "no drift" in project.run("refresh").out


def test_rows_are_reverted_one_by_one(project: Project) -> None:
    project.program('File("A", text="one", shape="round")\nFile("B", text="two")\nFile("C", text="three")')
    project.run("deploy")
    by_hand(project, "A", text="four")
    by_hand(project, "B", text="five")
    delete(project, "C")
    said = project.run("refresh", "--revert", "A.text", "--revert", "C", "--accept", "B").out
    assert "1 accepted into the state, 2 reverted in the cloud" in said and "updated" in said and "created" in said
    assert {n: t["text"] for n, t in project.things.items()} == {"A": "one", "B": "five", "C": "three"}
    assert "no drift" in project.run("refresh").out
    assert 'text: "five" → "two"' in project.run("diff").out


@pytest.mark.long
def test_what_is_named_must_differ(project: Project) -> None:
    project.program(TWO)
    project.run("deploy")
    assert "no drift" in project.run("refresh", "--accept", "A.text", "--revert", "B").out
    assert 'the state has nothing named "Nope"' in project.fails("refresh", "--accept", "Nope")
    by_hand(project, "A", text="four")
    misspelt = project.fails("refresh", "--revert", "A.txt")
    assert 'nothing named "A.txt" differs in the cloud\n  hint: did you mean "A.text"?' in misspelt
    both = project.fails("refresh", "--revert", "A", "--accept", "A.text")
    assert "A.text can't be both accepted and reverted" in both
    assert 'nothing named "B"' in project.fails("refresh", "--revert", "B")
    assert project.things["A"]["text"] == "four"


def test_what_is_in_the_program_no_more_and_what_is_left_out(project: Project) -> None:
    project.program(TWO)
    project.run("deploy")
    by_hand(project, "A", text="four")
    by_hand(project, "B", text="five")
    project.program('File("B", text="two")')
    said = project.run("refresh", "--exclude", "B", "--yes").out
    assert "A  test.File  not in the program" in said and 'program (none), state "one"' in said and "five" not in said


def test_long_values_that_begin_alike_are_shown_where_they_part() -> None:
    one, other = ({"path": f"/home/me/app/.sst/cache/artefacts/{letter * 40}/code.zip"} for letter in "ab")
    assert (
        _apart((one, one, other), secret=False)[0].startswith("…") and "aaaa" in _apart((one, other), secret=False)[0]
    )
    assert "bbbb" in _apart((one, other), secret=False)[1]
    assert _apart((None, None, other), secret=False) == ["null", "null", _apart((other,), secret=False)[0]]
    assert _apart((1, 2), secret=False) == ["1", "2"] and _apart(("a", "b"), secret=True) == ["(secret)"] * 2
