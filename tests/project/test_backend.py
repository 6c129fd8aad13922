"""The cloud of stage ``local`` starts while the program runs."""
from __future__ import annotations

from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from sst.clouds.context import LocalCloud
from sst.errors import UserError
from sst.project.backend import Backend
from sst.project.project import open_project

PROGRAM = """
import sst
{imported}

def config(input: sst.AppInput) -> sst.Config:
    return sst.Config(name="shop", home="local")

def run():
    pass
"""


def backend(root: Path, start: Any, imported: str = "from sst import aws", stage: str = "local") -> Backend:
    file = root / "sst_config.py"
    file.write_text(PROGRAM.format(imported=imported))
    return Backend(open_project(file, stage=stage, environ={"AWS_REGION": "us-east-1"}), start, "000000000000")


def test_an_expected_cloud_is_waited_for_when_it_is_needed(tmp_path: Path) -> None:
    began, may_end = Event(), Event()
    cloud: Any = SimpleNamespace(account="000000000000")

    def start() -> LocalCloud:
        began.set()
        assert may_end.wait(30)
        return cloud  # type: ignore[no-any-return]  # stands for a cloud

    made = backend(tmp_path, start)
    made.expect_cloud()
    assert began.wait(30)
    assert made.clouds.identify({"aws.sqs.Queue"}) == {"aws": {"account": "000000000000", "region": "us-east-1"}}
    may_end.set()
    assert made.cloud is cloud


def test_why_it_did_not_start_is_raised_once_and_then_it_is_started_again(tmp_path: Path) -> None:
    answers: list[Any] = [UserError("no uv"), SimpleNamespace(account="1")]

    def start() -> LocalCloud:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]  # stands for a cloud

    made = backend(tmp_path, start)
    made.expect_cloud()
    with pytest.raises(UserError, match="no uv"):
        made.await_cloud()
    assert made.cloud.account == "1"


@pytest.mark.parametrize(("imported", "stage"), [("from sst.providers import stripe", "local"),
                                                 ("from sst import aws", "production")])
def test_no_other_program_starts_it(tmp_path: Path, imported: str, stage: str) -> None:
    started: list[str] = []

    def start() -> LocalCloud:
        started.append("")
        raise UserError("not wanted")

    made = backend(tmp_path, start, imported, stage)
    made.expect_cloud()
    made.await_cloud()
    assert not started
