"""Subscribers of topics and of buckets get what they may get: the function's or queue's policy is asked.

What a topic may not deliver goes to the dead-letter queue of its subscription. A notification of a bucket to a function
that S3 may not call is refused when it is put, as AWS does for all destinations; the emulator does so for queues and
topics alone. Source: https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html (client-side errors are not
retried) and https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html. Goes when
ministack asks for functions and has redrive policies of subscriptions; last checked with 1.5.33.
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sst.embedded.patches.events import send
from sst.embedded.patches.rights import Delivery, count, refused
from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply"]

NEEDS: Mapping[str, str] = {
    "services.s3:_deliver_event_to_lambda": "(arn, event_payload, bucket_region)",
    "services.s3:_invalid_notification_config": "(message)",
    "services.s3:_validate_notification_configs":
        "(configs, bucket_region, bucket_name='', skip_destination_validation=False)",
    "services.sns:_deliver_to_lambda":
        "(endpoint, envelope, topic_arn, sub_arn, msg_id, raw_message, message_attributes)",
    "services.sns:_deliver_to_sqs": "(endpoint, envelope, raw, raw_message, message_group_id='', "
                                    "message_dedup_id='', message_attributes=None, topic_arn='')",
    "services.sns:_topic_by_arn_any_scope": "(topic_arn)",
}

_S3, _SNS = "s3.amazonaws.com", "sns.amazonaws.com"


def apply(settings: Settings) -> None:
    _topics()
    _buckets()


def _topics() -> None:
    from ministack.services import sns

    call, deliver = sns._deliver_to_lambda, sns._deliver_to_sqs

    def deliver_to_lambda(endpoint: str, envelope: str, topic: str, *rest: Any) -> None:
        if why := refused(Delivery(_SNS, topic, "lambda:InvokeFunction", endpoint)):
            _redrive(topic, endpoint, envelope, why)
        else:
            call(endpoint, envelope, topic, *rest)

    def deliver_to_sqs(endpoint: str, envelope: str, raw: bool, message: str, topic_arn: str = "",
                       **options: Any) -> None:
        if why := refused(Delivery(_SNS, topic_arn, "sqs:SendMessage", endpoint)):
            _redrive(topic_arn, endpoint, message if raw else envelope, why)
        else:
            deliver(endpoint, envelope, raw, message, topic_arn=topic_arn, **options)

    sns._deliver_to_lambda, sns._deliver_to_sqs = deliver_to_lambda, deliver_to_sqs


def _redrive(topic: str, endpoint: str, body: str, why: str) -> None:
    from ministack.services import sns

    name = topic.rpartition(":")[2]
    count("AWS/SNS", "NumberOfNotificationsFailed", TopicName=name)
    found = (sns._topic_by_arn_any_scope(topic) or {}).get("subscriptions", ())
    kept: Any = next((s["attributes"].get("RedrivePolicy") for s in found if s.get("endpoint") == endpoint), None)
    policy = json.loads(kept) if isinstance(kept, str) and kept else kept or {}
    if not (queue := str(policy.get("deadLetterTargetArn") or "")):
        return
    if refused(Delivery(_SNS, topic, "sqs:SendMessage", queue)):
        count("AWS/SNS", "NumberOfNotificationsFailedToRedriveToDlq", TopicName=name)
        return
    send(queue, body, {})
    count("AWS/SNS", "NumberOfNotificationsRedrivenToDlq", TopicName=name)


def _buckets() -> None:
    from ministack.services import s3

    call, validate = s3._deliver_event_to_lambda, s3._validate_notification_configs

    def deliver_event_to_lambda(arn: str, payload: Any, region: str) -> None:
        bucket = payload["Records"][0]["s3"]["bucket"]["name"]
        if not refused(_call(bucket, arn)):
            call(arn, payload, region)

    def validate_notification_configs(configs: Any, region: str, bucket: str = "", skip: bool = False) -> Any:
        error = validate(configs, region, bucket, skip)
        if error is not None or skip:
            return error
        closed = [c["arn"] for c in configs if c["type"] == "lambda" and refused(_call(bucket, c["arn"]))]
        return s3._invalid_notification_config("Unable to validate the following destination configurations: "
                                               + ", ".join(closed)) if closed else None

    s3._deliver_event_to_lambda = deliver_event_to_lambda
    s3._validate_notification_configs = validate_notification_configs


def _call(bucket: str, function: str) -> Delivery:
    return Delivery(_S3, f"arn:aws:s3:::{bucket}", "lambda:InvokeFunction", function)
