"""The bucket for large code: one for each account and region, under a name that nobody can guess."""
from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from sst.clouds.aws.assets import RECORD, assets_of
from sst.clouds.aws.client import Aws
from sst.clouds.aws.uploads import Uploads
from sst.errors import ProviderError, UserError

from .samples import zip_file

pytestmark = pytest.mark.emulator


@pytest.fixture(autouse=True)
def no_record(aws: Aws) -> Iterator[None]:
    forget(aws)
    yield
    forget(aws)


def forget(aws: Aws) -> None:
    try:
        aws.call("ssm", "delete_parameter", {"Name": RECORD})
    except ProviderError as e:
        assert e.code == "ParameterNotFound"


def test_racers_make_one_bucket_that_is_closed_and_emptied(aws: Aws) -> None:
    with ThreadPoolExecutor(4) as pool:
        names = set(pool.map(lambda _: assets_of(aws), range(4)))
    assert len(names) == 1
    name = names.pop()
    assert name.startswith("sst-py-assets-us-east-1-") and len(name.rpartition("-")[2]) == 12
    told = {op: aws.call("s3", op, {"Bucket": name}) for op in (
        "get_bucket_policy", "get_public_access_block", "get_bucket_lifecycle_configuration")}
    assert "aws:SecureTransport" in told["get_bucket_policy"]["Policy"]
    assert all(told["get_public_access_block"]["PublicAccessBlockConfiguration"].values())
    assert told["get_bucket_lifecycle_configuration"]["Rules"][0]["Expiration"]["Days"] == 30
    before = sum(aws.counts.values())
    assert assets_of(aws) == name and sum(aws.counts.values()) == before + 1
    aws.call("s3", "delete_bucket", {"Bucket": name})


def test_a_making_that_died_half_way_is_finished(aws: Aws) -> None:
    name = f"sst-py-assets-us-east-1-{'q' * 12}"
    aws.call("ssm", "put_parameter", {"Name": RECORD, "Type": "String",
                                      "Value": json.dumps({"bucket": name, "ready": False})})
    assert assets_of(aws) == name
    assert json.loads(aws.call("ssm", "get_parameter", {"Name": RECORD})["Parameter"]["Value"])["ready"]
    aws.call("s3", "delete_bucket", {"Bucket": name})


def test_a_bucket_that_is_gone_and_a_broken_record_are_said(aws: Aws) -> None:
    record = {"Name": RECORD, "Type": "String", "Overwrite": True}
    aws.call("ssm", "put_parameter", {**record, "Value": json.dumps({"bucket": "sst-py-gone", "ready": True})})
    uploads = Uploads(lambda: aws, lambda inputs: zip_file("1"), lambda: assets_of(aws), "assets/app/test")
    uploads.inline = 0
    with pytest.raises(ProviderError, match=RECORD):
        uploads.code({})
    aws.call("ssm", "put_parameter", {**record, "Value": "nonsense"})
    with pytest.raises(UserError, match=RECORD):
        assets_of(aws)
