"""Words for coding agents: the skill file, the manual, schemas, and a plan for a pull request."""
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sst.cli.manual import find_sections, pages
from sst.cli.root import COMMANDS
from sst.cli.skill_file import skill_file
from sst.errors import ProviderError, UserError
from sst.events import error_from_json, error_to_json
from sst.project.deploy_record import critical_path
from sst.project.schema import component_names, describe, resource_types

from ..long import first_of

SST = str(Path(sys.executable).with_name("sst"))


def test_the_skill_file_is_short_and_names_what_there_is() -> None:
    text = skill_file()
    assert text.startswith("---\nname: sst\ndescription: ") and len(text) / 4 < 5000 and "{" + "version}" not in text
    assert all(f"`sst {name}`" in text for name in COMMANDS)
    for command in re.findall(r"`sst ([a-z]+)", text):
        assert command in COMMANDS, command
    for flag in set(re.findall(r"(--[a-z-]+)", text)) - {"--event", "--stage", "--json"}:
        assert any(flag in p.read_text() for p in (Path(__file__).parents[2] / "docs/cli").glob("*.md")), flag


def test_the_program_in_the_skill_file_is_planned(tmp_path: Path) -> None:
    program = re.search(r"```python\n(.*?)```", skill_file(), re.DOTALL)
    assert program
    (tmp_path / "sst_config.py").write_text(program[1])
    (tmp_path / "src").mkdir()
    (tmp_path / "src/api.py").write_text("def handler(event, context):\n    return 1\n")
    done = subprocess.run([SST, "diff", "--stage", "local", "--json"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["create"] > 5


def test_the_manual_is_found_by_words() -> None:
    assert find_sections("rotate key")[0].page in ("cli/secret.md", "components/secret.md", "state.md")
    assert find_sections("no-such-word-anywhere") == []
    assert {"console.md", "dev.md", "cli/deploy.md"} <= {page.name for page in pages()}
    assert all(page.title and page.sections for page in pages())


@pytest.mark.parametrize("name", component_names())
def test_each_component_is_described(name: str) -> None:
    found = describe(name)
    assert found and found["about"] and found["parameters"][0]["required"]
    json.dumps(found)


def test_each_resource_type_is_described() -> None:
    for type in resource_types():
        found = describe(type)
        assert found and found["arguments"], type
    assert describe("aws.s3.Nothing") is None and describe("nothing") is None


def test_each_kind_of_error_is_in_the_table() -> None:
    """`kind` of an error in JSON is the name of its class."""
    root, known = Path(__file__).parents[2], {"SstError"}
    source = "\n".join(file.read_text("utf-8") for file in sorted((root / "src/sst").rglob("*.py")))
    classes = re.findall(r"^class (\w+)\(([\w, ]+)\)", source, re.MULTILINE)
    while more := {name for name, bases in classes if known & {*bases.split(", ")}} - known:
        known |= more
    table = re.findall(r"^\| `(\w+)` \| (\d+) \|", (root / "docs/cli/README.md").read_text("utf-8"), re.MULTILINE)
    assert {name for name, _ in table} == known - {"SstError"}
    import sst.errors

    for name, code in table:
        if found := getattr(sst.errors, name, None):
            assert found.exit_code == int(code), name


def test_each_code_of_an_error_is_in_the_table() -> None:
    root = Path(__file__).parents[2]
    source = "\n".join(file.read_text("utf-8") for file in sorted((root / "src/sst").rglob("*.py")))
    given = {*re.findall(r'\bcode="([a-z-]+)"', source), *re.findall(r'^    code = "([a-z-]+)"', source, re.MULTILINE),
             *re.findall(r'code="([a-z-]+)" if \w+ else "([a-z-]+)"', source)[0]}
    table = re.findall(r"^\| `([a-z-]+)` \| (?!\d)", (root / "docs/cli/README.md").read_text("utf-8"), re.MULTILINE)
    assert set(table) == given and len(table) == len(given)


@pytest.mark.parametrize(("words", "code"), first_of([
    (["frobnicate"], "usage"), (["diff", "--frobnicate"], "usage"), (["diff"], "no-stage"),
    (["diff", "--stage", "_"], "bad-stage-name"), (["diff", "--stage", "local", "--config", "x.py"], "no-config"),
    (["docs", "no-such-word-anywhere"], "unknown-name"), (["schema", "aws.Nothing"], "unknown-name"),
    (["invoke", "--stage", "local", "A"], "not-deployed"), (["diff", "--stage", "local", "--plan", "x"], "usage"),
    (["diff", "--stage", "local", "--markdown"], "usage"),
    (["diff", "--stage", "local"], "program-failed")]))
def test_an_error_has_its_code(tmp_path: Path, words: list[str], code: str) -> None:
    (tmp_path / "sst_config.py").write_text(
        "import sst\n\ndef config(input):\n    return sst.Config(name='a')\n\ndef run():\n    1 / 0\n")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SST_"))}
    done = subprocess.run([SST, "--json", *words], cwd=tmp_path, capture_output=True, text=True, env=environment,
                          stdin=subprocess.DEVNULL)
    assert json.loads(done.stdout.splitlines()[-1])["code"] == code


def test_an_error_reads_as_the_one_it_was_made_from() -> None:
    for error in (UserError("no", code="no-stage"), ProviderError("no", code="Denied"), ProviderError("no")):
        made = error_from_json(json.loads(json.dumps(error_to_json(error))))
        assert made.code == error.code and str(made) == str(error)


def test_the_critical_path_goes_back_from_the_last_step() -> None:
    steps = [{"key": k, "urn": k, "start": a, "end": b, "deps": d} for k, a, b, d in (
        ("a", 0, 3, []), ("b", 0, 1, []), ("c", 3, 5, ["a", "b"]), ("d", 1, 2, ["b"]))]
    assert critical_path(steps) == ["a", "c"] and critical_path([]) == []


def test_a_plan_for_a_pull_request(tmp_path: Path) -> None:
    (tmp_path / "sst_config.py").write_text(
        'import sst\nfrom sst import aws\n\ndef config(input):\n    return sst.Config(name="a")\n\n'
        'def run():\n    aws.Queue("Jobs").subscribe("a.handler")\n')
    (tmp_path / "a.py").write_text("def handler(event, context):\n    pass\n")
    done = subprocess.run([SST, "diff", "--stage", "local", "--markdown", "--html", "plan.html"], cwd=tmp_path,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("<!-- sst:a/local -->\n### `sst diff` a/local: ") and "```mermaid" in done.stdout
    assert "| + | **Jobs/Queue** aws.sqs.Queue | new | sst_config.py:8 |" in done.stdout
    page = (tmp_path / "plan.html").read_text()
    assert "<svg" in page and "<script" not in page and "Content-Security-Policy" in page
