"""S3: https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html"""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ...core.output import Output
from ...core.provider import Note
from ...core.resource import Arg, out, prop
from ...errors import ProviderError
from .table import AwsResource, Call, Tagging, call

__all__ = ["Bucket", "BucketCors", "BucketEncryption", "BucketLifecycle", "BucketNotification", "BucketPolicy",
           "BucketVersioning",
           "Object", "PublicAccessBlock"]

NOT_FOUND = ("NoSuchBucket", "404", "NotFound", "NoSuchKey", "NoSuchBucketPolicy", "NoSuchCORSConfiguration",
        "NoSuchLifecycleConfiguration",
        "NoSuchPublicAccessBlockConfiguration", "ServerSideEncryptionConfigurationNotFoundError", "NoSuchTagSet")
BUSY = ("OperationAborted", "NoSuchBucket")
"""A bucket's settings change one at a time, and a new bucket is not seen everywhere at once."""


class Bucket(AwsResource, type="aws.s3.Bucket", service="s3"):
    """A bucket. ``force_destroy``: delete what is in it when it is deleted."""

    name: Arg[str] = prop("Bucket", limit=63, lower=True, replace=True, read="", default=None)
    force_destroy: Arg[bool] = prop(default=None, local=True)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("=arn:$partition:s3:::$name")
    account: Output[str] = out("=$account")
    domain: Output[str] = out("=$name.s3.$region.amazonaws.com")

    holds_data = True
    overwrites = True
    create = call("create_bucket")
    read = call("head_bucket", Bucket="$name")
    delete = call("delete_bucket", Bucket="$name", idempotent=True)
    not_found_codes = NOT_FOUND
    tagging = Tagging("list", "CreateBucketConfiguration.Tags",
                      add=call("put_bucket_tagging", Bucket="$name", Tagging={"TagSet": "$tags"}),
                      show=call("get_bucket_tagging", Bucket="$name"))

    @classmethod
    def request(cls, provider: Any, inputs: Mapping[str, Any], c: Call) -> dict[str, Any]:
        region = inputs.get("region") or provider.aws.region
        if c.op != "create_bucket":
            return {}
        made: dict[str, Any] = {"Bucket": inputs["name"], "CreateBucketConfiguration": {}}
        if region != "us-east-1":
            made["CreateBucketConfiguration"]["LocationConstraint"] = region
        return made

    @classmethod
    def before_delete(cls, provider: Any, known: Mapping[str, Any], note: Note) -> None:
        if known.get("force_destroy"):
            empty(provider, known, note)


def empty(provider: Any, known: Mapping[str, Any], note: Note) -> None:
    """Delete every version of every object, a thousand a call."""
    bucket, region, gone = known["name"], known.get("region_asked"), 0
    marker: dict[str, Any] = {}
    while True:
        page = provider.aws.call("s3", "list_object_versions", {"Bucket": bucket, **marker}, region=region)
        found = [{"Key": v["Key"], "VersionId": v["VersionId"]} for kind in ("Versions", "DeleteMarkers")
                 for v in page.get(kind, ())]
        for i in range(0, len(found), 1000):
            answer = provider.aws.call("s3", "delete_objects",
                                       {"Bucket": bucket, "Delete": {"Objects": found[i:i + 1000], "Quiet": True}},
                                       region=region, idempotent=True)
            for kept in answer.get("Errors", ()):
                raise ProviderError(f"{kept.get('Key')} can't be deleted: {kept.get('Message')}",
                                    code=kept.get("Code", ""),
                                    operation="s3 delete_objects", status=400)
        gone += len(found)
        if found:
            note(f"{gone:,} objects deleted")
        if not page.get("IsTruncated"):
            return
        marker = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}


