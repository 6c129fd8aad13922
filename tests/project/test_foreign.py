"""State files of SST, Pulumi and Terraform: what is read from them, and which resource takes over what."""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from sst.clouds.aws.client import Aws
from sst.clouds.aws.provider import AwsProvider
from sst.clouds.imports import importable
from sst.core.graph import Graph
from sst.core.model import Snapshot
from sst.engine.plan import Plan, plan
from sst.errors import UserError
from sst.project.foreign import Thing, match, read_foreign
from sst.providers.aws import iam, sqs

from ..clouds.aws.rows import ROWS


def resource(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"urn": f"urn:pulumi:dev::app::sst:aws:X${kind}::{name}", "type": kind, "custom": True, **more}


def planned(*names: str) -> Plan:
    graph = Graph("app", "test")
    with graph.active():
        for name in names:
            sqs.Queue(name)
    graph.seal()
    aws = Aws(region="us-east-1", credentials=("", ""), environment={})
    return plan(graph, Snapshot(), lambda type: AwsProvider(aws, app="app", stage="test", lineage=""))


def test_the_id_of_an_import_has_the_shape_of_the_row() -> None:
    known = {k: v for k, v in importable().items() if v[0] in ROWS}
    for name, (ours, id) in known.items():
        assert name.startswith(("aws:", "aws_")) and id.count("/") == ROWS[ours].identifier.count("/"), ours
    assert (
        known["aws_cloudwatch_log_group"]
        == known["aws:cloudwatch/logGroup:LogGroup"]
        == ("aws.logs.LogGroup", "{name}")
    )
    assert known["aws:s3/bucketV2:BucketV2"][0] == "aws.s3.Bucket"
    assert len({how[0] for how in known.values()}) == sum(bool(k.imports) for k in ROWS.values())


@pytest.mark.parametrize("around", [
    lambda r: {"version": 3, "deployment": {"resources": r}},
    lambda r: {"version": 3, "checkpoint": {"latest": {"resources": r}}},
    lambda r: {"latest": {"resources": r}}], ids=["export", "bucket", "bare"])
def test_a_file_of_sst(around: Any) -> None:
    found = read_foreign(json.dumps(around([
        resource("Jobs", "sst:aws:Queue", custom=False),
        resource("JobsQueue", "aws:sqs/queue:Queue", id="https://x/jobs", outputs={"url": "https://x/jobs"}),
        resource("Old", "aws:sqs/queue:Queue", id="https://x/old", outputs={"url": "https://x/old"}, delete=True),
        resource("P", "aws:iam/rolePolicy:RolePolicy", id="r:p", inputs={"role": "r"}, outputs={"name": "p"}),
        resource("Secret", "aws:sqs/queue:Queue", id="i",
                 outputs={"url": {"4dabf18193072939515e22adb298388d": "1b47", "ciphertext": "c"}}),
        resource("Db", "aws:rds/instance:Instance", id="db")])), "f")
    assert found.things == (Thing("JobsQueue", "aws.sqs.Queue", "https://x/jobs"),
                            Thing("P", "aws.iam.RolePolicy", "r/p"))
    assert found.others == (("Secret", "aws:sqs/queue:Queue", "the file does not tell its id"),
                            ("Db", "aws:rds/instance:Instance", "sst has no row for this type; `sst add aws` has it, "
                             "as a class of aws_tf"))


def test_a_file_of_terraform() -> None:
    found = read_foreign(json.dumps({"version": 4, "terraform_version": "1.9.0", "resources": [
        {"mode": "managed", "type": "aws_lambda_function", "name": "api", "module": "module.a",
         "instances": [{"index_key": "eu", "attributes": {"function_name": "api-eu"}},
                       {"deposed": "1", "attributes": {}}]},
        {"mode": "managed", "type": "aws_lambda_permission", "name": "p", "instances": [
            {"attributes": {"function_name": "f", "statement_id": "s"}}]}]}), "f")
    assert found.things == (Thing('module.a.api["eu"]', "aws.lambda.Function", "api-eu"),
                            Thing("p", "aws.lambda.Permission", "f/s"))


def test_a_file_of_terraform_that_was_edited_is_one_all_the_same() -> None:
    found = read_foreign(json.dumps({"version": 4, "resources": [
        {"mode": "managed", "type": "aws_lambda_function", "name": "api", "instances": [
            {"attributes": {"function_name": "api-eu"}}]}]}), "f")
    assert found.tool == "Terraform" and found.things == (Thing("api", "aws.lambda.Function", "api-eu"),)


@pytest.mark.parametrize(("data", "message"), [
    ({"version": 3, "terraform_version": "0.11.14", "modules": [{"path": ["root"], "resources": {}}]},
     "f has Terraform's state format 3; only 4 is understood"),
    ({"lineage": "x", "serial": 1, "encrypted_data": "aGk=", "meta": {}}, "f is encrypted by OpenTofu"),
])
def test_files_of_terraform_that_can_not_be_read(data: Mapping[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as e:
        read_foreign(json.dumps(data), "f")
    assert e.value.hint


@pytest.mark.parametrize("text", ["[]", "3", '{"resources": {}}', '{"resources": [1]}', '{"checkpoint": null}', "null"])
def test_other_files(text: str) -> None:
    with pytest.raises(UserError, match="f is not a state file of SST, Pulumi or Terraform"):
        read_foreign(text, "f")


def test_names_are_matched_without_guessing() -> None:
    things = [Thing("jobs", "aws.sqs.Queue", "1"), Thing("my_mail", "aws.sqs.Queue", "2"),
              Thing("Jobs", "aws.iam.Role", "3")]
    matched = match(things, planned("Jobs", "My-Mail", "Other"), {})
    assert matched.ids == {"aws.sqs.Queue::Jobs": "1", "aws.sqs.Queue::My-Mail": "2"}
    assert [t.id for t, _ in matched.rest] == ["3"]
    twins = [Thing("a.jobs", "aws.sqs.Queue", "1"), Thing("b.jobs", "aws.sqs.Queue", "2")]
    assert match(twins, planned("Jobs"), {}).ids == {}
    assert "so does b.jobs" in match(twins, planned("Jobs"), {}).rest[0][1]
    named = match(twins, planned("Jobs"), {"b.jobs": "Jobs"})
    assert named.ids == {"aws.sqs.Queue::Jobs": "2"} and [t.id for t, _ in named.rest] == ["1"]
    assert iam.Role.type == "aws.iam.Role"
