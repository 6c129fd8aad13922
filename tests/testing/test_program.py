"""The program as data: graph, plan and snapshot, in test-suites as users write them."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testing.suites import APP, Suite


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    made = Suite(tmp_path)
    made.write(APP)
    return made


def test_a_graph_shows_what_is_declared(suite: Suite) -> None:
    suite.write({"tests/test_it.py": '''
import os, sys
import pytest
from sst import aws
from sst.errors import UserError

def test_resources(sst_graph, sst_program):
    role = sst_graph.resource("Api/Role")
    assert role.type == "aws.iam.Role" and role.where.startswith("sst_config.py:")
    assert [r.name for r in sst_graph.resources("aws.iam.Role")] == ["Api/Role", "Daily/Handler/Role", "Daily/Role"]
    assert {r.name for r in sst_graph.resources(aws.Bucket)} <= {r.name for r in sst_graph}
    assert sst_graph.components(aws.Bucket) == ["Files"]
    assert sst_graph.outputs["token"] == "(secret)" and sst_graph.outputs["bucket"].startswith("<Files/")
    assert "<Files/Bucket." in str(sst_graph.resource("Api/Policy")["policy"])
    assert sst_program("production").resource("Files/Bucket").retain and not sst_graph.resource("Files/Bucket").retain

def test_plan(sst_plan):
    assert {str(op) for op in sst_plan.counts} == {"create"}

def test_misspelt(sst_graph):
    with pytest.raises(UserError, match='did you mean "aws.iam.Role"'):
        sst_graph.resources("aws.iam.Rolle")
    with pytest.raises(UserError, match='did you mean "Api/Role"'):
        sst_graph.resource("Api/Rolle")

def test_nothing_is_left(sst_graph, sst_plan):
    assert "names" not in sys.modules and "sst_config" not in sys.modules
    assert not [k for k in os.environ if k.startswith(("AWS_", "SST_"))]
'''})
    assert "4 passed" in suite.passes("tests")
    assert not (suite.root / ".sst/local").exists()


def test_a_snapshot_is_written_on_demand_and_compared_else(suite: Suite) -> None:
    suite.write({"tests/test_it.py": "def test_plan(sst_plan, sst_snapshot):\n    sst_snapshot(sst_plan)\n"})
    assert "there is no test_it.test_plan.json yet; write it with: pytest --sst-accept" in suite.fails()
    suite.passes("--sst-accept")
    suite.passes()
    text = (suite.root / "tests/snapshots/test_it.test_plan.json").read_text()
    assert str(suite.root) not in text and "the secret Token" not in text
    assert {"Api/Role", "Files/Bucket"} <= {step["name"] for step in json.loads(text)}
    suite.write({"src/api.py": APP["src/api.py"] + "\n# code is not part of it\n"})
    suite.passes()
    suite.write({"names.py": 'BUCKET = "Folders"\n'})
    told = suite.fails()
    assert "the plan has changed" in told and '-    "name": "Files/Bucket",' in told and "Traceback" not in told


def test_another_stage_is_chosen_in_conftest(suite: Suite) -> None:
    suite.write({"conftest.py": "import pytest\n\n@pytest.fixture(scope='session')\ndef sst_stage():\n    return 'production'\n",
                 "test_it.py": "def test_it(sst_graph):\n    assert sst_graph.resource('Files/Bucket').retain\n"})
    suite.passes()


CONFIG = "import sst\nfrom sst import aws\ndef config(input): return {'name': 'x'}\ndef run():\n"


@pytest.mark.parametrize(("files", "said"), [
    ({"sst_config.py": f"{CONFIG}    1 / 0\n"}, "ZeroDivisionError: division by zero (sst_config.py:5)"),
    ({"sst_config.py": f"{CONFIG}    aws.Queue('A', fifoo=True)\n"}, "did you mean"),
    ({"pytest.ini": "[pytest]\nsst_config = elsewhere/sst_config.py\n"}, "there is no file"),
])
def test_mistakes_are_told_in_words(suite: Suite, files: dict[str, str], said: str) -> None:
    suite.write({**files, "test_it.py": "def test_it(sst_graph):\n    pass\n"})
    told = suite.fails()
    assert said in told and "src/sst/" not in told


def test_without_a_config_it_says_how_to_name_one(tmp_path: Path) -> None:
    suite = Suite(tmp_path)
    suite.write({"test_it.py": "def test_it(sst_graph):\n    pass\n"})
    assert "sst_config = " in suite.fails()


def test_the_config_is_found_from_the_top_of_a_monorepo(tmp_path: Path) -> None:
    suite = Suite(tmp_path)
    suite.write({"pytest.ini": APP["pytest.ini"], **{f"services/app/{k}": v for k, v in APP.items() if k != "pytest.ini"},
                 "services/app/tests/test_it.py": "def test_it(sst_graph):\n    assert sst_graph.name == 'small'\n"})
    suite.passes("services/app/tests/test_it.py::test_it")


def test_a_run_without_the_fixtures_loads_nothing(suite: Suite) -> None:
    suite.write({"test_it.py": "from sst.testing import App, eventually\n\ndef test_it(): pass\n"})
    code = """import sys, pytest
class Look:
    def pytest_collection_finish(self):
        print([m for m in sys.modules if m.split('.')[0] in ('botocore', 'boto3', 'cryptography')])
pytest.main(['-q', '-s', '-p', 'no:cacheprovider'], plugins=[Look()])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=suite.root, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[0] == "[]", done.stdout + done.stderr
