"""``sst state rm``, ``mv``, ``diff``, ``repair``, and ``sst adopt``, on things that are files."""
from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from .conftest import Project


def versions(project: Project) -> int:
    return len(project.run("state", "history", "--json").json)


@pytest.mark.long
def test_what_is_dropped_stays_in_the_cloud(project: Project) -> None:
    project.program('a = File("A")\nFile("B", text=a.path)')
    project.run("deploy")
    assert "confirmation needed, and there is no terminal\n  hint: pass --yes" in project.fails("state", "rm", "A")
    assert versions(project) == 1
    assert "1 removed from the state; the cloud was not changed" in project.run("state", "rm", "A", "--yes").out
    assert set(project.things) == {"A", "B"} and [s["name"]
                                                  for s in project.run("state", "list", "--json").json] == ["B"]
    assert 'the state has nothing named "A"' in project.fails("state", "rm", "A", "--yes") and versions(project) == 2
    assert 'hint: did you mean "B"?' in project.fails("state", "rm", "Bb", "--yes")
    project.run("state", "restore", "1", "--yes")
    assert "2 updated" in project.run("deploy").out  # what was restored is sent again
    assert set(project.things) == {"A", "B"} and "no changes" in project.run("deploy").out


@pytest.mark.long
def test_an_attempt_whose_end_is_unknown_is_forgotten(project: Project) -> None:
    project.program('File("A", slow=True)')
    process = project.start("deploy")
    assert process.stdout
    for line in process.stdout:
        if "writing slowly" in line:
            break
    process.kill()
    process.communicate()
    assert "create that has not ended" in str(project.run("state", "rm", "A", "--yes", "--json").json)
    assert project.run("state", "export").json["pending"] == []


@pytest.mark.long
def test_a_resource_or_a_component_gets_another_name(project: Project) -> None:
    project.program('File("A", text="one")\nFile("B", depends_on=[])')
    project.run("deploy")
    assert "1 moved from A to Z" in project.run("state", "mv", "A", "Z").out
    project.program('File("Z", text="one")\nFile("B")')
    assert "no changes" in project.run("deploy").out and set(project.things) == {"A", "B"}, "its physical name stays"
    assert "the state has B already" in project.fails("state", "mv", "Z", "B")
    assert 'the state has nothing named "A"' in project.fails("state", "mv", "A", "X")
    assert "not on the same level" in project.fails("state", "mv", "Z", "Z/Y")
    assert "a urn can only be moved to a urn" in project.fails("state", "mv", "test.File::Z", "Y")
    assert "are of different types" in project.fails("state", "mv", "test.File::Z", "test.Data::Y")
    project.run("state", "mv", "test.File::Z", "test.File::Y")
    assert "Y" in project.run("state", "list").out


@pytest.mark.long
def test_adopting_writes_the_state_and_nothing_else(project: Project) -> None:
    project.program('File("A", text="one")')
    folder = project.root / "things"
    folder.mkdir()
    thing = folder / "demo-dev-A-by-hand"
    thing.write_text(json.dumps({"name": thing.name, "text": "other", "shape": "x"}))
    before = thing.read_text()
    assert "confirmation needed" in (said := project.run("adopt", "A", thing.name, code=1)).err
    assert 'text: there "other", program "one"' in said.out and versions(project) == 0
    said = project.run("adopt", "A", thing.name, "--yes")
    assert "1 adopted into the state; `sst deploy` changes 1 property there" in said.out and thing.read_text() == before
    assert 'text: "other" → "one"' in project.run("diff").out
    project.run("deploy")
    assert project.things["A"]["text"] == "one" and len(list(folder.iterdir())) == 1
    assert '"A" is in the state already, as demo-dev-A-by-hand' in project.fails("adopt", "A", "x", "--yes")


@pytest.mark.long
def test_what_can_not_be_adopted(project: Project) -> None:
    project.program('File("A", text="one", shape="round")\nFile("B")')
    folder = project.root / "things"
    folder.mkdir()
    (folder / "demo-dev-X-1").write_text(json.dumps({"name": "demo-dev-X-1", "shape": "x"}))
    assert 'there is no test.File with the id \'no\'' in project.fails("adopt", "A", "no", "--yes")
    assert 'the program declares no resource "Aa"\n  hint: did you mean "A"?' in project.fails(
        "adopt", "Aa", "demo-dev-X-1", "--yes"
    )
    assert "differs in shape (there 'x', in the program 'round'), which can't be changed in place" in (
        project.fails("adopt", "A", "demo-dev-X-1", "--yes"))
    project.run("adopt", "B", "demo-dev-X-1", "--yes")
    project.program('File("A")\nFile("B")')
    said = project.fails("adopt", "A", "demo-dev-X-1", "--yes")
    assert 'is in the state already, as "B" (sst_config.py:9)\n  hint: to rename it: sst state mv B A' in said


