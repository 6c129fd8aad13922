"""A queue: messages wait in it until a function has processed them."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self, TypedDict, Unpack

from ..clouds.aws import lambda_, sqs
from ..core.component import Component, Options
from ..core.graph import current
from ..core.link import Link
from ..core.output import Input, Output
from ..core.transform import Transform
from ..core.units import seconds
from ..errors import UserError
from .existing import QUEUE, by_name, identified
from .function.subscriber import Handler, target_of
from .link_permissions import Access, grants, located
from .permissions import permission

__all__ = ["Batch", "Dlq", "Fifo", "Queue", "QueueSubscriber", "QueueTransform"]


class Fifo(TypedDict, total=False):
    """``content_based_deduplication``: a message's body decides whether it is a duplicate; False by default."""

    content_based_deduplication: bool


class Dlq(TypedDict, total=False):
    """Where messages go that failed ``retry`` times (3 by default): ``queue`` is a ``Queue`` or its ARN."""

    queue: Any
    retry: int


class Batch(TypedDict, total=False):
    """``size``: at most so many messages a call, 10 by default, at most 10000. ``window``: wait so long for them, ``"0
    seconds"`` by default, at most 5 minutes. ``partial_responses``: the function names the messages that failed; False
    by default."""

    size: int
    window: str
    partial_responses: bool


class QueueTransform(TypedDict, total=False):
    queue: Transform


class SubscriberTransform(TypedDict, total=False):
    event_source_mapping: Transform


RECEIVE = ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl",
           "sqs:ReceiveMessage")


class Queue(Component, kind="sst.aws.Queue", parts=("queue",)):
    """An SQS queue.

        jobs = aws.Queue("Jobs", visibility_timeout="1 minute", dlq=failed)
        jobs.subscribe("src/worker.handler", batch={"size": 5})
        aws.Function("Api", handler="src/api.handler", link=[jobs])       # Resource.Jobs.url

    fifo: exactly once, in order; ``.fifo`` ends its name. A change of it makes a new queue.
    delay: every message waits so long first, ``"0 seconds"`` by default, at most 15 minutes.
    visibility_timeout: a received message is hidden so long, ``"30 seconds"`` by default, at most 12 hours; at least
    the subscriber's timeout. dlq: a ``Queue``, an ARN, or ``{"queue": ..., "retry": 3}``.

    Source: SQS API CreateQueue,
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
    """

    def __init__(self, name: str, *, fifo: bool | Fifo = False, delay: str = "0 seconds",
                 visibility_timeout: str = "30 seconds",
                 dlq: Queue | Input[str] | Dlq | None = None, transform: QueueTransform | None = None,
                 **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        hidden = seconds(visibility_timeout, what="visibility_timeout", high=43200)
        with self.scope(transform):
            self.queue = sqs.Queue(
                "Queue", fifo_queue=True if fifo else None, content_based_deduplication=_dedupe(fifo),
                delay_seconds=seconds(delay, what="delay", high=900), visibility_timeout=hidden,
                redrive_policy=_redrive(dlq) if dlq is not None else None)
        self._visibility: int | None = hidden
        self._subscribed = ""

    @classmethod
    def get(cls, name: str, url: Input[str], **options: Unpack[Options]) -> Self:
        """An existing queue, by its URL. It is linked and subscribed to like any other, and never changed or deleted.

            jobs = aws.Queue.get("Jobs", "https://sqs.us-east-1.amazonaws.com/123456789012/jobs")

        On stage ``local`` an empty queue of this name stands in for it, unless there is one.
        """
        self = cls.existing(name, **options)
        identified(url, QUEUE)
        with self.scope():
            self.queue = sqs.Queue.get("Queue", **(by_name(url, fifo="fifo_queue") if current().target.is_local
                                                   else {"id": url}))
        self._visibility, self._subscribed = None, ""
        return self

    @property
    def arn(self) -> Output[str]:
        return self.queue.arn

    @property
    def url(self) -> Output[str]:
        return self.queue.url

    @property
    def visibility(self) -> int | None:
        """Seconds for which a received message is hidden; None for an existing queue."""
        return self._visibility

    def subscribe(self, subscriber: Handler, *, filters: Sequence[Mapping[str, Any]] = (), batch: Batch | None = None,
                  transform: SubscriberTransform | None = None) -> QueueSubscriber:
        """Call a function with the queue's messages. A queue has one subscriber.

            jobs.subscribe("src/worker.handler", filters=[{"body": {"kind": ["resize"]}}])
        """
        if self._subscribed:
            raise UserError(f'the queue "{self.logical_name}" has a subscriber already',
                            hint=f"it was subscribed at {self._subscribed}")
        made = QueueSubscriber(f"{self.logical_name}Subscriber", subscriber=subscriber, queue_arn=self.arn,
                               filters=filters,
                               batch=batch or {}, visibility=self._visibility, transform=transform)
        self._subscribed = made.where
        return made

    def link(self, access: Access | None = None) -> Link:
        """The URL, and the calls of a producer and a consumer; ``access="write"`` lets only send."""
        return Link(self.logical_name, self.kind, located(self, {"url": self.url}),
                    grants(self.kind, sqs.Queue.actions, self.arn, access))


class QueueSubscriber(Component, kind="sst.aws.QueueSubscriber", parts=("event_source_mapping",)):
    """A function that processes a queue's messages; made by ``Queue.subscribe``."""

    def __init__(self, name: str, *, subscriber: Handler, queue_arn: Input[str], filters: Sequence[Mapping[str, Any]],
                 batch: Batch, visibility: int | None, transform: SubscriberTransform | None) -> None:
        super().__init__(name)
        window, size = seconds(batch.get("window", "0 seconds"), what="batch window", high=300), batch.get("size", 10)
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= 10000:
            raise UserError(f"batch size must be between 1 and 10000; it is {size!r}")
        if size > 10 and not window:
            raise UserError(f"a batch of {size} messages needs a window",
                            hint=f'batch={{"size": {size}, "window": "5 seconds"}}')
        with self.scope(transform):
            target = target_of(subscriber, "Function", permissions=[permission(RECEIVE, [queue_arn])], where=self.where)
            self.function = target.function
            self.event_source_mapping = lambda_.EventSourceMapping(
                "EventSourceMapping", event_source_arn=queue_arn, function_name=target.arn, batch_size=size,
                maximum_batching_window=window or None,
                filters=[json.dumps(f, sort_keys=True) for f in filters] or None,
                function_response_types=["ReportBatchItemFailures"] if batch.get("partial_responses") else None,
                depends_on=target.ready)


def _dedupe(fifo: bool | Fifo) -> bool | None:
    return (not isinstance(fifo, bool) and fifo.get("content_based_deduplication")) or None


def _redrive(dlq: Queue | Input[str] | Dlq) -> dict[str, Any]:
    given: Dlq = dlq if isinstance(dlq, dict) else {"queue": dlq}
    dead = given.get("queue")
    if dead is None:
        raise UserError("dlq needs a queue", hint='dlq=queue, or dlq={"queue": queue, "retry": 3}')
    return {"deadLetterTargetArn": dead.arn if isinstance(dead, Queue) else dead,
            "maxReceiveCount": given.get("retry", 3)}
