"""Deployed functions whose calls run on a developer's machine, and what happens when nobody is there."""
from __future__ import annotations

import pytest

from ...embedded.functions import invoke
from .stage import Stage

pytestmark = pytest.mark.emulator

ECHO = "def handler(event, context):\n    print('hello')\n    return {'here': event, 'id': context.aws_request_id}\n"


def test_a_call_is_answered_by_the_laptop(stage: Stage) -> None:
    name = stage.function(wait=2000)
    with stage.laptop(ECHO) as laptop:
        answer, error = invoke(stage.cloud, name, {"a": "ü"})
        assert not error and answer["here"] == {"a": "ü"}
        assert laptop.live.calls[0].request_id == answer["id"]
    assert invoke(stage.cloud, name)[0] == "deployed"
