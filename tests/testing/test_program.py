"""The program as data: graph, plan and snapshot, in test-suites as users write them."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.long import first_of
from tests.testing.suites import APP, Suite


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    made = Suite(tmp_path)
    made.write(APP)
    return made


@pytest.mark.long
def test_a_graph_shows_what_is_declared(suite: Suite) -> None:
    suite.write({"tests/test_it.py": '''
import os, sys
from datetime import UTC, datetime, timedelta
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

def test_times(sst_graph):
    start = datetime(2030, 1, 1, tzinfo=UTC)
    assert sst_graph.times("Daily", after=start, count=2) == [start + timedelta(days=1), start + timedelta(days=2)]
    with pytest.raises(UserError, match="no time zone"):
        sst_graph.times("Daily", after=datetime(2030, 1, 1))

def test_secrets(sst_graph):
    assert sst_graph.secrets == {"Token": "the secret Token"}

def test_misspelt(sst_graph):
    with pytest.raises(UserError, match='did you mean "Daily"'):
        sst_graph.times("Dayly", after=datetime(2030, 1, 1, tzinfo=UTC))
    with pytest.raises(UserError, match='did you mean "aws.iam.Role"'):
        sst_graph.resources("aws.iam.Rolle")
    with pytest.raises(UserError, match='did you mean "Api/Role"'):
        sst_graph.resource("Api/Rolle")

def test_nothing_is_left(sst_graph, sst_plan):
    assert "names" not in sys.modules and "sst_config" not in sys.modules
    assert not [k for k in os.environ if k.startswith(("AWS_", "SST_"))]
'''})
    assert "6 passed" in suite.passes("tests")
    assert {p.name for p in (suite.root / ".sst").iterdir()} == {".gitignore", "cache"}


@pytest.mark.long
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


@pytest.mark.long
def test_another_stage_is_chosen_in_conftest(suite: Suite) -> None:
    suite.write({"conftest.py": "import pytest\n\n@pytest.fixture(scope='session')\ndef sst_stage():\n    return "
                                "'production'\n",
                 "test_it.py": "def test_it(sst_graph):\n    assert sst_graph.resource('Files/Bucket').retain\n"})
    suite.passes()


CONFIG = "import sst\nfrom sst import aws\ndef config(input): return {'name': 'x'}\ndef run():\n"


@pytest.mark.parametrize(("files", "said"), first_of([
    ({"sst_config.py": f"{CONFIG}    1 / 0\n"}, "ZeroDivisionError: division by zero (sst_config.py:5)"),
    ({"sst_config.py": f"{CONFIG}    aws.Queue('A', fifoo=True)\n"}, "did you mean"),
    ({"pytest.ini": "[pytest]\nsst_config = elsewhere/sst_config.py\n"}, "there is no file"),
]))
def test_mistakes_are_told_in_words(suite: Suite, files: dict[str, str], said: str) -> None:
    suite.write({**files, "test_it.py": "def test_it(sst_graph):\n    pass\n"})
    told = suite.fails()
    assert said in told and "src/sst/" not in told


def test_without_a_config_it_says_how_to_name_one(tmp_path: Path) -> None:
    suite = Suite(tmp_path)
    suite.write({"test_it.py": "def test_it(sst_graph):\n    pass\n"})
    assert "sst_config = " in suite.fails()


@pytest.mark.long
def test_the_config_is_found_from_the_top_of_a_monorepo(tmp_path: Path) -> None:
    suite = Suite(tmp_path)
    suite.write({"pytest.ini": APP["pytest.ini"], **{f"services/app/{k}": v for k,
                                                     v in APP.items() if k != "pytest.ini"},
                 "services/app/tests/test_it.py": "def test_it(sst_graph):\n    assert sst_graph.name == 'small'\n"})
    suite.passes("services/app/tests/test_it.py::test_it")


LOOK = """import sys, pytest
class Look:
    def pytest_collection_finish(self):
        print(*sorted(m for m in sys.modules if m.partition('.')[0] in ('sst', 'botocore', 'cryptography', 'click')))
sys.exit(pytest.main(['-q', '-s', *sys.argv[1:]], plugins=[Look()]))
"""


@pytest.mark.long
def test_a_run_without_the_fixtures_loads_the_plugin_alone(tmp_path: Path) -> None:
    suite = Suite(tmp_path)
    suite.write({"test_it.py": "def test_it():\n    pass\n", "pytest.ini": APP["pytest.ini"]})
    for words, loaded in ((("-p", "no:cacheprovider"), "sst sst.testing sst.testing.plugin"), (("-p", "no:sst"), "")):
        done = subprocess.run([sys.executable, "-c", LOOK, *words], cwd=suite.root, capture_output=True, text=True,
                              timeout=60)
        assert (done.returncode, done.stdout.splitlines()[0]) == (0, loaded), done.stdout + done.stderr
    assert not (suite.root / ".sst").exists()


@pytest.mark.long
def test_types_for_annotations_bring_no_client_of_aws(suite: Suite) -> None:
    suite.write({"test_it.py": "from sst.testing import App, Program, eventually\n\ndef test_it(): pass\n"})
    done = subprocess.run([sys.executable, "-c", LOOK], cwd=suite.root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not {"botocore",
                                         "cryptography"} & set(done.stdout.splitlines()[0].split()), done.stdout


@pytest.mark.long
def test_doctests_and_unittest_are_left_alone(suite: Suite) -> None:
    suite.write({"thing.py": '"""\n>>> 1 + 1\n2\n"""\n',
                 "test_it.py": "import unittest\n\nclass Old(unittest.TestCase):\n    def test_it(self):\n        "
                               "self.assertTrue(True)\n"})
    assert "2 passed" in suite.passes("--doctest-modules", "thing.py", "test_it.py")