class PublicAccessBlock(AwsResource, type="aws.s3.PublicAccessBlock", service="s3"):
    """What public access a bucket refuses, whatever its policy says."""

    bucket: Arg[str] = prop(replace=True, read="")
    block_public_acls: Arg[bool] = prop("PublicAccessBlockConfiguration.BlockPublicAcls", default=True)
    ignore_public_acls: Arg[bool] = prop("PublicAccessBlockConfiguration.IgnorePublicAcls", default=True)
    block_public_policy: Arg[bool] = prop("PublicAccessBlockConfiguration.BlockPublicPolicy", default=True)
    restrict_public_buckets: Arg[bool] = prop("PublicAccessBlockConfiguration.RestrictPublicBuckets", default=True)

    identity = "once"
    identifier = "$bucket"
    create = call("put_public_access_block", retry=BUSY, idempotent=True)
    read = call("get_public_access_block", Bucket="$bucket")
    update = (call("put_public_access_block", idempotent=True, retry=BUSY,
                   properties="bucket block_public_acls ignore_public_acls block_public_policy restrict_public_buckets"),)
    delete = call("delete_public_access_block", Bucket="$bucket", retry=("OperationAborted",))
    not_found_codes = NOT_FOUND
    delete_first = True


class BucketPolicy(AwsResource, type="aws.s3.BucketPolicy", service="s3"):
    """Who may do what in a bucket; a bucket has one policy."""

    bucket: Arg[str] = prop(replace=True, read="")
    policy: Arg[Mapping[str, Any]] = prop(enc=json.dumps, dec=json.loads)

    identity = "once"
    identifier = "$bucket"
    create = call("put_bucket_policy", retry=BUSY, idempotent=True)
    read = call("get_bucket_policy", Bucket="$bucket")
    update = (call("put_bucket_policy", properties="bucket policy", retry=BUSY, idempotent=True),)
    delete = call("delete_bucket_policy", Bucket="$bucket", retry=("OperationAborted",))
    not_found_codes = NOT_FOUND
    delete_first = True


class BucketCors(AwsResource, type="aws.s3.BucketCors", service="s3"):
    """Which web pages may use a bucket."""

    bucket: Arg[str] = prop(replace=True, read="")
    rules: Arg[Sequence[Mapping[str, Any]]] = prop("CORSConfiguration.CORSRules", read="CORSRules")

    identity = "once"
    identifier = "$bucket"
    create = call("put_bucket_cors", retry=BUSY, idempotent=True)
    read = call("get_bucket_cors", Bucket="$bucket")
    update = (call("put_bucket_cors", properties="bucket rules", retry=BUSY, idempotent=True),)
    delete = call("delete_bucket_cors", Bucket="$bucket", retry=("OperationAborted",))
    not_found_codes = NOT_FOUND
    delete_first = True


class BucketVersioning(AwsResource, type="aws.s3.BucketVersioning", service="s3"):
    """Whether a bucket keeps old versions: ``Enabled`` or ``Suspended``; it can't be switched off once it was on."""

    bucket: Arg[str] = prop(replace=True, read="")
    status: Arg[str] = prop("VersioningConfiguration.Status", read="Status")

    identity = "once"
    identifier = "$bucket"
    create = call("put_bucket_versioning", retry=BUSY, idempotent=True)
    read = call("get_bucket_versioning", Bucket="$bucket")
    exists_if = "Status"
    update = (call("put_bucket_versioning", properties="bucket status", retry=BUSY, idempotent=True),)
    delete = call("put_bucket_versioning", Bucket="$bucket", VersioningConfiguration={"Status": "Suspended"},
                  retry=("OperationAborted",))
    not_found_codes = NOT_FOUND
    delete_first = True


class BucketEncryption(AwsResource, type="aws.s3.BucketEncryption", service="s3"):
    """How new objects of a bucket are encrypted by default."""

    bucket: Arg[str] = prop(replace=True, read="")
    rules: Arg[Sequence[Mapping[str, Any]]] = prop("ServerSideEncryptionConfiguration.Rules")

    identity = "once"
    identifier = "$bucket"
    create = call("put_bucket_encryption", retry=BUSY, idempotent=True)
    read = call("get_bucket_encryption", Bucket="$bucket")
    update = (call("put_bucket_encryption", properties="bucket rules", retry=BUSY, idempotent=True),)
    delete = call("delete_bucket_encryption", Bucket="$bucket", retry=("OperationAborted",))
    not_found_codes = NOT_FOUND
    delete_first = True


