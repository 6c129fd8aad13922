"""Changes by hand of a deployed app: the real ``sst`` finds each, shows no other, and puts all of them back."""
from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sst.clouds.aws.client import Aws
from sst.embedded.cloud import Cloud

from .conftest import full
from .proxy import proxy
from .stage import Stage

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.timeout(600), full]


@pytest.fixture(params=["local", "aws"])
def stage(request: pytest.FixtureRequest, tmp_path: Path, cloud: Cloud, aws: Aws,
          figures: Counter[str]) -> Iterator[Stage]:
    with proxy(cloud.endpoint) as way:
        stage = Stage(tmp_path, cloud, aws, way, figures, request.param)
        yield stage
        stage.remove()


def other_code() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("app.py", "def handler(event, context):\n    return 'by hand'\n")
    return out.getvalue()


def test_what_was_changed_by_hand_is_found_and_put_back(stage: Stage) -> None:
    then, aws = stage.calm(), stage.aws
    known = {s.urn.rpartition("::")[2]: s for s in stage.state().resources.values()}
    assert "no drift" in stage.sst("refresh").text
    worker, jobs, role = known["Worker"].id, known["Jobs"].id, known["Runner"].id
    sha = aws.call("lambda", "get_function", {"FunctionName": worker})["Configuration"]["CodeSha256"]
    aws.call("lambda", "update_function_code", {"FunctionName": worker, "ZipFile": other_code()})
    aws.call("lambda", "update_function_configuration",
             {"FunctionName": worker, "Timeout": 99, "Environment": {"Variables": {"A": "b"}}})
    aws.call("sqs", "set_queue_attributes", {"QueueUrl": jobs, "Attributes": {"VisibilityTimeout": "7"}})
    aws.call("sqs", "tag_queue", {"QueueUrl": jobs, "Tags": {"who": "me"}})
    aws.call("iam", "update_role", {"RoleName": role, "Description": "by hand"})
    aws.call("iam", "delete_role_policy", {"RoleName": role, "PolicyName": known["Rights"].id.partition("/")[2]})
    aws.call("s3", "put_bucket_policy", {"Bucket": known["Files"].id,
                                         "Policy": json.dumps({"Version": "2012-10-17", "Statement": []})})
    aws.call("logs", "delete_retention_policy", {"logGroupName": known["Lines"].id})
    aws.call("apigatewayv2", "delete_route", {"ApiId": known["Front"].id, "RouteId": known["Home"].id})
    found = json.loads(stage.sst("diff", "--refresh", "--json").text)["drift"]
    rows = {f"{r['name']}.{r['property']}" if r["property"] else r["name"] for r in found}
    assert rows == {"Worker.code", "Worker.timeout", "Worker.environment", "Jobs.visibility_timeout", "Jobs.tags",
                    "Runner.description",
                    "Rights", "Readers", "Lines.retention", "Home"}
    stage.sst("refresh", *(w for row in sorted({r.partition(".")[0] for r in rows}) for w in ("--revert", row)))
    assert "no drift" in stage.sst("refresh").text
    stage.check(then)
    assert aws.call("lambda", "get_function", {"FunctionName": worker})["Configuration"]["CodeSha256"] == sha
    assert "who" not in aws.call("sqs", "list_queue_tags", {"QueueUrl": jobs})["Tags"]
    stage.figures["changes by hand that were found and put back"] += len(rows)
