"""S3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from tests.torture.proxy import Refuse

from ..account import Account, allows, principals, statements
from ..request import ApiRequest
from ..rule import after, rule, shown
from .identity import unseen_principal

UNSEEN, COOL_DOWN, PROPAGATED = 1.0, 30.0, 4.0
"""Seconds till a new bucket, a free name, another policy or public access block is seen."""
SETTINGS = (
    "s3.PutBucketPolicy s3.PutPublicAccessBlock s3.PutBucketCors s3.PutBucketVersioning s3.PutBucketEncryption "
    "s3.PutBucketLifecycleConfiguration s3.PutBucketNotificationConfiguration s3.PutBucketTagging "
    "s3.PutBucketOwnershipControls s3.PutBucketWebsite"
)
TARGETS = {"Queue": "sqs:SendMessage", "CloudFunction": "lambda:InvokeFunction", "Topic": "sns:Publish"}


@after("s3.CreateBucket")
def made(request: ApiRequest, account: Account) -> None:
    account.mark("bucket", request.bucket)
    account.facts["bucket", request.bucket] = {"blocks": True}


@after("s3.DeleteBucket")
def removed(request: ApiRequest, account: Account) -> None:
    account.mark("bucket-gone", request.bucket)
    account.forget("bucket", request.bucket)


@after("s3.PutPublicAccessBlock")
def block_put(request: ApiRequest, account: Account) -> None:
    known = account.fact("bucket", request.bucket)
    blocks = request.xml().findtext(".//BlockPublicPolicy") == "true"
    if known.get("blocks") != blocks:
        account.mark("block", request.bucket)
    known["blocks"] = blocks


@rule(SETTINGS, source="https://github.com/hashicorp/terraform-provider-aws/pull/11795")
def bucket_not_seen(request: ApiRequest, account: Account) -> Refuse | None:
    """A new bucket is not seen everywhere at once."""
    if account.age("bucket", request.bucket) < UNSEEN:
        return Refuse("NoSuchBucket", 404, "The specified bucket does not exist")
    return None


@rule("s3.CreateBucket", source="https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html")
def bucket_deleted_recently(request: ApiRequest, account: Account) -> Refuse | None:
    """The name of a deleted bucket is not free at once."""
    if account.age("bucket-gone", request.bucket) < COOL_DOWN:
        return Refuse(
            "OperationAborted",
            409,
            "A conflicting conditional operation is currently in progress against this resource. Please try again.",
        )
    return None


@rule(
    "s3.PutBucketPolicy",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
)
def public_policy_blocked(request: ApiRequest, account: Account) -> Refuse | None:
    """A policy that lets everybody in is refused while the bucket blocks such, and for some seconds after."""
    open_to_all = any(
        s.get("Effect") == "Allow" and not s.get("Condition") and "*" in principals(s)
        for s in statements(request.body.decode())
    )
    blocked = account.fact("bucket", request.bucket).get("blocks") or account.age("block", request.bucket) < PROPAGATED
    if open_to_all and blocked:
        return Refuse(
            "AccessDenied",
            403,
            "User: arn:aws:iam::000000000000:user/deployer is not authorized to perform: "
            f'"s3:PutBucketPolicy" on resource: "arn:aws:s3:::{request.bucket}" because public policies are '
            "prevented by the BlockPublicPolicy setting in S3 Block Public Access.",
        )
    return None


@rule("s3.PutBucketPolicy", source="https://repost.aws/knowledge-center/s3-invalid-principal-in-policy-error")
def bucket_policy_of_an_unknown_role(request: ApiRequest, account: Account) -> Refuse | None:
    """A bucket's policy may only name roles that exist and are seen."""
    if unseen_principal(request.body.decode(), account):
        return Refuse("MalformedPolicy", 400, "Invalid principal in policy")
    return None


@shown("s3.GetBucketPolicy", source="https://github.com/pulumi/pulumi-aws/issues/856")
def scalars(request: ApiRequest, account: Account, answer: dict[str, Any]) -> Mapping[str, Any]:
    """A list with one element comes back as that element."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {k: plain(v) for k, v in value.items()}
        if isinstance(value, list):
            return plain(value[0]) if len(value) == 1 and isinstance(value[0], str) else [plain(v) for v in value]
        return value

    found: dict[str, Any] = plain(answer)
    return found


# notifications


def _configurations(request: ApiRequest) -> Iterator[tuple[str, str, set[str], str, str]]:
    """Kind, ARN, events, prefix, suffix."""
    for one in request.xml():
        for kind in TARGETS:
            if (arn := one.findtext(kind)) is not None:
                parts = {(f.findtext("Name") or "").lower(): f.findtext("Value") or "" for f in one.iter("FilterRule")}
                yield (
                    kind,
                    arn,
                    {e.text or "" for e in one.findall("Event")},
                    parts.get("prefix", ""),
                    parts.get("suffix", ""),
                )


@rule(
    "s3.PutBucketNotificationConfiguration",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html",
)
def destination_not_allowed(request: ApiRequest, account: Account) -> Refuse | None:
    """Each destination must let the bucket in, by a policy that is seen already."""
    for kind, arn, *_ in _configurations(request):
        name = arn.rpartition(":")[2]
        if kind == "Queue":
            given, age = account.fact("queue", name).get("policy", []), account.age("queue-policy", name)
        elif kind == "CloudFunction":
            given, age = (
                account.fact("function-policy", name).get("statements", []),
                account.age("function-policy", name),
            )
        else:
            continue
        source = f"arn:aws:s3:::{request.bucket}"
        if age < PROPAGATED or not allows(given, TARGETS[kind], arn, service="s3.amazonaws.com", source=source):
            return Refuse("InvalidArgument", 400, "Unable to validate the following destination configurations")
    return None


def _event_overlap(a: set[str], b: set[str]) -> bool:
    return any(
        x == y or (x.endswith("*") and y.startswith(x[:-1])) or (y.endswith("*") and x.startswith(y[:-1]))
        for x in a
        for y in b
    )


@rule(
    "s3.PutBucketNotificationConfiguration",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html",
)
def overlapping_filters(request: ApiRequest, account: Account) -> Refuse | None:
    """Two rules for one event may not overlap."""
    for (_, _, a, prefix, suffix), (_, _, b, other, end) in combinations(_configurations(request), 2):
        starts = prefix.startswith(other) or other.startswith(prefix)
        ends = suffix.endswith(end) or end.endswith(suffix)
        if starts and ends and _event_overlap(a, b):
            return Refuse(
                "InvalidArgument",
                400,
                "Configuration is ambiguously defined. Cannot have overlapping suffixes in "
                "two rules if the prefixes are overlapping for the same event type.",
            )
    return None


@after("lambda.AddPermission")
def permission(request: ApiRequest, account: Account) -> None:
    p = request.params
    about = {"ArnLike": {"AWS:SourceArn": p["SourceArn"]}} if p.get("SourceArn") else {}
    who = p.get("Principal", "")
    statement = {
        "Sid": p.get("StatementId"),
        "Effect": "Allow",
        "Action": p.get("Action"),
        "Condition": about,
        "Principal": who if who == "*" else {"Service": who},
        "Resource": "*",
    }
    known = account.fact("function-policy", request.function)
    known["statements"] = [s for s in known.get("statements", []) if s["Sid"] != p.get("StatementId")] + [statement]
    account.mark("function-policy", request.function)


@after("lambda.RemovePermission")
def permission_removed(request: ApiRequest, account: Account) -> None:
    known = account.fact("function-policy", request.function)
    known["statements"] = [s for s in known.get("statements", []) if s["Sid"] != request.params.get("StatementId")]
