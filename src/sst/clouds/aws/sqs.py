"""SQS: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/Welcome.html"""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from ...core.output import Output
from ...core.resource import Arg, out, prop
from .columns import Import, Listing, Tagging, call, grant
from .limits import dead_letters_alike
from .name_rules import FIFO
from .shared import Statements
from .table import AwsResource, Calls

__all__ = ["Queue", "QueuePolicy"]

NOT_FOUND = ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue")
READ = (grant("sqs:ReceiveMessage sqs:DeleteMessage sqs:ChangeMessageVisibility sqs:GetQueueAttributes "
              "sqs:GetQueueUrl"),)
WRITE = (grant("sqs:SendMessage sqs:GetQueueAttributes sqs:GetQueueUrl"),)
UNSEEN = ("InvalidAttributeValue: parameter Policy",)
"""A role that a policy names was made a moment ago."""


def _flag(value: bool) -> str:
    return str(bool(value)).lower()


def _unflag(value: str) -> bool:
    return value == "true"


def _policy(value: Mapping[str, Any]) -> str:
    return json.dumps(value) if value else ""


def _fifo(inputs: Mapping[str, Any]) -> str:
    return ".fifo" if inputs.get("fifo_queue") else ""


class Queue(AwsResource, type="aws.sqs.Queue", service="sqs"):
    """A queue. Times are in seconds."""

    names = FIFO
    __checks__ = (*AwsResource.__checks__, dead_letters_alike)

    name: Arg[str] = prop("QueueName", limit=80, replace=True, suffix=_fifo, read="Attributes.QueueArn",
                          dec=lambda arn: arn.rpartition(":")[2], default=None)
    fifo_queue: Arg[bool] = prop("Attributes.FifoQueue", enc=_flag, dec=_unflag, default=None, replace=True)
    content_based_deduplication: Arg[bool] = prop("Attributes.ContentBasedDeduplication", enc=_flag, dec=_unflag,
                                                  default=None)
    delay_seconds: Arg[int] = prop("Attributes.DelaySeconds", enc=str, dec=int, default=None)
    visibility_timeout: Arg[int] = prop("Attributes.VisibilityTimeout", enc=str, dec=int, default=None)
    message_retention: Arg[int] = prop("Attributes.MessageRetentionPeriod", enc=str, dec=int, default=None)
    receive_wait: Arg[int] = prop("Attributes.ReceiveMessageWaitTimeSeconds", enc=str, dec=int, default=None)
    maximum_message_size: Arg[int] = prop("Attributes.MaximumMessageSize", enc=str, dec=int, default=None)
    redrive_policy: Arg[Mapping[str, Any]] = prop("Attributes.RedrivePolicy", enc=_policy, dec=json.loads, default=None)
    kms_key: Arg[str] = prop("Attributes.KmsMasterKeyId", default=None)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    url: Output[str] = out("QueueUrl")
    arn: Output[str] = out("=arn:$partition:sqs:$region:$account:$name")

    identifier = "$url"
    overwrites = True
    stand_in: ClassVar[Mapping[str, Any]] = {}
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    event_source = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    create = call("create_queue", retry=("QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently"),
                  idempotent=True)
    read = call("get_queue_attributes", QueueUrl="$url", AttributeNames=["All"])
    lookup = call("get_queue_url", QueueName="$name")
    update = (call("set_queue_attributes", QueueUrl="$url", idempotent=True,
                   properties="content_based_deduplication delay_seconds visibility_timeout message_retention "
                              "receive_wait "
                        "maximum_message_size redrive_policy kms_key"),)
    omitted_when_unset = frozenset({"redrive_policy", "kms_key"})
    reset_value = {"delay_seconds": 0, "visibility_timeout": 30, "message_retention": 345600, "receive_wait": 0,
             "maximum_message_size": 1048576,
             "content_based_deduplication": False, "redrive_policy": {}, "kms_key": ""}
    delete = call("delete_queue", QueueUrl="$url", idempotent=True)
    not_found_codes = NOT_FOUND
    tagging = Tagging("map", "tags", add=call("tag_queue", QueueUrl="$url", Tags="$tags"),
                      remove=call("untag_queue", QueueUrl="$url", TagKeys="$tag_keys"),
                      show=call("list_queue_tags", QueueUrl="$url"))
    listing = Listing("list_queues", "QueueUrls[].{url: @}", ("NextToken", "NextToken"), {"MaxResults": 1000},
                      call("list_queue_tags", QueueUrl="$url"), "arn:$partition:sqs:$region:$account:$name",
                      complete=True, name_from="url")
    imports = Import("aws_sqs_queue", "{url}")
    actions = {"read": READ, "write": WRITE, "read-write": READ + WRITE, "full": (grant("sqs:*"),)}


    @classmethod
    def outputs(cls, provider: Calls, answer: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """A queue that is only read may belong to another account or region: it tells its own ARN."""
        made = super().outputs(provider, answer, known)
        own = (answer.get("Attributes") or {}).get("QueueArn")
        return {**made, "arn": own} if own and "name" not in known else made


class QueuePolicy(AwsResource, type="aws.sqs.QueuePolicy", service="sqs"):
    """Who else may use a queue. Several may be on one queue: each has its own statements, and those of others stay as
    they are."""

    queue_url: Arg[str] = prop("QueueUrl", replace=True, read="")
    policy: Arg[Mapping[str, Any]] = prop("Attributes.Policy", enc=json.dumps, dec=json.loads)

    one_at_a_time = "$queue_url"
    identity = "once"
    identifier = "$queue_url"
    create = call("set_queue_attributes", retry=UNSEEN, patience=30, idempotent=True)
    read = call("get_queue_attributes", QueueUrl="$queue_url", AttributeNames=["Policy"])
    exists_if = "Attributes.Policy"
    update = (create,)
    delete = call("set_queue_attributes", QueueUrl="$queue_url", Attributes={"Policy": ""}, idempotent=True)
    not_found_codes = NOT_FOUND
    imports = Import("aws_sqs_queue_policy", "{queueUrl}")
    delete_first = True
    shared = Statements(call("get_queue_attributes", QueueUrl="$queue_url", AttributeNames=["Policy"]),
                        read="Attributes.Policy", sent="Attributes.Policy")
