"""The skill file's loop, as a coding agent runs it on stage local: each command in it works, with wrong input too."""
from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sst.cli.skill_file import skill_file

from ..e2e.project import Project, call, eventually

pytestmark = [pytest.mark.long, pytest.mark.emulator]

HANDLER = """
import boto3
from sst import Resource

def handler(event, context):
    if "fail" in event:
        raise KeyError("apple")
    boto3.client("s3").put_object(Bucket=Resource.Notes.name, Key="a", Body=b"1")
    return {"statusCode": 200, "body": "kept"}
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    made = Project(tmp_path_factory.mktemp("skill") / "notes")
    [program] = re.findall(r"```python\n(.*?)```", skill_file(), re.DOTALL)
    made.write({"sst_config.py": program, "src/api.py": HANDLER})
    yield made
    made.run("local", "reset", "--yes")


def commands() -> list[str]:
    """Those of "The loop", as they are written."""
    loop = skill_file().partition("## The loop")[2].partition("\n## ")[0]
    return re.findall(r"`sst ([^`]+)`", loop)


def read(said: str) -> Any:
    """One document, or one a line."""
    try:
        return json.loads(said)
    except ValueError:
        return [json.loads(line) for line in said.splitlines()]


def test_the_loop(app: Project) -> None:
    """Every command of it, in its order; NAME and ID are filled in as an agent would."""
    ids: list[str] = []
    done = []
    for text in commands():
        if text.startswith(("logs --dev", "docs", "dev")):
            continue        # a running `sst dev`, and the manual: tests of their own
        if text.startswith("invoke NAME"):
            app.sst("invoke", "Api", "--event", '{"fail": 1}', check=False)
            text = text.replace("NAME", "Api").replace("'{\"a\": 1}'", '{"a":1}')
        if text.startswith("invocations"):
            eventually(lambda: "KeyError" in app.sst("invocations", "--failed", "--json"))
        if text.startswith("trace"):
            ids = [row["request"] for row in json.loads(app.sst("invocations", "--failed", "--json"))["invocations"]]
            text = text.replace("ID", ids[0])
        said = app.sst(*text.split())
        done.append(text.split()[0])
        if "--json" in text:
            read(said)
    assert done == ["diff", "deploy", "invoke", "outputs", "invocations", "trace"]
    trace = json.loads(app.sst("trace", ids[0], "--json"))
    assert "KeyError" in json.dumps(trace) and "src/api.py" in json.dumps(trace)
    assert call(json.loads(app.sst("outputs", "--json"))["url"]).body == "kept"


@pytest.mark.parametrize(("words", "code"), [
    (("trace", "no-such-id"), "unknown-name"), (("invoke", "Nothing"), "unknown-name"),
    (("invoke", "Api", "--event", "{"), "bad-event"), (("schema", "aws.Bukket"), "unknown-name"),
    (("docs", "zzzz-nothing"), "unknown-name"), (("invocations", "--failed", "--nonsense"), "usage"),
    (("logs", "--dev"), "not-running")])
def test_wrong_input_has_a_code_and_a_next_step(app: Project, words: tuple[str, ...], code: str) -> None:
    done = app.run("--json", *words)
    told = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode and (told["event"], told["code"]) == ("error", code), told
    assert told["hint"] and "Traceback" not in done.stdout + done.stderr


def test_what_an_agent_reads(app: Project, tmp_path: Path) -> None:
    written = app.sst("skill", "--write", str(tmp_path / "skills"))
    [file] = (tmp_path / "skills").rglob("SKILL.md")
    assert file.read_text() == skill_file() and str(file) in written.replace("\n", "")
    bucket = json.loads(app.sst("schema", "aws.Bucket"))
    assert bucket["parameters"][0]["name"] == "name"
    found = app.sst("docs", "presigned")
    assert found.startswith("#") or "##" in found
