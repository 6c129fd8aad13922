"""The bucket that holds the state of all apps of an AWS account, made on first use and recorded in SSM."""
from __future__ import annotations

import json
import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import ProviderError, StateError
from .s3 import Call

__all__ = ["RECORD", "Bucket", "bootstrap", "find_bucket", "partition_of"]

RECORD = "/sst-py/bootstrap"
"""Name of the SSM parameter. SST's own record is another one and is left alone."""

_HINT = "the deploying role needs ssm:GetParameter and, on first use, ssm:PutParameter and the right to create a bucket"
_NONCURRENT_DAYS = 90


@dataclass(frozen=True, slots=True)
class Bucket:
    """The state bucket and its region."""

    name: str
    region: str


_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b",
               "eu-isoe-": "aws-iso-e", "us-isof-": "aws-iso-f", "eusc-": "aws-eusc"}


def partition_of(region: str) -> str:
    """The second word of ARNs in a region."""
    return next((name for start, name in _PARTITIONS.items() if region.startswith(start)), "aws")


def find_bucket(calls: Callable[[str], Call], region: str) -> Bucket | None:
    """The account's state bucket of ``region``, if it was made already. Makes nothing."""
    found = _read(calls(region))
    return Bucket(str(found["bucket"]), str(found["region"])) if found and found["ready"] else None


def bootstrap(calls: Callable[[str], Call], region: str) -> Bucket:
    """Find the account's state bucket in ``region``; make it there on first use. Nothing leaves the region.

    ``calls(region)`` gives the calls to that region. The name is recorded before the bucket is made, so racers make the
    same one and a crash leaves nothing behind that the next command does not finish. Costs one call when all is there.
    """
    record = calls(region)
    found = _read(record)
    if found is None:
        name = f"sst-py-state-{region}-{''.join(secrets.choice(string.ascii_lowercase) for _ in range(12))}"
        try:
            _write(record, {"bucket": name, "region": region, "ready": False}, overwrite=False)
        except ProviderError as e:
            if e.code != "ParameterAlreadyExists":
                raise
        found = _read(record)
        if found is None:
            raise StateError(f"the SSM parameter {RECORD} vanished while it was made", hint="run the command again")
    bucket = Bucket(str(found["bucket"]), str(found["region"]))
    if not found["ready"]:
        _make(calls(bucket.region), bucket)
        _write(record, {**found, "ready": True}, overwrite=True)
    return bucket


def _read(call: Call) -> dict[str, Any] | None:
    try:
        answer = call("ssm", "get_parameter", {"Name": RECORD})
    except ProviderError as e:
        if e.code == "ParameterNotFound":
            return None
        raise
    try:
        data = json.loads(answer["Parameter"]["Value"])
        return {"bucket": data["bucket"], "region": data["region"], "ready": data["ready"]}
    except (ValueError, KeyError, TypeError) as e:
        raise StateError(f"the SSM parameter {RECORD} can't be read", hint=_HINT) from e


def _write(call: Call, value: Mapping[str, Any], *, overwrite: bool) -> None:
    call("ssm", "put_parameter", {"Name": RECORD, "Type": "String", "Overwrite": overwrite, "Value": json.dumps(value),
                                  "Description": "where sst for Python keeps the state of this account's apps"})


def _make(call: Call, bucket: Bucket) -> None:
    """Each step may be done twice, and by two at once."""
    place = {} if bucket.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": bucket.region}}
    try:
        call("s3", "create_bucket", {"Bucket": bucket.name, **place})
    except ProviderError as e:
        if e.code != "BucketAlreadyOwnedByYou":
            raise
    for operation, params in _settings(bucket):
        call("s3", operation, {"Bucket": bucket.name, **params})


def _settings(bucket: Bucket) -> list[tuple[str, dict[str, Any]]]:
    arn = f"arn:{partition_of(bucket.region)}:s3:::{bucket.name}"
    tls_only = {"Version": "2012-10-17", "Statement": [
        {"Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"],
         "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}
    return [
        ("put_bucket_encryption", {"ServerSideEncryptionConfiguration": {
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}}),
        ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Enabled"}}),
        ("put_public_access_block", {"PublicAccessBlockConfiguration": {
            "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True}}),
        ("put_bucket_lifecycle_configuration", {"LifecycleConfiguration": {"Rules": [
            {"ID": "former-versions", "Status": "Enabled", "Filter": {"Prefix": ""},
             "NoncurrentVersionExpiration": {"NoncurrentDays": _NONCURRENT_DAYS},
             "Expiration": {"ExpiredObjectDeleteMarker": True}}]}}),
        ("put_bucket_policy", {"Policy": json.dumps(tls_only)}),
    ]
