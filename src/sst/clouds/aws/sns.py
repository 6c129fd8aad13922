"""SNS: https://docs.aws.amazon.com/sns/latest/api/welcome.html"""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from ...core.output import Output
from ...core.resource import Arg, out, prop
from .checks import may_invoke, may_send
from .columns import Call, Import, Listing, Tagging, call, grant
from .messaging_limits import fifo_delivers, filter_fits
from .name_rules import FIFO
from .shared import Statements
from .table import AwsResource, Calls

__all__ = ["Subscription", "Topic", "TopicPolicy"]

NOT_FOUND = ("NotFound", "NotFoundException")
UNSEEN = ("InvalidParameter: PrincipalNotFound",)
"""A role that a policy names was made a moment ago."""


def _flag(value: bool) -> str:
    return str(bool(value)).lower()


def _unflag(value: str) -> bool:
    return value == "true"


def _document(value: Any) -> str:
    return json.dumps(value) if value else ""


def _fifo(inputs: Mapping[str, Any]) -> str:
    return ".fifo" if inputs.get("fifo") else ""


def _set(op: str, attributes: Mapping[str, str], **params: Any) -> tuple[Call, ...]:
    """SNS changes one attribute a call."""
    return tuple(call(op, properties=name, AttributeName=attribute, wire={name: "AttributeValue"}, idempotent=True,
                      **params) for name, attribute in attributes.items())


class Topic(AwsResource, type="aws.sns.Topic", service="sns"):
    """A topic."""

    names = FIFO
    name: Arg[str] = prop(limit=256, replace=True, suffix=_fifo, default=None, read="Attributes.TopicArn",
                          dec=lambda arn: arn.rpartition(":")[2])
    fifo: Arg[bool] = prop("Attributes.FifoTopic", enc=_flag, dec=_unflag, default=None, replace=True)
    content_based_deduplication: Arg[bool] = prop("Attributes.ContentBasedDeduplication", enc=_flag, dec=_unflag,
                                                  default=None)
    display_name: Arg[str] = prop("Attributes.DisplayName", default=None)
    kms_key: Arg[str] = prop("Attributes.KmsMasterKeyId", default=None)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("=arn:$partition:sns:$region:$account:$name")

    identifier = "arn:$partition:sns:$region:$account:$name"
    stand_in: ClassVar[Mapping[str, Any]] = {}
    lookup = call("get_topic_attributes", TopicArn="arn:$partition:sns:$region:$account:$name")
    overwrites = True
    create = call("create_topic", idempotent=True)
    read = call("get_topic_attributes", TopicArn="$id")
    update = _set("set_topic_attributes", {
        "content_based_deduplication": "ContentBasedDeduplication", "display_name": "DisplayName",
        "kms_key": "KmsMasterKeyId"}, TopicArn="$id")
    reset_value = {"content_based_deduplication": False, "display_name": "", "kms_key": ""}
    delete = call("delete_topic", TopicArn="$id", idempotent=True)
    not_found_codes = NOT_FOUND
    tagging = Tagging(add=call("tag_resource", ResourceArn="$arn", Tags="$tags"),
                      remove=call("untag_resource", ResourceArn="$arn", TagKeys="$tag_keys"),
                      show=call("list_tags_for_resource", ResourceArn="$arn"))
    listing = Listing("list_topics", "Topics[].{arn: TopicArn}", ("NextToken", "NextToken"), {},
                      call("list_tags_for_resource", ResourceArn="$arn"), "$arn", complete=True, name_from="arn")
    imports = Import("aws_sns_topic", "{arn}")
    actions = {name: (grant("sns:Publish sns:GetTopicAttributes"),) for name in ("write", "read-write")} | {
        "full": (grant("sns:*"),)}

    @classmethod
    def outputs(cls, provider: Calls, answer: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """A topic that is only read may belong to another account or region: it tells its own ARN."""
        made = super().outputs(provider, answer, known)
        own = (answer.get("Attributes") or {}).get("TopicArn")
        return {**made, "arn": own} if own and "name" not in known else made


def _default_policy(known: Mapping[str, Any]) -> str:
    """What a topic has from its creation on: SNS takes no empty policy."""
    calls = ("Publish", "RemovePermission", "SetTopicAttributes", "DeleteTopic", "ListSubscriptionsByTopic",
             "GetTopicAttributes", "AddPermission", "Subscribe")
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [
        {"Sid": "__default_statement_ID", "Effect": "Allow", "Principal": {"AWS": "*"},
         "Action": [f"SNS:{c}" for c in calls], "Resource": known["topic_arn"],
         "Condition": {"StringEquals": {"AWS:SourceOwner": known["account"]}}}]})