@pytest.mark.long
def test_an_import_in_the_program_shows_what_it_would_change(project: Project) -> None:
    folder = project.root / "things"
    folder.mkdir()
    (folder / "demo-dev-A-1").write_text(json.dumps({"name": "demo-dev-A-1", "text": "other", "shape": "x"}))
    project.program('File("A", name="demo-dev-A-1", text="one", import_="demo-dev-A-1")')
    planned = project.run("diff").out
    assert "« A  test.File" in planned and "other" not in planned, "a plan makes no call"
    assert 'text: there "other", program "one"' in project.run("diff", "--refresh").out
    said = project.fails("deploy")
    assert 'text: there "other", program "one"' in said
    assert "Change the imported resources" in said and "pass --yes" in said
    assert project.things["A"]["text"] == "other"
    assert "adopted" in project.run("deploy", "--yes").out and project.things["A"]["text"] == "one"
    assert "no changes" in project.run("deploy").out


@pytest.mark.long
def test_two_versions_are_compared(project: Project) -> None:
    project.run("secret", "set", "Key", stdin="hunter2\n")
    project.program('key = sst.Secret("Key")\nFile("A", text="one")\nFile("S", text=key.value)\nreturn {"n": 1}')
    project.run("deploy")
    project.run("secret", "set", "Key", stdin="hunter3\n")
    project.program('key = sst.Secret("Key")\nFile("A", text="two")\nFile("S", text=key.value)\nFile("B")\nreturn '
                    '{"n": 2}')
    project.run("deploy")
    said = project.run("state", "diff", "1", "2").out
    assert 'text: "one" → "two"' in said and "+ B  test.File" in said and "n: 1 → 2" in said
    assert "4 differences between version 1" in said
    assert (
        "text: (secret) → (secret)" in said and "hunter" not in said + project.run("state", "diff", "0", "--json").out
    )
    assert "no differences" in project.run("state", "diff", "2").out
    assert "there is no version 9" in project.fails("state", "diff", "1", "9", code=3)


def store(project: Project) -> Path:
    (file,) = project.root.parent.rglob("state.db")
    return file


def damage(project: Project, key: str, at: int = 200) -> None:
    with sqlite3.connect(store(project)) as db:
        table, column = _blob(db)
        (data,) = db.execute(f"select {column} from {table} where key like ?", (f"%{key}",)).fetchone()
        spoilt = bytes(data[:at]) + bytes([data[at] ^ 1]) + bytes(data[at + 1:])
        db.execute(f"update {table} set {column} = ? where key like ?", (spoilt, f"%{key}"))
    db.close()


def _blob(db: sqlite3.Connection) -> tuple[str, str]:
    for (table,) in db.execute("select name from sqlite_master where type = 'table'").fetchall():
        columns = {r[1]: r[2] for r in db.execute(f"pragma table_info({table})")}
        if "key" in columns:
            return table, next(c for c, kind in columns.items() if kind.upper() == "BLOB")
    raise AssertionError


@pytest.mark.long
def test_a_damaged_newest_version_is_made_good_again(project: Project) -> None:
    for n in "12":
        project.program(f'File("A", text="{n}")')
        project.run("deploy")
    assert "nothing needs repair" in project.run("state", "repair").out
    damage(project, "snapshot/0000000002")
    said = project.run("state", "repair")
    assert "snapshot/0000000002 is damaged at byte" in said.err
    assert "the version before it and the journal were used" in said.err
    assert "version 3 is complete" in said.out
    said = project.run("state", "repair")
    assert "nothing needs repair" in said.out and "version 2 is damaged" in said.err
    assert "no changes" in project.run("deploy").out


def test_what_can_not_be_repaired_is_named(project: Project) -> None:
    project.program('File("A")')
    project.run("deploy")
    project.program('File("B")')
    project.run("deploy")
    damage(project, "snapshot/0000000002")
    damage(project, "snapshot/0000000001")
    said = project.fails("state", "repair", code=3)
    assert "dev/snapshot/0000000002 is damaged at byte" in said and "hint: " in said
    assert versions(project) == 2, "nothing was written"


@pytest.mark.long
def test_secrets_that_can_not_be_read_are_dropped_on_request_alone(project: Project) -> None:
    project.program('File("A")')
    project.run("secret", "set", "Key", stdin="hunter2\n")
    project.run("deploy")
    damage(project, "dev/secrets")
    said = project.fails("state", "repair", code=3)
    assert "demo/dev/secrets is damaged at byte" in said and "sst state repair --drop-secrets" in said
    assert "demo/dev/secrets is damaged" in project.fails("secret", "set", "Key", stdin="hunter3\n", code=3)
    assert "nothing needs repair" in project.run("state", "repair", "--drop-secrets").out
    project.run("secret", "set", "Key", stdin="hunter3\n")
    assert "no changes" in project.run("deploy").out
