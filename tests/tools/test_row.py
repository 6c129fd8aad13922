"""Drafts of rows: what they hold, and that they pass the lint or say what does not."""
from __future__ import annotations

import json
from pathlib import Path

import pytest
from tools.row.__main__ import drafted, main, row_class
from tools.row.model import snake
from tools.row.schema import find_schema
from tools.row.source import sample_source

from sst.clouds.aws.lint import lint

STREAM = {
    "typeName": "AWS::Kinesis::Stream",
    "properties": {"Name": {"description": "The name of the stream. More."}, "Arn": {}, "ShardCount": {},
                   "StreamModeDetails": {"description": "How it scales."}, "RetentionPeriodHours": {}},
    "createOnlyProperties": ["/properties/Name"], "readOnlyProperties": ["/properties/Arn"],
    "primaryIdentifier": ["/properties/Name"],
    "handlers": {"create": {"permissions": ["kinesis:CreateStream"]},
                 "read": {"permissions": ["kinesis:DescribeStreamSummary"]},
                 "update": {"permissions": ["kinesis:UpdateStreamMode", "kinesis:DescribeStreamSummary"]},
                 "delete": {"permissions": ["kinesis:DeleteStream"]}, "list": {"permissions": ["kinesis:ListStreams"]}}}
TYPES = ["kinesis.Stream", "ecs.Cluster", "ec2.Vpc", "kms.Key", "rds.DBCluster", "elbv2.LoadBalancer", "sns.Topic",
         "cloudfront.Distribution", "cloudfront.CachePolicy", "stepfunctions.StateMachine", "ecr.Repository",
         "cognito-idp.UserPool", "codebuild.Project", "lambda.Alias"]


@pytest.mark.parametrize("type", TYPES)
def test_a_draft_is_a_row_that_passes_the_lint_or_says_what_does_not(type: str, tmp_path: Path) -> None:
    service, _, noun = type.partition(".")
    made, text = drafted(service, noun, schemas=tmp_path)
    kind = row_class(text)
    assert kind.type == f"aws.{type}" and kind.create.op and kind.props and kind.not_found_codes is not None
    said = " ".join(line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#"))
    for problem in lint(kind):
        assert f"lint: {problem.partition(': ')[2]}" in said
    for line in made.decide:
        assert f"decide: {line}" in said
    assert not [line for line in text.splitlines() if len(line) > 120]
    compile(sample_source(made), type, "exec")


def test_a_draft_with_a_schema_knows_what_replaces_and_which_calls_it_takes(tmp_path: Path) -> None:
    (tmp_path / "stream.json").write_text(json.dumps(STREAM))
    made, text = drafted("kinesis", "Stream", tmp_path / "stream.json")
    kind = row_class(text)
    assert list(lint(kind)) == []
    name = kind.props["name"]
    assert (name.wire, name.limit, name.replace) == ("StreamName", 128, True)
    assert kind.read and kind.read.op == "describe_stream_summary" and kind.response_root == "StreamDescriptionSummary"
    assert [c.op for c in kind.update] == ["update_stream_mode"] and not kind.props["mode_details"].replace
    assert kind.delete and kind.delete.params == {"StreamName": "$name"} and kind.identity == "name"
    assert kind.outs["arn"].path == "StreamDescriptionSummary.StreamARN"
    assert kind.tagging and kind.tagging.add and kind.tagging.add.op == "add_tags_to_stream"
    assert '"""How it scales."""' in text and any("read_back" in d for d in made.decide)


def test_schemas_are_found_by_type_in_the_data_of_cfn_lint(tmp_path: Path) -> None:
    data = tmp_path / "cfnlint/data/schemas"
    (data / "providers").mkdir(parents=True)
    (data / "resources").mkdir()
    index = {"AWS::Kinesis::Stream": "ab12", "AWS::Other::Stream": "cd"}
    (data / "providers/us-east-1.json").write_text(json.dumps(index))
    (data / "resources/ab12.json").write_text(json.dumps(STREAM))
    found = find_schema(tmp_path, "kinesis", "Stream")
    assert found and found.create_only == {"Name"} and found.read_only == ("Arn",)
    assert found.text("Name") == "The name of the stream"
    assert find_schema(tmp_path, "kinesis", "Nothing") is None
    assert find_schema(tmp_path / "none", "kinesis", "Stream") is None


def test_what_a_service_does_not_have_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kinesis.Nothing"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("kinesis has no operation that creates a Nothing; it has ") and "CreateStream" in error
    assert main(["sns.Topic"]) == 0
    shown = capsys.readouterr().out
    assert 'class Topic(AwsResource, type="aws.sns.Topic", service="sns"):' in shown and "@sample(" in shown


@pytest.mark.parametrize(("member", "name"), [("DBClusterIdentifier", "db_cluster_identifier"), ("VpcId", "vpc_id"),
                                              ("MaxRecordSizeInKiB", "max_record_size_in_kib"),
                                              ("HTTPPort", "http_port"),
                                              ("Ipv6CidrBlock", "ipv6_cidr_block"), ("clusterArn", "cluster_arn")])
def test_members_in_snake_case(member: str, name: str) -> None:
    assert snake(member) == name
