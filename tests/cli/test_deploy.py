"""``sst deploy``, ``diff``, ``remove`` and what looks at the state, as real processes."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Project, interrupt

TWO = 'a = File("A", text="one")\nFile("B", text=f"<{a.path}>")\nreturn {"path": a.path, "n": 3, "_hidden": 1}'


def test_the_way_of_an_app(project: Project) -> None:
    project.program(TWO)
    said = project.run("deploy")
    assert "✓ A  test.File  created" in said.out and "✓ demo/dev: 2 created" in said.out and "_hidden" not in said.out
    assert project.things["B"]["text"] == f"<{project.things['A']['name']}.json>"
    assert "no changes" in project.run("deploy").out
    project.program(TWO.replace("one", "two"))
    diff = project.run("diff").out
    assert '~ A  test.File\n    text: "one" → "two"\n' in diff and "demo/dev: 1 to update, 1 unchanged" in diff
    assert project.run("diff", "--exit-code", code=4)
    assert "1 updated" in project.run("deploy").out and project.things["A"]["text"] == "two"
    assert "✓ demo/dev: no changes (2 unchanged)" in project.run("diff", "--exit-code").out
    assert "2 deleted" in project.run("remove", "--yes").out and not project.things
    assert "no changes" in project.run("remove", "--yes").out


def test_outputs_are_kept_for_scripts(project: Project) -> None:
    project.program(TWO)
    project.run("deploy")
    file = project.root / ".sst/outputs.json"
    assert json.loads(file.read_text())["n"] == 3 and file.stat().st_mode & 0o777 == 0o600
    assert (project.root / ".sst/.gitignore").read_text() == "*\n"
    assert project.run("outputs", "n").out == "3\n" and project.run("outputs", "path").out.endswith(".json\n")
    assert project.run("outputs", "--json").json["n"] == 3
    assert 'there is no output "m"' in project.fails("outputs", "m")


def test_json_is_all_that_is_printed(project: Project) -> None:
    project.program('print("hello from the program")\n' + TWO)
    said = project.run("deploy", "--json")
    assert [e["event"] for e in said.events][:1] == ["planned"] and said.events[-1]["event"] == "finished"
    assert said.events[-1]["outputs"]["n"] == 3 and "hello from the program" in said.err
    assert project.run("diff", "--json").json["counts"] == {"same": 2}
    assert {s["name"] for s in project.run("state", "list", "--json").json} == {"A", "B"}
    assert len(project.run("state", "export", "--json").json["resources"]) == 2


def test_a_failed_step_is_told_with_its_line_and_the_rest_goes_on(project: Project) -> None:
    project.program('bad = File("Bad", fail=True)\nFile("After", text=bad.path)\nFile("Fine")')
    said = project.run("deploy", code=2)
    assert said.err == """\
✗ File "Bad" (sst_config.py:9) could not be created
  Refused: no such thing   [files write, request r-1]
  hint: don't ask for it
  1 more waited for it and were not tried
