"""The rules of limits refuse by themselves: a plan refuses most of it before any call, so no row or app meets them."""
from __future__ import annotations

import json
from typing import Any

import pytest

from sst.clouds.aws.client import Aws
from sst.errors import ProviderError

from .cloud import StrictCloud

pytestmark = [pytest.mark.emulator, pytest.mark.slow]
FUNCTION = {"FunctionName": "f", "Role": "arn:aws:iam::123456789012:role/r", "Runtime": "python3.12",
            "Handler": "a.b", "Code": {"ZipFile": b""}}


def policy(size: int) -> str:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/" + "x" * size}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def notifications(*filters: tuple[str, str]) -> dict[str, Any]:
    told = [{"Id": str(n), "TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Events": ["s3:ObjectCreated:*"],
             "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix},
                                                {"Name": "suffix", "Value": suffix}]}}}
            for n, (prefix, suffix) in enumerate(filters)]
    return {"Bucket": "b", "NotificationConfiguration": {"TopicConfigurations": told}}


def redrive(queue: str, dead: str) -> dict[str, Any]:
    target = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:123456789012:{dead}", "maxReceiveCount": 3}
    return {"QueueName": queue, "Attributes": {"RedrivePolicy": json.dumps(target)}}


OVER: dict[str, tuple[str, str, dict[str, Any]]] = {
    "environment_size": ("lambda", "create_function", {**FUNCTION, "Environment": {"Variables": {"A": "x" * 4096}}}),
    "reserved_variables": ("lambda", "create_function",
                           {**FUNCTION, "Environment": {"Variables": {"AWS_REGION": "x"}}}),
    "bucket_policy_size": ("s3", "put_bucket_policy", {"Bucket": "b", "Policy": policy(20480)}),
    "role_policy_size": ("iam", "put_role_policy", {"RoleName": "r", "PolicyName": "p",
                                                    "PolicyDocument": policy(10240)}),
    "parameter_size": ("ssm", "put_parameter", {"Name": "/a", "Value": "x" * 4097, "Type": "String"}),
    "edge_code_size": ("cloudfront", "create_function", {
        "Name": "f", "FunctionCode": b"x" * 10241,
        "FunctionConfig": {"Comment": "", "Runtime": "cloudfront-js-2.0"}}),
    "fifo_dead_letters": ("sqs", "create_queue", redrive("jobs", "dead.fifo")),
    "one_index_at_a_time": ("dynamodb", "update_table", {"TableName": "t", "GlobalSecondaryIndexUpdates": [
        {"Delete": {"IndexName": "one"}}, {"Delete": {"IndexName": "two"}}]}),
    "repository_name": ("ecr", "create_repository", {"repositoryName": "Shop"}),
}
"""One input over each limit."""


@pytest.mark.parametrize("strict", ["moto"], indirect=True)
def test_what_is_over_a_limit_is_refused_by_its_rule(strict: StrictCloud, aws: Aws) -> None:
    for rule, (service, operation, params) in OVER.items():
        before = strict.met[rule]
        with pytest.raises(ProviderError):
            aws.call(service, operation, params)
        assert strict.met[rule] == before + 1, f"{rule}: {strict.refusals}"


@pytest.mark.parametrize("strict", ["moto"], indirect=True)
def test_overlapping_filters_are_refused(strict: StrictCloud, aws: Aws) -> None:
    for filters, ambiguous in (((("in/", ""), ("in/a/", ".jpg")), True), ((("", ".jpg"), ("", "x.jpg")), True),
                               ((("in/", ""), ("out/", "")), False), ((("in/", ".png"), ("in/", ".jpg")), False)):
        with pytest.raises(ProviderError):      # there is no such topic, which the emulator says later
            aws.call("s3", "put_bucket_notification_configuration", notifications(*filters))
        assert strict.met["overlapping_filters"] == ambiguous, filters
        strict.refusals.clear()
