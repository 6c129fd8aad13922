"""S3: https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html"""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ...core.output import Output
from ...core.provider import Note
from ...core.resource import Arg, out, prop
from ...errors import ProviderError
from .checks import may_invoke, may_send
from .columns import Call, Import, Listing, Tagging, call, grant
from .files import Files
from .limits import bucket_name_valid, filters_apart
from .shared import Statements, merged_entries, own_entries
from .table import AwsResource, Calls

__all__ = ["Bucket", "BucketCors", "BucketEncryption", "BucketLifecycle", "BucketNotification", "BucketPolicy",
           "BucketSetting", "BucketVersioning", "Files", "Object", "PublicAccessBlock"]

UNMODELLED = ("404", "NotFound", "NoSuchBucketPolicy", "NoSuchCORSConfiguration", "NoSuchLifecycleConfiguration",
              "NoSuchPublicAccessBlockConfiguration", "ServerSideEncryptionConfigurationNotFoundError", "NoSuchTagSet")
NOT_FOUND = ("NoSuchBucket", "NoSuchKey", *UNMODELLED)
BUSY = ("OperationAborted", "NoSuchBucket")
"""A bucket's settings change one at a time, and a new bucket is not visible everywhere at once."""
READ = (grant("s3:GetObject s3:GetObjectAttributes s3:GetObjectTagging s3:GetObjectVersion", "/*"),
        grant("s3:ListBucket s3:ListBucketVersions s3:GetBucketLocation"))
WRITE = (grant("s3:PutObject s3:PutObjectTagging s3:DeleteObject s3:DeleteObjectVersion s3:AbortMultipartUpload "
               "s3:ListMultipartUploadParts", "/*"), grant("s3:ListBucketMultipartUploads"))


def _import(terraform: str) -> Import:
    """Pulumi has each type of S3 twice: ``Bucket`` and ``BucketV2``."""
    name = Import(terraform, "").pulumi[0].rpartition(":")[2]
    return Import(terraform, "{bucket}", (f"aws:s3/{name[:1].lower()}{name[1:]}V2:{name}V2",))

NOT_YET = ("MalformedPolicy: Invalid principal", "AccessDenied: public policies", "AccessDenied: BlockPublicPolicy")
"""A role that a policy names was made, or a block of public access taken away, a moment ago."""


class Bucket(AwsResource, type="aws.s3.Bucket", service="s3", holds_data=True):
    """A bucket. ``force_destroy``: delete its objects when it is deleted."""

    name: Arg[str] = prop("Bucket", limit=63, lower=True, replace=True, read="", default=None)
    force_destroy: Arg[bool] = prop(default=None, local=True)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("=arn:$partition:s3:::$name")
    account: Output[str] = out("=$account")
    domain: Output[str] = out("=$name.s3.$region.$suffix")

    overwrites = True
    __checks__ = (*AwsResource.__checks__, bucket_name_valid)
    stand_in = {"force_destroy": True}
    computed = {"location": lambda known: None if known["region"] == "us-east-1" else known["region"],
                "suffix": lambda known: "amazonaws.com.cn" if known["partition"] == "aws-cn" else "amazonaws.com"}
    create = call("create_bucket", retry=("OperationAborted",),
                  CreateBucketConfiguration={"LocationConstraint": "$location"})
    read = call("head_bucket", Bucket="$name")
    delete = call("delete_bucket", Bucket="$name", idempotent=True)
    not_found_codes = NOT_FOUND
    unmodelled_codes = UNMODELLED
    tagging = Tagging("list", "CreateBucketConfiguration.Tags",
                      add=call("put_bucket_tagging", Bucket="$name", Tagging={"TagSet": "$tags"}),
                      show=call("get_bucket_tagging", Bucket="$name"))
    listing = Listing("list_buckets", "Buckets[].{name: Name}", ("ContinuationToken", "ContinuationToken"),
                      {"BucketRegion": "$region"}, call("get_bucket_tagging", Bucket="$name"),
                      "arn:$partition:s3:::$name",
                      complete=True)
    imports = _import("aws_s3_bucket")
    actions = {"read": READ, "write": WRITE, "read-write": READ + WRITE, "full": (grant("s3:*", "", "/*"),)}

    @classmethod
    def before_delete(cls, provider: Calls, known: dict[str, Any], note: Note) -> None:
        if known.get("force_destroy"):
            empty_bucket(provider, known, note)


