"""Events as data: what one process writes, another one reads."""
from __future__ import annotations

import json
from dataclasses import fields
from typing import get_args

import pytest

from sst.core.model import Op
from sst.dev.events import CallBegan, CallEnded, DeployEnded, FunctionReloaded, Notice, SessionEvent, from_json
from sst.errors import DeployError, Failure, Problems, ProviderError, UserError
from sst.events import Event, Planned, StepDone, error_from_json, error_to_json, to_json


@pytest.mark.parametrize("event", [
    Planned({Op.CREATE: 2, Op.SAME: 1}), StepDone("a", Op.UPDATE, 1.5, "id"),
    DeployEnded("shop", "local", {Op.CREATE: 3}, 1, {"url": "http://x"}, to_confirm=("Uploads",)),
    CallBegan(7, "Api", "GET /", "r", 1.25, '{"a": 1}', replay_of=3), CallEnded(7, "Api", 2.5, 3.0, status=200),
    FunctionReloaded(("A", "B"), ("src/a.py",)), Notice("deploy", "hello", "warn")])
def test_an_event_comes_back_as_it_was(event: Event | SessionEvent) -> None:
    assert from_json(json.loads(json.dumps(to_json(event)))) == event


def test_no_field_hides_the_name_of_the_kind() -> None:
    assert not [t for t in (*get_args(Event), *get_args(SessionEvent)) if "event" in {f.name for f in fields(t)}]
    assert to_json(StepDone("a", Op.CREATE, 1.0))["event"] == "step_done" and from_json({"event": "new kind"}) is None


def test_errors_keep_what_a_reader_needs() -> None:
    refused = ProviderError("no such key", code="KMS.NotFound", operation="kms encrypt", request_id="r1",
                            hint="make one")
    failed = DeployError([Failure("urn", "Api/Key", "aws.kms.Key", "create", "sst_config.py:3", refused)], skipped=2)
    for error in (UserError("wrong", hint="do this", where="a.py:1"), refused, failed,
                  Problems([UserError("one"), UserError("two", where="b.py:2")])):
        back = error_from_json(json.loads(json.dumps(error_to_json(error))))
        assert type(back) is type(error) and str(back) == str(error)
    assert back is not failed and error_from_json(error_to_json(failed)).failures[0].error.code == "KMS.NotFound"  # type: ignore[attr-defined]  # a DeployError
    assert str(error_from_json(error_to_json(KeyError("x")))) == "KeyError: 'x'"
