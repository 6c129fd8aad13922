"""The deployed app in test-suites as users write them."""
from __future__ import annotations

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


@pytest.mark.long
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
    for call, said in ((lambda: sst_app.fire("Dayly"), 'did you mean "Daily"'),
                       (lambda: sst_app.invoke("Apis"), "did you mean"),
                       (lambda: sst_app.invoke("Api", object()), "not JSON")):
        with pytest.raises(UserError, match=said):
            call()

def test_between():
    assert "AWS_ENDPOINT_URL" not in os.environ and "Files" not in Resource
'''})
    assert "6 passed" in suite.passes()
    assert not (suite.root / ".sst/local").exists()


@pytest.mark.long
def test_time_passes_for_crons_when_a_test_says_so(suite: Suite) -> None:
    more = """    aws.Cron("Nine", schedule="cron(0 9 ? * MON-FRI *)", timezone="Europe/Berlin", job="src/api.daily")
    aws.Cron("Off", schedule="rate(1 minute)", enabled=False, job="src/api.daily")
    return {"""
    suite.write({"sst_config.py": APP["sst_config.py"].replace("    return {", more), "test_it.py": """
from datetime import UTC, datetime, timedelta
import boto3, pytest
from sst.errors import UserError

FRIDAY = datetime(2030, 3, 29, tzinfo=UTC)      # clocks change on the Sunday that follows

def test_advance(sst_app):
    sst_app.time = FRIDAY
    runs = sst_app.advance("4 days")
    assert [run.at for run in runs if run.function == "Nine"] == [
        datetime(2030, 3, 29, 8, tzinfo=UTC), datetime(2030, 4, 1, 7, tzinfo=UTC)]
    daily = [run for run in runs if run.function == "Daily"]
    assert len(daily) == 4 and daily[0].result == {"at": daily[0].at.strftime("%Y-%m-%dT%H:%M:%SZ"), "n": 1}
    assert len(runs) == 6 and runs == sorted(runs, key=lambda run: run.at)
    assert sst_app.time == FRIDAY + timedelta(days=4)
    more = sst_app.advance(timedelta(minutes=1))        # Daily runs at the time of day at which it was deployed
    assert not [run for run in more if run.function != "Daily"]

def test_limits(sst_app):
    with pytest.raises(UserError, match="more than 1,000 times"):
        sst_app.advance("2000 days")
    with pytest.raises(UserError, match="no time zone"):
        sst_app.time = datetime(2030, 1, 1)

def test_none_runs_by_itself(sst_app):
    client = boto3.client("scheduler")
    assert {s["State"] for s in client.list_schedules()["Schedules"]} == {"DISABLED"}
"""})
    assert "3 passed" in suite.passes()


@pytest.mark.long
def test_the_users_own_stage_is_not_touched(suite: Suite) -> None:
    suite.write({"test_it.py": """
import boto3
from sst import Resource

def test_it(sst_app):
    assert sst_app.invoke("Api").result["token"] == "the secret Token"
    assert boto3.client("s3").list_objects_v2(Bucket=Resource.Files.name)["KeyCount"] == 0
"""})
    suite.passes()
    assert not (suite.root / ".sst/local").exists() and not (suite.root / ".sst/outputs.json").exists()
    suite.sst("secret", "set", "Token", "mine")
    suite.sst("deploy")
    before = cloud.status(suite.root)
    outputs = (suite.root / ".sst/outputs.json").read_text()
    suite.passes()
    assert cloud.status(suite.root) == before is not None
    assert (suite.root / ".sst/outputs.json").read_text() == outputs
    assert "no changes" in suite.sst("deploy")
    assert suite.places() == []


@pytest.mark.long
def test_a_failing_deploy_is_told_once_in_words(suite: Suite) -> None:
    suite.write({"src/api.py": APP["src/api.py"], "pyproject.toml": '[project]\nname = "small"\nversion = '
                                                                    '"1"\ndependencies = ["./gone"]\n',
                 "test_it.py": "def test_it(sst_app):\n    pass\n\ndef test_too(sst_app):\n    pass\n"})
    told = suite.fails()
    assert "could not be deployed" in told and "create Api/Code (sst_config.py:" in told, told
    assert "src/sst/" not in told and "Traceback" not in told and "another exception" not in told
    assert suite.places() == []


@pytest.mark.long
def test_what_a_killed_run_left_is_deleted_by_the_next_one(suite: Suite) -> None:
    suite.write({"test_it.py": "import os, signal\n\ndef test_it(sst_app):\n    os.kill(os.getpid(), "
                               "signal.SIGKILL)\n"})
    code, told = suite.pytest()
    assert code == -9, told
    [left] = suite.places()
    assert cloud.status(left) is not None
    suite.write({"test_it.py": "def test_it(sst_app):\n    pass\n"})
    suite.passes()
    assert suite.places() == [] and cloud.status(left) is None


@pytest.mark.long
def test_workers_of_xdist_share_one_app(suite: Suite, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    test = f'''
import os, pytest

@pytest.mark.parametrize("n", range(6))
def test_it(sst_app, n):
    assert sst_app.invoke("Api", {{"n": n}}).result["event"] == {{"n": n}}
    with open({str(seen)!r}, "a") as file:
        print(os.environ["PYTEST_XDIST_WORKER"], sst_app.outputs["bucket"], sst_app.environment["AWS_ENDPOINT_URL"],
              file=file)
'''
    suite.write({"conftest.py": SECRETS, "test_a.py": test, "test_b.py": test})
    assert "12 passed" in suite.passes("-n", "2", "--dist", "loadfile")
    lines = [line.split() for line in seen.read_text().splitlines()]
    workers, buckets, clouds = (set(column) for column in zip(*lines, strict=True))
    assert len(workers) == 2 and len(buckets) == len(clouds) == 1
    assert [p.name for p in (suite.root / ".sst/testing").iterdir()] == ["turn"]
    seen.unlink()
    assert "12 passed" in suite.passes("-n", "2", "--dist", "loadfile", "--sst-app-per-worker")
    assert len({line.split()[2] for line in seen.read_text().splitlines()}) == 2


@pytest.mark.long
def test_a_failure_shows_the_line_of_the_test_and_nothing_of_ours(suite: Suite) -> None:
    suite.write({"conftest.py": SECRETS, "test_it.py": '''
def test_a_name(sst_app):
    sst_app.invoke("Apis")

def test_an_error(sst_app):
    assert sst_app.invoke("Api", {"fail": 1}).result == 1
'''})
    code, said = suite.pytest()
    assert code == 1 and "2 failed" in said and said.count("no such thing") <= 3, said
    assert 'did you mean "Api"' in said and "ValueError: no such thing" in said and ' File "src/api.py"' in said
    for inner in ("project/invoke.py", "project/shell.py", "testing/app.py", "def function_named", ".sst/testing"):
        assert inner not in said, said
