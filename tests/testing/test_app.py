"""The deployed app in test-suites as users write them."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sst.embedded import cloud
from tests.testing.suites import APP, Suite

pytestmark = [pytest.mark.emulator, pytest.mark.slow]

SECRETS = "import pytest\n\n@pytest.fixture(scope='session')\ndef sst_secrets():\n    return {'Token': 'of tests'}\n"


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[Suite]:
    made = Suite(tmp_path / "small")
    made.write(APP)
    yield made
    cloud.reset(made.root)


def test_functions_and_crons_are_called_and_secrets_stay_in_the_tests(suite: Suite) -> None:
    suite.write({"conftest.py": SECRETS, "test_it.py": '''
import os
from datetime import UTC, datetime
import pytest
from sst import Resource
from sst.errors import UserError

def test_before():
    assert "AWS_ENDPOINT_URL" not in os.environ and "Files" not in Resource

def test_invoke(sst_app):
    done = sst_app.invoke("Api", {"a": 1})
    assert done.result == {"bucket": sst_app.outputs["bucket"], "token": "of tests", "event": {"a": 1}}
    assert done.logs == ("got {'a': 1}",) and done.error is None
    assert Resource.Files.name == sst_app.outputs["bucket"] and Resource.Token.value == "of tests"
    assert os.environ["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")

def test_error(sst_app):
    done = sst_app.invoke("Api", {"fail": True})
    assert (done.error.type, done.error.message) == ("ValueError", "no such thing")
    with pytest.raises(AssertionError, match=r"(?s)Api raised ValueError: no such thing.*got"):
        done.result

def test_fire(sst_app):
    assert sst_app.fire("Daily", at=datetime(2030, 1, 2, tzinfo=UTC)).result == {"at": "2030-01-02T00:00:00Z", "n": 1}

def test_misuse(sst_app):
    for call, said in ((lambda: sst_app.fire("Dayly"), 'did you mean "Daily"'), (lambda: sst_app.invoke("Apis"), "did you mean"),
                       (lambda: sst_app.invoke("Api", object()), "not JSON")):
        with pytest.raises(UserError, match=said):
            call()

def test_between():
    assert "AWS_ENDPOINT_URL" not in os.environ and "Files" not in Resource
'''})
    assert "6 passed" in suite.passes()
    assert not (suite.root / ".sst/local").exists()


def test_the_users_own_stage_is_deployed_and_kept(suite: Suite) -> None:
    suite.write({"test_it.py": "def test_it(sst_app):\n    assert sst_app.invoke('Api').result['token'] == 'mine'\n"})
    told = suite.fails()
    assert 'the secret "Token" has no value on stage local' in told and "src/sst/" not in told
    suite.sst("secret", "set", "Token", "mine")
    suite.passes()
    assert cloud.status(suite.root) is None
    assert "no changes" in suite.sst("deploy")
    suite.passes()
    assert cloud.status(suite.root) is not None, "it ran before the tests: it runs on"
    suite.passes("-o", "sst_after=remove")
    assert "0 resources" in suite.sst("state", "list")
    assert "it is one of stop, keep, remove" in suite.fails("-o", "sst_after=burn")


def test_data_of_the_users_own_stage_is_not_deleted(suite: Suite) -> None:
    suite.write({"test_it.py": "def test_it(sst_app):\n    pass\n"})
    suite.sst("secret", "set", "Token", "mine")
    suite.sst("deploy")
    suite.write({"names.py": 'BUCKET = "Folders"\n', "src/api.py": APP["src/api.py"].replace("Files", "Folders")})
    assert "would delete data on your stage local: Files/Bucket" in suite.fails()
    assert "Files/Bucket" in suite.sst("state", "list")
    suite.passes("--sst-isolated")


def test_several_processes_share_one_stage(suite: Suite) -> None:
    body = "def test_{}(sst_app):\n    assert sst_app.invoke('Api').result['token'] == 'mine'\n"
    suite.write({f"test_{i}.py": body.format(i) for i in range(4)})
    suite.sst("secret", "set", "Token", "mine")
    suite.sst("local", "stop")
    suite.passes("-n", "2")
    assert cloud.status(suite.root) is None
    assert json.loads((suite.root / ".sst/outputs.json").read_text())["bucket"].startswith("small-local-files")