def empty_bucket(provider: Calls, known: Mapping[str, Any], note: Note) -> None:
    """Delete every version of every object, a thousand a call."""
    bucket, region, deleted = known["name"], known.get("region_asked"), 0
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
        deleted += len(found)
        if found:
            note(f"{deleted:,} object{'s' * (deleted != 1)} deleted")
        if not page.get("IsTruncated"):
            return
        marker = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}


class BucketSetting(AwsResource, service="s3"):
    """One of the settings of a bucket; a bucket has each at most once. ``setting`` names the operations:
    ``bucket_cors`` is put, got and deleted by ``put_bucket_cors``, ``get_bucket_cors`` and ``delete_bucket_cors``."""

    bucket: Arg[str] = prop(replace=True, read="")

    one_at_a_time = "$bucket"
    identity = "once"
    identifier = "$bucket"
    not_found_codes = NOT_FOUND
    unmodelled_codes = UNMODELLED
    delete_first = True

    def __init_subclass__(cls, *, setting: str, retry: Sequence[str] = (), patience: float = 0,
                          reset: Mapping[str, Any] | None = None, **kw: Any) -> None:
        """``reset``: parameters of the put call that deletes the setting, where there is no delete call."""
        super().__init_subclass__(**kw)
        cls.create = call(f"put_{setting}", retry=(*BUSY, *retry), patience=patience, idempotent=True)
        cls.read = call(f"get_{setting}", Bucket="$bucket")
        cls.update = (cls.create,)
        op = f"delete_{setting.removesuffix('_configuration')}" if reset is None else f"put_{setting}"
        cls.delete = call(op, Bucket="$bucket", retry=("OperationAborted",), **(reset or {}))


class PublicAccessBlock(BucketSetting, type="aws.s3.PublicAccessBlock", setting="public_access_block"):
    """Which public access a bucket refuses, whatever its policy allows."""

    block_public_acls: Arg[bool] = prop("PublicAccessBlockConfiguration.BlockPublicAcls", default=True)
    ignore_public_acls: Arg[bool] = prop("PublicAccessBlockConfiguration.IgnorePublicAcls", default=True)
    block_public_policy: Arg[bool] = prop("PublicAccessBlockConfiguration.BlockPublicPolicy", default=True)
    restrict_public_buckets: Arg[bool] = prop("PublicAccessBlockConfiguration.RestrictPublicBuckets", default=True)

    imports = _import("aws_s3_bucket_public_access_block")


class BucketPolicy(BucketSetting, type="aws.s3.BucketPolicy", setting="bucket_policy", retry=NOT_YET, patience=60):
    """Who may do what in a bucket. Several may be on one bucket: each has its own statements, and those of others stay
    as they are."""

    policy: Arg[Mapping[str, Any]] = prop(enc=json.dumps, dec=json.loads)

    exists_if = "Policy"
    shared = Statements(call("get_bucket_policy", Bucket="$bucket"),
                        rest=call("put_bucket_policy", Bucket="$bucket", retry=(*BUSY, *NOT_YET), idempotent=True))

    imports = _import("aws_s3_bucket_policy")


class BucketCors(BucketSetting, type="aws.s3.BucketCors", setting="bucket_cors"):
    """Which web pages may use a bucket."""

    rules: Arg[Sequence[Mapping[str, Any]]] = prop("CORSConfiguration.CORSRules", read="CORSRules")

    imports = _import("aws_s3_bucket_cors_configuration")


class BucketVersioning(BucketSetting, type="aws.s3.BucketVersioning", setting="bucket_versioning",
                       reset={"VersioningConfiguration": {"Status": "Suspended"}}):
    """Whether a bucket keeps old versions: ``Enabled`` or ``Suspended``; it can't be switched off once it was on."""

    status: Arg[str] = prop("VersioningConfiguration.Status", read="Status")

    exists_if = "Status"
    imports = _import("aws_s3_bucket_versioning")


class BucketEncryption(BucketSetting, type="aws.s3.BucketEncryption", setting="bucket_encryption"):
    """How new objects of a bucket are encrypted by default."""

    rules: Arg[Sequence[Mapping[str, Any]]] = prop("ServerSideEncryptionConfiguration.Rules")

    defaults = {"rules": {"BucketKeyEnabled": False}}