"""
    assert "○ After  skipped: waited for Bad" in said.out and "Fine" in project.things
    error = project.run("deploy", "--json", code=2).events[-1]
    assert error["event"] == "error" and error["failures"][0]["error"]["code"] == "Refused" and error["exit_code"] == 2
    project.program('bad = File("Bad")\nFile("After", text=bad.path)\nFile("Fine")')
    assert "2 created" in project.run("deploy").out


def test_data_is_not_lost_without_a_word(project: Project) -> None:
    project.program('Data("Store", retain=False)\nFile("A")', more='removal="remove"')
    project.run("deploy")
    project.program('File("A", text="new")', more='removal="remove"')
    said = project.fails("deploy")
    assert 'this deploy would delete "Store" (test.Data) with its data (sst_config.py:9)' in said
    assert "--allow-destroy Store" in said and project.things["A"]["text"] == "" and "Store" in project.things
    assert project.run("diff").out.startswith("DATA LOSS  - Store  test.Data  (sst_config.py:9)\n")
    assert "--allow-destroy" in project.fails("deploy", "--yes"), "--yes is for stage local"
    project.run("deploy", "--allow-destroy", "Store")
    assert list(project.things) == ["A"]


def test_what_holds_data_is_retained_by_default(project: Project) -> None:
    project.program('Data("Store")')
    project.run("deploy")
    project.program('File("A")')
    assert "1 left in the cloud" in project.run("deploy").out and "Store" in project.things
    assert "retained" in project.run("state", "list").out


def test_a_protected_stage(project: Project) -> None:
    project.program('Data("Store", retain=False)', more='protect=True, removal="remove"')
    assert "is protected and has no state yet" in project.fails("deploy")
    project.run("deploy", "--new-stage")
    assert 'stage "dev" is protected' in project.fails("remove", "--yes")
    project.program('File("A")', more='protect=True, removal="remove"')
    assert "is protected" in project.fails("deploy", "--allow-destroy", "Other") and "Store" in project.things


def test_an_empty_program_does_not_empty_a_stage(project: Project) -> None:
    project.program(TWO)
    project.run("deploy")
    project.program("pass")
    assert "declares nothing" in project.fails("deploy") and len(project.things) == 2


def test_targets(project: Project) -> None:
    project.program('File("A")\nFile("B")\nFile("C")')
    project.run("deploy", "--target", "A,B")
    assert set(project.things) == {"A", "B"}
    assert 'nothing here is named "Cc"' in project.fails("deploy", "--target", "Cc")
    project.run("deploy", "--exclude", "B")
    assert set(project.things) == {"A", "B", "C"}
    project.run("remove", "--target", "A", "--yes")
    assert set(project.things) == {"B", "C"}


def test_an_interrupt_finishes_what_runs_and_starts_nothing_more(project: Project) -> None:
    project.program('a = File("A", slow=True)\nFile("B", text=a.path)')
    process = project.start("deploy")
    assert process.stdout
    while "writing slowly" not in process.stdout.readline():
        pass
    interrupt(process)
    assert process.stderr and "starting no more" in process.stderr.readline()
    (project.root / "go").touch()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "○ B  skipped: interrupted" in out and "interrupted: 1 created" in err
    assert "1 created" in project.run("deploy").out


def test_a_second_interrupt_leaves_at_once_and_loses_nothing(project: Project) -> None:
    project.program('a = File("A", slow=True)\nFile("B", text=a.path)')
    process = project.start("deploy")
    assert process.stdout
    while "writing slowly" not in process.stdout.readline():
        pass
    interrupt(process)
    assert process.stderr and "starting no more" in process.stderr.readline()
    interrupt(process)
    process.communicate(timeout=60)
    assert process.returncode == 130 and not project.things
    (project.root / "go").touch()
    assert "have no recorded result" in project.run("diff").err
    assert "2 created" in project.run("deploy").out


def test_two_deploys_at_once(project: Project) -> None:
    project.program('File("A", slow=True)')
    process = project.start("deploy")
    assert process.stdout
    while "writing slowly" not in process.stdout.readline():
        pass
    said = project.fails("deploy", code=3)
    assert "sst deploy" in said and str(process.pid) in said
    assert "release the lock" in project.fails("unlock").lower()
    (project.root / "go").touch()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert "the lock is not held" in project.run("unlock", "--yes").out


def test_history_and_restore(project: Project) -> None:
    project.program(TWO)
    project.run("deploy")
    project.program(TWO.replace("one", "two"))
    project.run("deploy")
    assert [v["serial"] for v in project.run("state", "history", "--json").json] == [2, 1]
    assert "as 3" in project.run("state", "restore", "1", "--yes").out


def test_secrets(project: Project) -> None:
    project.program('s = sst.Secret("Key")\nFile("A", text=f"<{s.value}>")\nreturn {"key": s.value}')
    missing = project.fails("deploy")
    assert 'the secret "Key" has no value on stage dev' in missing and "sst secret set Key" in missing
    project.run("secret", "set", "Key", "--fallback", stdin="shared-hunter2\n")
    project.run("secret", "set", "Key", "own-hunter2")
    project.write("more.env", "Other='x y'\n")
    project.run("secret", "load", "more.env")
    assert project.run("secret", "list").out == "# demo/dev\nKey\nOther\n# fallback\nKey\n"
    listed = project.run("secret", "list", "--values").out
    assert listed == '# demo/dev\nKey="own-hunter2"\nOther="x y"\n# fallback\nKey="shared-hunter2"\n'
    said = project.run("deploy", "--verbose")
    assert project.things["A"]["text"] == "<own-hunter2>" and "own-hunter2" not in said.out + said.err
    assert "own-hunter2" not in project.run("state", "export").out
    for file in project.root.rglob(".sst/**/*"):
        assert not file.is_file() or b"own-hunter2" not in file.read_bytes(), file
    printed = project.run("shell", "--", "printenv", "SST_RESOURCE_Key").out
    assert printed == '{"value":"own-hunter2","type":"sst.Secret"}\n'
    assert "encrypted with a new key" in project.run("secret",
                                                     "rotate-key").out and "no changes" in project.run("deploy").out
    assert 'Key="own-hunter2"' in project.run("secret", "list", "--values").out
    project.run("secret", "remove", "Key")
    assert "shared-hunter2" in project.run("shell", "--", "printenv", "SST_RESOURCE_Key").out
    assert "is not set for stage dev" in project.fails("secret", "remove", "Kez")
    assert "no value for X was given" in project.fails("secret", "set", "X")
    assert "not a valid name for a secret" in project.fails("secret", "set", "1X", "v")
    assert "more.env:1" in _load_of_a_bad_file(project)


def _load_of_a_bad_file(project: Project) -> str:
    project.write("more.env", "nonsense\n")
    return project.fails("secret", "load", "more.env")


def test_shell_gives_the_commands_exit_code(project: Project) -> None:
    project.run("shell", "--", "sh", "-c", "exit 7", code=7)
    assert project.run("shell", "--", "printenv", "SST_STAGE").out == "dev\n"
    assert "there is no command nothing-like-this" in project.fails("shell", "--", "nothing-like-this")


@pytest.mark.parametrize("words", [("outputs",), ("state", "list"), ("deploy", "--help")])
def test_a_reader_that_goes_away_is_no_error(project: Project, words: tuple[str, ...]) -> None:
    project.program(TWO)
    project.run("deploy")
    process = project.start(*words)
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == "" and process.wait(60) in (0, 1, 141)
    process.stderr.close()
    assert process.stdin
    process.stdin.close()


def test_a_broken_program_leaves_the_state_alone(project: Project) -> None:
    project.program(TWO)
    project.run("deploy")
    project.write("sst_config.py", Path(project.root / "sst_config.py").read_text() + "\n1/0\n")
    assert "ZeroDivisionError" in project.fails("deploy") and len(project.things) == 2
