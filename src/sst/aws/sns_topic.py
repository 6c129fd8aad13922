"""A topic: each message goes to every subscriber."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self, TypedDict, Unpack

from ..clouds.aws import sns
from ..core.component import Component, Options
from ..core.graph import current
from ..core.link import Link
from ..core.output import Input, Output
from ..core.transform import Transform
from ..errors import UserError
from .delivery import dead_letters, receiver
from .existing import TOPIC, by_name, identified
from .function.subscriber import Handler
from .link_permissions import Access, grants, located
from .queue import Fifo, Queue

__all__ = ["SnsTopic", "SnsTopicSubscriber", "SnsTopicTransform", "SubscriptionTransform"]

_SNS = "sns.amazonaws.com"
_SCOPES = {"attributes": None, "body": "MessageBody"}


class SnsTopicTransform(TypedDict, total=False):
    topic: Transform


class SubscriptionTransform(TypedDict, total=False):
    subscription: Transform


class SnsTopic(Component, kind="sst.aws.SnsTopic", parts=("topic",)):
    """An SNS topic.

        orders = aws.SnsTopic("Orders")
        orders.subscribe("Ship", "src/ship.handler", filter={"kind": ["paid"]})
        orders.subscribe_queue("Audit", queue)
        aws.Function("Api", handler="src/api.handler", link=[orders])     # Resource.Orders.arn

    fifo: in order, each message once, to queues alone; ``.fifo`` ends its name. A change of it makes a new topic.
    display_name: the sender's name in mails and text messages, at most 100 characters.

    Source: SNS API CreateTopic, https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
    """

    def __init__(self, name: str, *, fifo: bool | Fifo = False, display_name: str | None = None,
                 transform: SnsTopicTransform | None = None, **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        dedupe = not isinstance(fifo, bool) and fifo.get("content_based_deduplication")
        with self.scope(transform):
            self.topic = sns.Topic("Topic", fifo=True if fifo else None, display_name=display_name,
                                   content_based_deduplication=True if dedupe else None)

    @classmethod
    def get(cls, name: str, topic_arn: Input[str], **options: Unpack[Options]) -> Self:
        """An existing topic, by its ARN. It is linked and subscribed to like any other, and never changed or deleted.

            orders = aws.SnsTopic.get("Orders", "arn:aws:sns:us-east-1:123456789012:orders")

        On stage ``local`` an empty topic of this name stands in for it, unless there is one.
        """
        self = cls.existing(name, **options)
        identified(topic_arn, TOPIC)
        with self.scope():
            self.topic = sns.Topic.get("Topic", **(by_name(topic_arn, fifo="fifo") if current().target.is_local
                                                   else {"id": topic_arn}))
        return self

    @property
    def arn(self) -> Output[str]:
        return self.topic.arn

    @property
    def name(self) -> Output[str]:
        """Its name in SNS."""
        return self.topic.name

    def subscribe(self, name: str, subscriber: Handler, *, filter: Mapping[str, Any] | None = None,
                  filter_on: Literal["attributes", "body"] = "attributes", dlq: Queue | Input[str] | None = None,
                  transform: SubscriptionTransform | None = None) -> SnsTopicSubscriber:
        """Call a function with the topic's messages, or only with those that match ``filter``.

            orders.subscribe("Ship", "src/ship.handler", filter={"kind": ["paid"]}, dlq=failed)
        """
        return SnsTopicSubscriber(f"{self.logical_name}Subscriber{name}", topic_arn=self.arn, function=subscriber,
                                  filter=filter, filter_on=filter_on, dlq=dlq, transform=transform)

    def subscribe_queue(self, name: str, queue: Queue, *, filter: Mapping[str, Any] | None = None,
                        filter_on: Literal["attributes", "body"] = "attributes", raw: bool = False,
                        dlq: Queue | Input[str] | None = None,
                        transform: SubscriptionTransform | None = None) -> SnsTopicSubscriber:
        """Send the topic's messages to a queue. ``raw`` sends a message as it is, without SNS's envelope.

            orders.subscribe_queue("Audit", queue, raw=True)
        """
        return SnsTopicSubscriber(f"{self.logical_name}Subscriber{name}", topic_arn=self.arn, queue=queue,
                                  filter=filter, filter_on=filter_on, raw=raw, dlq=dlq, transform=transform)

    def link(self, access: Access | None = None) -> Link:
        """The ARN, and the calls of a publisher."""
        return Link(self.logical_name, self.kind, located(self, {"arn": self.arn}),
                    grants(self.kind, sns.Topic.actions, self.arn, access))


class SnsTopicSubscriber(Component, kind="sst.aws.SnsTopicSubscriber", parts=("subscription",)):
    """A function or queue that gets a topic's messages; made by ``SnsTopic.subscribe`` and ``subscribe_queue``."""

    def __init__(self, name: str, *, topic_arn: Output[str], function: Handler | None = None,
                 queue: Queue | None = None, filter: Mapping[str, Any] | None, filter_on: str, raw: bool = False,
                 dlq: Queue | Input[str] | None, transform: SubscriptionTransform | None) -> None:
        super().__init__(name)
        if filter_on not in _SCOPES:
            raise UserError(f"filter_on can't be {filter_on!r}", hint='"attributes" or "body"')
        with self.scope(transform):
            receives = receiver(function, queue, _SNS, topic_arn, self.where)
            self.function = receives.function
            dead, allowed = dead_letters(dlq, _SNS, topic_arn) if dlq is not None else (None, [])
            self.subscription = sns.Subscription(
                "Subscription", topic_arn=topic_arn, protocol="lambda" if queue is None else "sqs",
                endpoint=receives.arn,
                filter_policy=filter, filter_policy_scope=_SCOPES[filter_on] if filter else None,
                raw_message_delivery=raw or None,
                redrive_policy={"deadLetterTargetArn": dead} if dead is not None else None,
                depends_on=[*receives.ready, *allowed])
