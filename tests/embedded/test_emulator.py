"""The emulator behind its gate: real AWS calls, real refusals."""
from __future__ import annotations

import http.client
import json
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sst.embedded.cloud import Cloud

pytestmark = pytest.mark.emulator


_SESSION = botocore.session.get_session()
"""Reads each service's model once."""


def client(cloud: Cloud, service: str, *, access_key: str = "", secret_key: str = "", token: str | None = None) -> Any:
    return _SESSION.create_client(
        service, region_name=cloud.region, endpoint_url=cloud.endpoint,
        aws_access_key_id=access_key or cloud.access_key,
        aws_secret_access_key=secret_key or cloud.secret_key, aws_session_token=token,
        config=Config(retries={"max_attempts": 0}))


def raw(cloud: Cloud, method: str, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    line = http.client.HTTPConnection(cloud.endpoint.removeprefix("http://"), timeout=10)
    try:
        line.request(method, path, headers=headers)
        answer = line.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        line.close()


def test_the_root_keys_work_and_no_others_do(cloud: Cloud) -> None:
    assert client(cloud, "sts").get_caller_identity()["Account"] == cloud.account
    for key, secret in (("test", "test"), ("000000000000", "test"), (cloud.access_key, "wrong"),
                        ("AKIA" + "A" * 16, "x")):
        with pytest.raises(ClientError) as refused:
            client(cloud, "sqs", access_key=key, secret_key=secret).create_queue(QueueName="nobody")
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize(("service", "call", "kind"), [
    ("sqs", "list_queues", "application/x-amz-json-1.0"), ("logs", "describe_log_groups", "application/x-amz-json-1.1"),
    ("lambda", "list_functions", "application/json"), ("sts", "get_caller_identity", "text/xml"),
    ("s3", "list_buckets", "application/xml"),
])
def test_each_service_answers_in_its_own_protocol(cloud: Cloud, service: str, call: str, kind: str) -> None:
    answer = getattr(client(cloud, service), call)()
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-type"] == kind


def test_an_unsigned_s3_call_is_not_root(cloud: Cloud) -> None:
    s3 = client(cloud, "s3")
    s3.create_bucket(Bucket="closed")
    s3.put_object(Bucket="closed", Key="a", Body=b"1")
    assert raw(cloud, "GET", "/closed/a", {})[0] == 403
    s3.delete_public_access_block(Bucket="closed")
    public = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::closed/*"}
    s3.put_bucket_policy(Bucket="closed", Policy=json.dumps({"Version": "2012-10-17", "Statement": [public]}))
    assert raw(cloud, "GET", "/closed/a", {})[::2] == (200, b"1")
    assert raw(cloud, "GET", "/closed?list-type=2", {})[0] == 403


@pytest.mark.parametrize("headers", [
    {"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}, {"host": "evil.example"},
])
def test_a_web_page_gets_403_and_no_cors(cloud: Cloud, headers: dict[str, str]) -> None:
    for method, path in (("GET", "/"), ("OPTIONS", "/bucket"), ("POST", "/_ministack/reset"),
                         ("POST", "/_sst/address")):
        status, answered, _ = raw(cloud, method, path, headers)
        assert status == 403
        assert not [name for name in answered if name.startswith("access-control-")]


@pytest.mark.parametrize("path", ["/_ministack/reset", "/_ministack/config", "/_sst/address", "/_sst/status"])
def test_control_endpoints_need_the_token(cloud: Cloud, path: str) -> None:
    assert raw(cloud, "POST", path, {})[0] == 403
    assert raw(cloud, "POST", path, {"x-sst-token": "guess"})[0] == 403


def test_the_data_folder_is_private(cloud: Cloud) -> None:
    client(cloud, "ssm").put_parameter(Name="/a", Value="b", Type="SecureString")
    assert cloud.folder.stat().st_mode & 0o777 == 0o700
    files = [f for f in cloud.folder.rglob("*") if f.is_file()]
    assert {f.name for f in files} >= {"keys.json", "cloud.json", "state.db"}
    assert {f.stat().st_mode & 0o077 for f in files} == {0}