def _plain_dates(value: Any) -> Any:
    """Rules with dates as text, ``2027-01-01T00:00:00Z``: botocore reads them as ``datetime``."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, Mapping):
        return {k: _midnight(v) if k == "Date" else _plain_dates(v) for k, v in value.items()}
    return [_plain_dates(v) for v in value] if isinstance(value, list | tuple) else value


def _midnight(date: Any) -> Any:
    text = _plain_dates(date)
    return f"{text}T00:00:00Z" if isinstance(text, str) and len(text) == 10 else text


class BucketLifecycle(BucketSetting, type="aws.s3.BucketLifecycle", setting="bucket_lifecycle_configuration"):
    """When objects of a bucket expire."""

    rules: Arg[Sequence[Mapping[str, Any]]] = prop("LifecycleConfiguration.Rules", enc=_plain_dates, dec=_plain_dates,
                                                   read="Rules")


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


class Notifications:
    """The rules of a row in the notification configuration of a bucket, told apart by their ids."""

    whole = call("get_bucket_notification_configuration", Bucket="$bucket")
    rest: Call | None = None

    def merged(self, there: Mapping[str, Any], params: dict[str, Any], variables: Mapping[str, Any], *,
               delete: bool) -> dict[str, Any]:
        now = {} if delete else params.get("NotificationConfiguration", {})
        was = _ids({k: variables.get(f"{k}_was") for k in _LISTENERS})
        own = was | _ids(variables)
        if not delete:
            _refuse_foreign(there, own - was, now)
        made = {k: v for k in _KINDS if (v := merged_entries(there.get(k, []), own, now.get(k, [])))}
        if "EventBridgeConfiguration" in there:
            made["EventBridgeConfiguration"] = there["EventBridgeConfiguration"]
        return {**params, "NotificationConfiguration": made}

    def own(self, answer: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
        own = _ids(known)
        if not own:
            return answer
        return {k: v for k in _KINDS if (v := own_entries(answer.get(k, []), own))}


_KINDS = ("LambdaFunctionConfigurations", "QueueConfigurations", "TopicConfigurations")
_LISTENERS = ("functions", "queues", "topics")


def _ids(values: Mapping[str, Any]) -> set[str]:
    return {str(rule["id"]) for k in _LISTENERS for rule in values.get(k) or ()}


def _refuse_foreign(there: Mapping[str, Any], new: set[str], now: Mapping[str, Any]) -> None:
    """A rule of somebody else may have the id of a new one; one that is equal is ours, made by a call whose answer was
    lost."""
    for kind in _KINDS:
        ours = _rules(f"{kind.removesuffix('Configurations')}Arn")(now.get(kind, ()))
        for rule in _rules(f"{kind.removesuffix('Configurations')}Arn")(there.get(kind, ())):
            if rule["id"] in new and {**rule, "events": sorted(rule["events"])} not in ours:
                raise ProviderError(f'the bucket has a notification "{rule["id"]}" already, to {rule["arn"]}',
                                    code="AlreadyExists", status=409, sent=False,
                                    operation="s3 put_bucket_notification_configuration",
                                    hint="give this one another name")


class BucketNotification(BucketSetting, type="aws.s3.BucketNotification", setting="bucket_notification_configuration",
                         retry=("InvalidArgument: Unable to validate",), reset={"NotificationConfiguration": {}}):
    """Where a bucket sends events. Each rule is ``{"id", "arn", "events", "prefix", "suffix"}``. Rules with other ids,
    which somebody else made, stay as they are."""

    __checks__ = (*AwsResource.__checks__, may_invoke("s3.amazonaws.com", "bucket", "functions"),
                  may_send("s3.amazonaws.com", "queues", "topics"), filters_apart)

    functions: Arg[Sequence[Mapping[str, Any]]] = _listeners("LambdaFunction")
    queues: Arg[Sequence[Mapping[str, Any]]] = _listeners("Queue")
    topics: Arg[Sequence[Mapping[str, Any]]] = _listeners("Topic")

    omitted_when_unset = frozenset({"functions", "queues", "topics"})
    exists_if = "LambdaFunctionConfigurations || QueueConfigurations || TopicConfigurations"
    shared = Notifications()


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
    update = (create,)
    delete = call("delete_object", Bucket="$bucket", Key="$key", idempotent=True)
    not_found_codes = NOT_FOUND
    unmodelled_codes = UNMODELLED
    delete_first = True
