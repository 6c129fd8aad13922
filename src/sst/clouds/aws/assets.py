"""The bucket for code that is too large for a call, one for each account and region."""
from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from ...errors import ProviderError, UserError

if TYPE_CHECKING:
    from .client import Aws

__all__ = ["RECORD", "assets_of", "transient"]

RECORD = "/sst-py/assets"
"""Name of the SSM parameter that has the bucket's name. The name is random: one that can be guessed could be taken by
somebody else first."""
KEPT = 30
"""Days after which code is deleted: Lambda has its own copy."""
_NEW_BUCKET = ("NoSuchBucket", "OperationAborted")


def transient(operation: str) -> tuple[str, ...]:
    """The errors of a call that are worth a retry: a new bucket is not seen everywhere at once."""
    return _NEW_BUCKET if operation.startswith(("put_bucket_", "put_public_")) else ()


def assets_of(client: Aws) -> str:
    """The name of the bucket in the client's account and region; made on first use. The name is recorded before the
    bucket is made, so racers make the same one and a crash leaves nothing behind that the next deploy does not
    finish."""
    found = _read(client)
    if found is None:
        from string import ascii_lowercase

        name = f"sst-py-assets-{client.region}-{''.join(secrets.choice(ascii_lowercase) for _ in range(12))}"
        try:
            _write(client, name, ready=False, overwrite=False)
        except ProviderError as e:
            if e.code != "ParameterAlreadyExists":
                raise
        found = _read(client) or {"bucket": name, "ready": False}
    name = str(found["bucket"])
    if not found["ready"]:
        _make(client, name)
        _write(client, name, ready=True, overwrite=True)
    return name


def _read(client: Aws) -> dict[str, Any] | None:
    try:
        text = client.call("ssm", "get_parameter", {"Name": RECORD})["Parameter"]["Value"]
    except ProviderError as e:
        if e.code == "ParameterNotFound":
            return None
        raise
    try:
        data = json.loads(text)
        return {"bucket": data["bucket"], "ready": data["ready"]}
    except (ValueError, KeyError, TypeError) as e:
        raise UserError(f"the SSM parameter {RECORD} in {client.region} can't be read",
                        hint="delete it: the next deploy makes a new bucket") from e


def _write(client: Aws, name: str, *, ready: bool, overwrite: bool) -> None:
    client.call("ssm", "put_parameter", {"Name": RECORD, "Type": "String", "Overwrite": overwrite,
                                         "Value": json.dumps({"bucket": name, "ready": ready}),
                                         "Description": "where sst for Python puts large code on its way to Lambda"})


def _make(client: Aws, name: str) -> None:
    """Each step may be done twice, and by two at once."""
    place = ({} if client.region == "us-east-1"
             else {"CreateBucketConfiguration": {"LocationConstraint": client.region}})
    try:
        client.call("s3", "create_bucket", {"Bucket": name, **place})
    except ProviderError as e:
        if e.code != "BucketAlreadyOwnedByYou":
            raise
    for operation, params in _settings(f"arn:{client.partition()}:s3:::{name}"):
        client.call("s3", operation, {"Bucket": name, **params}, retry=transient(operation))


def _settings(arn: str) -> list[tuple[str, dict[str, Any]]]:
    tls_only = {"Version": "2012-10-17", "Statement": [
        {"Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"],
         "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}
    blocked = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    return [
        ("put_public_access_block", {"PublicAccessBlockConfiguration": blocked}),
        ("put_bucket_lifecycle_configuration", {"LifecycleConfiguration": {"Rules": [
            {"ID": "code", "Status": "Enabled", "Filter": {"Prefix": "assets/"}, "Expiration": {"Days": KEPT},
             "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}]}}),
        ("put_bucket_policy", {"Policy": json.dumps(tls_only)}),
    ]