class BucketLifecycle(AwsResource, type="aws.s3.BucketLifecycle", service="s3"):
    """When objects of a bucket expire."""

    bucket: Arg[str] = prop(replace=True, read="")
    rules: Arg[Sequence[Mapping[str, Any]]] = prop("LifecycleConfiguration.Rules", read="Rules")

    identity = "once"
    identifier = "$bucket"
    create = call("put_bucket_lifecycle_configuration", retry=BUSY, idempotent=True)
    read = call("get_bucket_lifecycle_configuration", Bucket="$bucket")
    update = (call("put_bucket_lifecycle_configuration", properties="bucket rules", retry=BUSY, idempotent=True),)
    delete = call("delete_bucket_lifecycle", Bucket="$bucket", retry=("OperationAborted",))
    not_found_codes = NOT_FOUND
    delete_first = True


def _configurations(arn: str) -> Any:
    def shape(rules: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        made = []
        for r in sorted(rules, key=lambda r: str(r["id"])):
            filters = [{"Name": n, "Value": r[n]} for n in ("prefix", "suffix") if r.get(n)]
            only = {"Filter": {"Key": {"FilterRules": filters}}} if filters else {}
            made.append({"Id": r["id"], arn: r["arn"], "Events": sorted(r["events"]), **only})
        return made
    return shape


def _rules(arn: str) -> Any:
    def plain(configurations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        made = []
        for c in configurations:
            filters = c.get("Filter", {}).get("Key", {}).get("FilterRules", ())
            made.append({"id": c["Id"], "arn": c[arn], "events": c["Events"],
                         **{f["Name"].lower(): f["Value"] for f in filters}})
        return made
    return plain


def _listeners(kind: str) -> Any:
    return prop(f"NotificationConfiguration.{kind}Configurations", default=None, read=f"{kind}Configurations",
                enc=_configurations(f"{kind}Arn"), dec=_rules(f"{kind}Arn"))


class BucketNotification(AwsResource, type="aws.s3.BucketNotification", service="s3"):
    """Whom a bucket tells of changes. Each rule is ``{"id", "arn", "events", "prefix", "suffix"}``; a bucket has one of
    these."""

    bucket: Arg[str] = prop(replace=True, read="")
    functions: Arg[Sequence[Mapping[str, Any]]] = _listeners("LambdaFunction")
    queues: Arg[Sequence[Mapping[str, Any]]] = _listeners("Queue")
    topics: Arg[Sequence[Mapping[str, Any]]] = _listeners("Topic")

    identity = "once"
    identifier = "$bucket"
    create = call("put_bucket_notification_configuration", retry=(*BUSY, "InvalidArgument: Unable to validate"),
                  idempotent=True)
    read = call("get_bucket_notification_configuration", Bucket="$bucket")
    omitted_when_unset = frozenset({"functions", "queues", "topics"})
    exists_if = "LambdaFunctionConfigurations || QueueConfigurations || TopicConfigurations"
    update = (call("put_bucket_notification_configuration", properties="bucket functions queues topics", idempotent=True,
                   retry=(*BUSY, "InvalidArgument: Unable to validate")),)
    delete = call("put_bucket_notification_configuration", Bucket="$bucket", NotificationConfiguration={},
                  retry=("OperationAborted",))
    not_found_codes = NOT_FOUND
    delete_first = True


class Object(AwsResource, type="aws.s3.Object", service="s3"):
    """A small object whose content is part of the program."""

    bucket: Arg[str] = prop(replace=True, read="")
    key: Arg[str] = prop(replace=True, read="")
    content: Arg[str] = prop("Body", enc=lambda v: v.encode(), read="")
    content_type: Arg[str] = prop(default=None)
    cache_control: Arg[str] = prop(default=None)

    etag: Output[str] = out("ETag", volatile=True)

    identity = "key"
    identifier = "$bucket/$key"
    create = call("put_object", idempotent=True)
    read = call("head_object", Bucket="$bucket", Key="$key")
    fingerprints = {"content": "etag"}
    omitted_when_unset = frozenset({"cache_control"})
    update = (call("put_object", properties="bucket key content content_type cache_control", idempotent=True),)
    delete = call("delete_object", Bucket="$bucket", Key="$key", idempotent=True)
    not_found_codes = NOT_FOUND
    delete_first = True
