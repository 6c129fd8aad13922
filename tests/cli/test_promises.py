"""Promises that were attacked: restored states, protected stages, successors that start empty."""
from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from tests.long import first_of

from .conftest import Project

SEVEN = "for n in range({count}):\n    File(f'Q{{n}}')\nFile('Jobs', text='{text}')"


def test_a_deploy_after_a_restore_brings_program_state_and_cloud_together(project: Project) -> None:
    odd, even = SEVEN.format(count=7, text="31"), SEVEN.format(count=6, text="32")
    project.program(odd)
    project.run("deploy")
    project.program(even)
    project.run("deploy")  # Q6 is deleted, Jobs changed
    project.run("state", "restore", "1", "--yes")
    project.program(odd)
    project.run("deploy")
    assert project.things["Jobs"]["text"] == "31" and "Q6" in project.things and len(project.things) == 8
    assert "no changes" in project.run("deploy").out


@pytest.mark.long
def test_what_only_newer_versions_know_is_kept_by_a_restore(project: Project) -> None:
    project.program(SEVEN.format(count=6, text="32"))
    project.run("deploy")
    project.program(SEVEN.format(count=7, text="31"))
    project.run("deploy")
    before = {f.name for f in (project.root / "things").iterdir()}
    project.run("state", "restore", "1", "--yes")
    project.run("deploy")
    assert {f.name for f in (project.root / "things").iterdir()} == before, "a second Q6 was made"
    project.run("state", "restore", "1", "--yes")
    project.run("remove", "--yes")
    assert not project.things


def test_a_restore_past_a_replacement_makes_nothing_twice(project: Project) -> None:
    project.program('a = File("A", shape="x")\nFile("B", text=a.path)')
    project.run("deploy")
    project.program('a = File("A", shape="y")\nFile("B", text=a.path)')
    project.run("deploy")
    after = {f.name for f in (project.root / "things").iterdir()}
    project.run("state", "restore", "1", "--yes")
    project.run("deploy")
    assert {f.name for f in (project.root / "things").iterdir()} == after
    project.run("remove", "--yes")
    assert not project.things


PROTECTED = 'protect=True, removal="{removal}"'


@pytest.mark.parametrize("flags", first_of([((),), (("--allow-destroy", "Store"),)]))
@pytest.mark.parametrize("removal", first_of(["remove", "retain"]))
@pytest.mark.parametrize("change", first_of(['Data("Store", shape="y")', 'File("Other")']))
def test_no_flag_overrides_a_protected_stage(project: Project, removal: str, change: str,
                                             flags: tuple[str, ...]) -> None:
    more = PROTECTED.format(removal=removal)
    project.program('Data("Store", text="precious")', more=more)
    project.run("deploy", "--new-stage")
    before = project.things
    project.program(change, more=more)
    if change.startswith("File") and removal != "remove":
        project.run("deploy", *flags)  # it leaves the program and stays in the cloud: nothing is lost
        assert project.things["Store"] == before["Store"]
        return
    said = project.fails("deploy", *flags)
    assert 'stage "dev" is protected' in said and "Store" in said
    assert project.things == before
    project.run("rollback", "0", "--yes", *flags)  # what holds data stays as it is
    assert project.things == before


@pytest.mark.parametrize("config", first_of(["whole", "broken"]))
def test_a_protected_local_stage_is_not_reset(project: Project, config: str) -> None:
    project.environment["SST_STAGE"] = "local"
    more = PROTECTED.format(removal="remove").replace("True", 'input.stage == "local"')
    project.program('Data("Store", text="precious")', more=more)
    project.run("deploy", "--new-stage")
    if config == "broken":  # it goes by the config of the last deploy
        project.write("sst_config.py", "def config(")
    said = project.fails("local", "reset", "--yes", SST_STAGE="dev")
    assert 'stage "local" is protected' in said and "protect=False" in said
    project.program('Data("Store", text="precious")')
    assert 'Store' in project.run("state", "list").out
    project.run("local", "reset", "--yes")
    assert "Store" not in project.run("state", "list").out


