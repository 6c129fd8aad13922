"""What somebody else has in the account: a bucket that tells a queue, and a DNS record."""

from __future__ import annotations

import json
from typing import Any

from sst.errors import ProviderError

from .session import Session

__all__ = ["make_bucket", "notifications", "put", "record", "remove"]


def make_bucket(s: Session) -> None:
    """A bucket that tells a queue of what is deleted."""
    name, region = f"{s.app}-foreign", s.aws.region
    url = s.aws.call("sqs", "create_queue", {"QueueName": name})["QueueUrl"]
    arn = f"arn:{s.aws.partition()}:sqs:{region}:{s.account}:{name}"
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
         "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:{s.aws.partition()}:s3:::{name}"}}}]}
    s.aws.call("sqs", "set_queue_attributes", {"QueueUrl": url, "Attributes": {"Policy": json.dumps(policy)}})
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s.aws.call("s3", "create_bucket", {"Bucket": name, **where})
    told = {"Id": "theirs", "QueueArn": arn, "Events": ["s3:ObjectRemoved:*"]}
    given = {"Bucket": name, "NotificationConfiguration": {"QueueConfigurations": [told]}}

    def taken() -> bool:
        try:
            s.aws.call("s3", "put_bucket_notification_configuration", given)
        except ProviderError as e:
            if e.code not in ("NoSuchBucket", "InvalidArgument", "OperationAborted"):
                raise
            return False
        return True

    s.until("the foreign bucket's notification", taken)


def notifications(s: Session) -> set[str]:
    """The ids of what the bucket tells to queues."""
    answer = s.aws.call("s3", "get_bucket_notification_configuration", {"Bucket": f"{s.app}-foreign"})
    return {str(c.get("Id")) for c in answer.get("QueueConfigurations", ())}


def put(s: Session, bucket: str) -> None:
    s.aws.call("s3", "put_object", {"Bucket": bucket, "Key": "told", "Body": b""})


def record(s: Session, zone: str, action: str) -> None:
    """Make or delete a record of the name that the app wants."""
    given = {"Name": s.domain, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    s.aws.call("route53", "change_resource_record_sets", {"HostedZoneId": zone, "ChangeBatch": {
        "Changes": [{"Action": action, "ResourceRecordSet": given}]}})


def remove(s: Session) -> None:
    """Bucket and queue, as far as they were made."""
    name = f"{s.app}-foreign"
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("s3", "delete_object", {"Bucket": name, "Key": "told"}), ("s3", "delete_bucket", {"Bucket": name}),
        ("sqs", "delete_queue", {"QueueUrl": _url(s, name)})]
    for service, operation, params in calls:
        try:
            s.aws.call(service, operation, params)
        except ProviderError as e:
            if e.code not in ("NoSuchBucket", "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"):
                raise


def _url(s: Session, name: str) -> str:
    try:
        return str(s.aws.call("sqs", "get_queue_url", {"QueueName": name})["QueueUrl"])
    except ProviderError:
        return f"https://sqs.{s.aws.region}.amazonaws.com/{s.account}/{name}"
