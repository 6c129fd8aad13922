"""A bucket: files, and functions that are called when they change."""
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, Self, TypedDict, Unpack

from ..clouds.aws import s3
from ..core.component import Component, Options
from ..core.graph import current
from ..core.link import Link
from ..core.output import Input, Output
from ..core.transform import Transform
from ..core.units import seconds
from ..errors import UserError
from ..records import dataclass
from .bucket_policy import BucketStatement, bucket_policy
from .existing import BUCKET, identified
from .link_permissions import Access, grants, located

if TYPE_CHECKING:
    from .function.subscriber import Handler
    from .queue import Queue

__all__ = ["Bucket", "BucketCors", "BucketLifecycle", "BucketNotification", "BucketTransform"]

EVENTS = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectRestore:*", "s3:ReducedRedundancyLostObject",
          "s3:Replication:*",
          "s3:LifecycleExpiration:*", "s3:LifecycleTransition", "s3:IntelligentTiering", "s3:ObjectTagging:*",
          "s3:ObjectAcl:Put")
"""What a subscriber hears of if it names no events."""
_EVENT = (
    r"s3:(ObjectCreated:(\*|Put|Post|Copy|CompleteMultipartUpload)|(ObjectRemoved|LifecycleExpiration):(\*|Delete|"
    r"DeleteMarkerCreated)|ObjectRestore:(\*|Post|Completed|Delete)|Replication:(\*|Operation\w+)|(ObjectTagging|"
    r"ObjectAnnotation):(\*|Put|Delete)|ObjectAcl:Put|ObjectRetention:Put|ReducedRedundancyLostObject|"
    r"LifecycleTransition|IntelligentTiering)")
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html"""
_METHODS = ("DELETE", "GET", "HEAD", "POST", "PUT")


class BucketCors(TypedDict, total=False):
    """Which web pages may use the bucket; everything by default. ``max_age`` is a duration, ``"0 seconds"`` by
    default."""

    allow_headers: Sequence[str]
    allow_origins: Sequence[str]
    allow_methods: Sequence[Literal["DELETE", "GET", "HEAD", "POST", "PUT"]]
    expose_headers: Sequence[str]
    max_age: str


class BucketLifecycle(TypedDict, total=False):
    """Objects under ``prefix`` expire ``expires_in`` (``"30 days"``) after they were written, or at ``expires_at``
    (``"2027-01-01"``)."""

    id: str
    prefix: str
    enabled: bool
    expires_in: str
    expires_at: str


class BucketNotification(TypedDict, total=False):
    """One subscriber of ``notify``: a ``function`` or a ``queue``."""

    name: str
    function: Handler
    queue: Queue
    events: Sequence[str]
    filter_prefix: str
    filter_suffix: str


class BucketTransform(TypedDict, total=False):
    bucket: Transform
    public_access_block: Transform
    policy: Transform
    cors: Transform
    versioning: Transform
    lifecycle: Transform
    notification: Transform


@dataclass(frozen=True)
class _Subscriber:
    id: str
    arn: Input[str]
    kind: Literal["function", "queue"]
    events: tuple[str, ...]
    prefix: str
    suffix: str
    ready: tuple[object, ...]


class Bucket(Component, kind="sst.aws.Bucket", parts=tuple(BucketTransform.__annotations__)):
    """An S3 bucket, private and reachable over HTTPS only.

        uploads = aws.Bucket("Uploads")
        uploads.subscribe("src/thumbnail.handler", events=["s3:ObjectCreated:*"], filter_prefix="in/")
        aws.Function("Api", handler="src/api.handler", link=[uploads])      # Resource.Uploads.name

    access: ``"public"`` lets everybody read, ``"cloudfront"`` CloudFront distributions of this account.
    cors: on by default; False or settings.
    versioning: keep old versions; off by default. lifecycle: rules by which objects expire. enforce_https: True by
    default. policy: further statements of the bucket's policy; ``paths`` default to the bucket and everything in it.
    Deleting the bucket deletes what is in it; it follows the app's ``removal``.

    Source: S3 API CreateBucket, https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
    """

    closed = False
    """Whether no policy lets CloudFront or anybody else in; not known of an existing bucket."""

    def __init__(self, name: str, *, access: Literal["public", "cloudfront"] | None = None,
                 policy: Sequence[BucketStatement] = (),
                 enforce_https: bool = True, cors: bool | BucketCors = True, lifecycle: Sequence[BucketLifecycle] = (),
                 versioning: bool = False, transform: BucketTransform | None = None,
                 **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        if access not in (None, "public", "cloudfront"):
            raise UserError(f"access can't be {access!r}", hint='"public", "cloudfront", or leave it out')
        self.closed = access is None and not policy
        with self.scope(transform):
            self.bucket = s3.Bucket("Bucket", force_destroy=True)
            on = self.bucket.name
            block = s3.PublicAccessBlock("PublicAccessBlock", bucket=on, block_public_acls=True,
                                         ignore_public_acls=True,
                                         block_public_policy=access != "public",
                                         restrict_public_buckets=access != "public")
            statements = bucket_policy(self.bucket.arn, self.bucket.account, access, enforce_https, policy)
            if statements:
                s3.BucketPolicy("Policy", bucket=on, policy={"Version": "2012-10-17", "Statement": statements},
                                depends_on=[block])
            if cors is not False:
                s3.BucketCors("Cors", bucket=on, rules=[_cors({} if cors is True else cors)])
            if versioning:
                s3.BucketVersioning("Versioning", bucket=on, status="Enabled")
            if lifecycle:
                s3.BucketLifecycle("Lifecycle", bucket=on, rules=_lifecycle(name, lifecycle))
        self._transform: BucketTransform | None = transform
        self._subscribers: list[_Subscriber] = []
        self._prefix = ""

    @classmethod
    def get(cls, name: str, bucket_name: Input[str], **options: Unpack[Options]) -> Self:
        """An existing bucket, by its name. It can be linked and subscribed to, and is never changed otherwise or
        deleted.

            logs = aws.Bucket.get("Logs", "acme-logs")

        On stage ``local`` an empty bucket of this name stands in for it, unless there is one.
        """
        self = cls.existing(name, **options)
        with self.scope():
            self.bucket = s3.Bucket.get("Bucket", name=identified(bucket_name, BUCKET))
        graph = current()
        self._transform, self._subscribers = None, []
        self._prefix = f"{graph.app}-{graph.stage}-{name}-"     # other apps and stages may notify from this bucket too
        return self

    @property
    def name(self) -> Output[str]:
        """Its name in S3."""
        return self.bucket.name

    @property
    def arn(self) -> Output[str]:
        return self.bucket.arn

    @property
    def domain(self) -> Output[str]:
        """``NAME.s3.amazonaws.com``; in China, ``NAME.s3.amazonaws.com.cn``."""
        return self.bucket.arn.apply(_domain)

    def subscribe(self, subscriber: Handler, *, events: Sequence[str] = EVENTS, filter_prefix: str = "",
                  filter_suffix: str = "") -> Bucket:
        """Call a function when objects change. May be called several times; the filters of two subscribers may not
        overlap.

            uploads.subscribe("src/thumbnail.handler", events=["s3:ObjectCreated:*"], filter_suffix=".jpg")
        """
        name = f"Subscriber{len(self._subscribers) or ''}"
        return self.notify([{"name": name, "function": subscriber, "events": events, "filter_prefix": filter_prefix,
                             "filter_suffix": filter_suffix}])

    def notify(self, notifications: Sequence[BucketNotification]) -> Bucket:
        """Tell functions and queues when objects change.

            uploads.notify([{"name": "Resize", "function": "src/resize.handler", "events": ["s3:ObjectCreated:*"]},
                            {"name": "Log", "queue": log, "events": ["s3:ObjectRemoved:*"]}])
        """
        if not self._subscribers:
            current().at_end(self._declare, self._scope)
        for given in notifications:
            with self.scope(self._transform):
                self._subscribers.append(self._subscriber(given))
        return self

    def _subscriber(self, given: BucketNotification) -> _Subscriber:
        known = frozenset(BucketNotification.__annotations__)
        current().check_options(f'a notification of "{self.logical_name}"', given, known, self.where)
        name = given.get("name", "")
        if not name:
            raise UserError("a notification needs a name", hint='{"name": "Resize", "function": "src/resize.handler"}')
        if name in (s.id for s in self._subscribers):
            raise UserError(f'two notifications of "{self.logical_name}" are named "{name}"')
        events = tuple(given.get("events", EVENTS))
        if not events:
            raise UserError(f'the notification "{name}" names no events', hint='leave events out to hear of all')
        if odd := [e for e in events if not isinstance(e, str) or not re.fullmatch(_EVENT, e)]:
            raise UserError(f"there is no event {odd[0]!r}", hint='an event is like "s3:ObjectCreated:*"')
        arn, kind, ready = self._destination(name, given)
        return _Subscriber(name, arn, kind, events, given.get("filter_prefix", ""), given.get("filter_suffix", ""),
                           ready)

    def _destination(
        self, name: str, given: BucketNotification
    ) -> tuple[Input[str], Literal["function", "queue"], tuple[object, ...]]:
        if ("function" in given) == ("queue" in given):
            raise UserError(f'the notification "{name}" takes one of function and queue')
        from .delivery import may_call, may_send

        if "queue" in given:
            queue = given["queue"]
            return queue.arn, "queue", (may_send(f"{name}QueuePolicy", queue, "s3.amazonaws.com", self.arn),)
        from .function.subscriber import target_of

        target = target_of(given["function"], name, where=self.where)
        allowed = may_call(f"{name}Permission", target.arn, "s3.amazonaws.com", self.arn)
        return target.arn, "function", (allowed, *target.ready)

    def _declare(self) -> None:
        with self.scope(self._transform):
            s3.BucketNotification("Notification", bucket=self.name,
                                  functions=[self._rule(s) for s in self._subscribers if s.kind == "function"],
                                  queues=[self._rule(s) for s in self._subscribers if s.kind == "queue"],
                                  depends_on=[r for s in self._subscribers for r in s.ready])

    def _rule(self, s: _Subscriber) -> dict[str, Any]:
        return {"id": f"{self._prefix}{s.id}", "arn": s.arn, "events": list(s.events), "prefix": s.prefix,
                "suffix": s.suffix}

    def link(self, access: Access | None = None) -> Link:
        """The name, and the calls that read, write, list and delete objects. ``access="read"`` or ``"write"``
        narrows it."""
        return Link(self.logical_name, self.kind, located(self, {"name": self.name}),
                    grants(self.kind, s3.Bucket.actions, self.arn, access))


def _domain(arn: str) -> str:
    _, partition, *_, name = arn.split(":")
    return f"{name}.s3.amazonaws.com{'.cn' if partition == 'aws-cn' else ''}"


def _cors(given: BucketCors) -> dict[str, Any]:
    if odd := [m for m in given.get("allow_methods", ()) if m not in _METHODS]:
        raise UserError(f"cors of a bucket does not take the method {odd[0]!r}", hint=f"one of {', '.join(_METHODS)}")
    return {"AllowedHeaders": list(given.get("allow_headers", ["*"])),
            "AllowedOrigins": list(given.get("allow_origins", ["*"])),
            "AllowedMethods": list(given.get("allow_methods", _METHODS)),
            "ExposeHeaders": list(given.get("expose_headers", ["ETag"])),
            "MaxAgeSeconds": seconds(given.get("max_age", "0 seconds"), what="cors max_age")}


def _is_day(text: object) -> bool:
    try:
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", str(text), re.ASCII) and date.fromisoformat(str(text)))
    except ValueError:
        return False


def _lifecycle(name: str, rules: Sequence[BucketLifecycle]) -> list[Mapping[str, Any]]:
    made: list[Mapping[str, Any]] = []
    for i, rule in enumerate(rules):
        if ("expires_in" in rule) == ("expires_at" in rule):
            raise UserError("a lifecycle rule needs one of expires_in and expires_at",
                            hint='{"prefix": "tmp/", "expires_in": "7 days"}')
        days = seconds(rule["expires_in"], what="expires_in", low=86400) if "expires_in" in rule else 0
        if days % 86400:
            raise UserError(f"expires_in must be whole days; it is {rule['expires_in']!r}")
        if not days and not _is_day(rule["expires_at"]):
            raise UserError(f"expires_at must be a day; it is {rule['expires_at']!r}", hint='like "2027-01-01"')
        expiration = {"Days": days // 86400} if days else {"Date": f"{rule['expires_at']}T00:00:00Z"}
        made.append({"ID": rule.get("id", f"{name}LifecycleRule{i + 1}"),
                     "Status": "Enabled" if rule.get("enabled", True) else "Disabled",
                     "Filter": {"Prefix": rule.get("prefix", "")}, "Expiration": expiration})
    if len({r["ID"] for r in made}) < len(made):
        raise UserError("two lifecycle rules have the same id")
    return made