@pytest.mark.long
def test_a_successor_that_starts_empty_is_asked_for(project: Project) -> None:
    project.program('Data("Store", text="precious")')
    project.run("deploy")
    old, = (f.name for f in (project.root / "things").iterdir())
    project.program('Data("Store", text="precious", shape="y")')
    assert "STARTS EMPTY" in project.run("diff").out
    assert project.run("diff", "--json").json["starting_empty"] == ["Store"]
    said = project.fails("deploy")
    assert f'would replace "Store" (test.Data) by an empty one, and keep {old} with its data aside' in said
    assert "--allow-destroy Store" in said and len(list((project.root / "things").iterdir())) == 1
    project.run("deploy", "--allow-destroy", "Store")
    assert len(list((project.root / "things").iterdir())) == 2


@pytest.mark.long
def test_a_damaged_lock_has_a_way_out_that_is_named(project: Project) -> None:
    project.program('File("A")')
    project.run("deploy")
    flip(project, "lock")
    for words in (["deploy"], ["remove", "--yes"], ["state", "restore", "1", "--yes"], ["state", "repair"]):
        said = project.fails(*words, code=3)
        assert "/lock is damaged" in said and "`sst unlock` rewrites it" in said
    assert "Nobody can tell" in project.fails("unlock")
    assert "rewritten" in project.run("unlock", "--yes").out
    project.run("deploy")


@pytest.mark.parametrize("words", first_of([(("outputs",),), (("state", "list"),), (("state", "export"),)]))
def test_commands_that_read_say_that_the_newest_version_is_damaged(project: Project, words: tuple[str, ...]) -> None:
    project.program('File("A")')
    project.run("deploy")
    project.program('File("A", text="two")\nreturn {"n": 3}')
    project.run("deploy")
    before = project.run(*words).out
    flip(project, "snapshot/0000000002")
    said = project.run(*words)
    assert "snapshot/0000000002 is damaged" in said.err and said.out == before


@pytest.mark.long
def test_malformed_state_files_of_other_tools_are_refused_in_words(project: Project) -> None:
    project.program('File("A")')
    resource = {"mode": "managed", "type": "aws_sqs_queue", "name": "\x1b]0;owned\x07"}
    for text in (*(json.dumps({"terraform_version": "1.5", "version": 4, "resources": [{**resource, "instances": i}]})
                   for i in ("zzz", [7])), "[" * 100_000):
        project.write("terraform.tfstate", text)
        said = project.fails("state", "import", "terraform.tfstate")
        assert "\x1b]" not in said and "internal" not in said.lower()


def flip(project: Project, object: str) -> None:
    """Change one byte of an object of the state."""
    database, = (p for p in project.root.parent.rglob("*.db") if "state" in p.name)
    with closing(sqlite3.connect(database)) as db, db:
        (key, data), = db.execute("SELECT key, data FROM objects WHERE key LIKE ?", (f"%/{object}",)).fetchall()
        broken = bytearray(data)
        broken[len(broken) // 2] ^= 1
        db.execute("UPDATE objects SET data = ? WHERE key = ?", (bytes(broken), key))


@pytest.mark.parametrize(("text", "said"), first_of([("import nowhere\n", "nowhere"), ("def run(:\n", "SyntaxError")]))
def test_what_works_from_the_state_needs_no_config_that_runs(project: Project, text: str, said: str) -> None:
    project.program('from sst.providers import local\nlocal.Command("Step", command="true", output="out")')
    project.write("out/one", "1")
    project.run("deploy")
    whole = (project.root / "sst_config.py").read_text()
    project.write("sst_config.py", text + whole)
    assert said in project.fails("deploy")
    listed = project.run("state", "list")
    assert "Step" in listed.out and said in listed.err and "the config of the last deploy" in listed.err
    assert project.run("state", "export").json["resources"] and project.run("outputs", "--json").json == {}
    project.run("remove", "--yes")
    assert project.run("state", "list", "--json").json == []