class TopicPolicy(AwsResource, type="aws.sns.TopicPolicy", service="sns"):
    """Who else may use a topic. Several may be on one topic: each has its own statements, and those of others, such as
    the one that lets the account use its topic, stay as they are."""

    topic_arn: Arg[str] = prop(replace=True, read="Attributes.TopicArn")
    policy: Arg[Mapping[str, Any]] = prop("AttributeValue", enc=json.dumps, dec=json.loads, read="Attributes.Policy")

    one_at_a_time = "$topic_arn"
    identity = "once"
    identifier = "$topic_arn"
    computed = {"default_policy": _default_policy}
    create = call("set_topic_attributes", AttributeName="Policy", retry=UNSEEN, patience=30, idempotent=True)
    read = call("get_topic_attributes", TopicArn="$topic_arn")
    exists_if = "Attributes.Policy"
    update = (create,)
    delete = call("set_topic_attributes", TopicArn="$topic_arn", AttributeName="Policy",
                  AttributeValue="$default_policy", idempotent=True)
    not_found_codes = NOT_FOUND
    delete_first = True
    imports = Import("aws_sns_topic_policy", "{arn}")
    shared = Statements(call("get_topic_attributes", TopicArn="$topic_arn"), read="Attributes.Policy",
                        sent="AttributeValue")


class Subscription(AwsResource, type="aws.sns.Subscription", service="sns"):
    """Sends a topic's messages to a queue, function or address."""

    __checks__ = (*AwsResource.__checks__, may_invoke("sns.amazonaws.com", "topic_arn", "endpoint"),
                  may_send("sns.amazonaws.com", "endpoint"), fifo_delivers, filter_fits)

    topic_arn: Arg[str] = prop(replace=True, read="Attributes.TopicArn")
    protocol: Arg[str] = prop(replace=True, read="Attributes.Protocol")
    endpoint: Arg[str] = prop(replace=True, read="Attributes.Endpoint")
    filter_policy: Arg[Mapping[str, Any]] = prop("Attributes.FilterPolicy", enc=_document, dec=json.loads, default=None)
    filter_policy_scope: Arg[str] = prop("Attributes.FilterPolicyScope", default=None)
    raw_message_delivery: Arg[bool] = prop("Attributes.RawMessageDelivery", enc=_flag, dec=_unflag, default=None)
    redrive_policy: Arg[Mapping[str, Any]] = prop("Attributes.RedrivePolicy", enc=_document, dec=json.loads,
                                                  default=None)

    arn: Output[str] = out("SubscriptionArn")

    identity = "content"
    identifier = "$arn"
    create = call("subscribe", ReturnSubscriptionArn=True, idempotent=True)
    read = call("get_subscription_attributes", SubscriptionArn="$id")
    find = call("list_subscriptions_by_topic", TopicArn="$topic_arn")
    list_path = "Subscriptions"
    update = _set("set_subscription_attributes", {
        "filter_policy_scope": "FilterPolicyScope", "filter_policy": "FilterPolicy",
        "raw_message_delivery": "RawMessageDelivery", "redrive_policy": "RedrivePolicy"}, SubscriptionArn="$id")
    reset_value = {"filter_policy": {}, "filter_policy_scope": "MessageAttributes", "raw_message_delivery": False,
             "redrive_policy": {}}
    imports = Import("aws_sns_topic_subscription", "{arn}")
    delete = call("unsubscribe", SubscriptionArn="$id", idempotent=True)
    not_found_codes = (*NOT_FOUND, "InvalidParameter")
