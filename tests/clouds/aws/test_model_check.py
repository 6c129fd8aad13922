"""The compiled check of properties says what botocore's validator says, and does without botocore where all is well."""
from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from sst.clouds.aws.model_check import _judges, _problems
from sst.clouds.aws.models import operation_model
from sst.clouds.aws.parameters import path_of
from sst.clouds.aws.rows import row

ROWS = ("aws.sqs.Queue", "aws.ssm.Parameter", "aws.lambda.Function", "aws.dynamodb.Table", "aws.sns.Topic",
        "aws.events.Target", "aws.scheduler.Schedule", "aws.iam.Role")
PLAIN: dict[str, Any] = {"string": "x" * 40, "integer": 10 ** 6, "long": 10 ** 6, "boolean": True, "blob": b"x",
                         "float": 1.5, "double": 1.5, "timestamp": "2026-01-01T00:00:00Z"}
ODD = ["", "x", 0, -1, 1, 1.5, True, b"x", [], ["x"], [1], {}, {"x": "y"}, {"x": 1}, {1: "x"}, (), ("x",), {"x"},
       object(), [[]], [{}], [{"x": "y"}], {"x": {}}]


def filled(shape: Any, leaf: Any, depth: int = 4) -> Any:
    """A value of this shape with ``leaf`` in each place; without one, what fits there."""
    match shape.type_name:
        case "structure" if depth:
            return {k: filled(m, leaf, depth - 1) for k, m in shape.members.items()}
        case "list" if depth:
            return [filled(shape.member, leaf, depth - 1)] * max(1, shape.metadata.get("min", 0))
        case "map" if depth:
            return {"x" * 40: filled(shape.value, leaf, depth - 1)}
        case "structure" | "list" | "map":
            return {} if shape.type_name != "list" else []
    return PLAIN[shape.type_name] if leaf is None else leaf


@pytest.mark.parametrize("type", ROWS)
def test_it_judges_as_the_validator_does(type: str) -> None:
    kind = row(type)
    quick = 0
    for k, (c, fits) in _judges(kind).items():
        shape: Any = operation_model(kind.service, c.op).input_shape
        for part in [*filter(None, c.root.split(".")), *path_of(kind, k, c)]:
            shape = shape.members[part.removesuffix("[]")] if shape.type_name == "structure" else shape.value
            shape = shape.member if part.endswith("[]") else shape
        quick += fits(filled(shape, None))
        for value in [*ODD, filled(shape, None), *(filled(shape, leaf) for leaf in ODD)]:
            slow = _problems(kind, c, k, value, lambda _: False, partly=False)
            assert _problems(kind, c, k, value, fits, partly=False) == slow, (k, value)
    assert quick >= 0.7 * len(_judges(kind)), "the validator is asked of properties that are right"


def test_a_right_property_needs_no_botocore() -> None:
    code = ("import sys; from sst.clouds.aws.provider import AwsProvider; from sst.clouds.aws.client import Aws; "
            "aws = AwsProvider(Aws(region='us-east-1', environment={}), app='a', stage='s', lineage=''); "
            "aws.plan('aws.sqs.Queue', None, {'name': 'jobs', 'visibility_timeout': 60, 'tags': {'a': 'b'}}); "
            "print('botocore' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
