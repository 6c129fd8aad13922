"""What lets one service deliver to a queue or call a function: a statement of the queue's policy, a permission of the
function. Each names the one resource that may."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..clouds.aws import lambda_, sqs
from ..core.output import Input, Output
from ..errors import UserError
from ..records import dataclass

if TYPE_CHECKING:
    from .function import Function
    from .function.subscriber import Handler
    from .queue import Queue

__all__ = ["Receiver", "dead_letters", "may_call", "may_send", "receiver"]


@dataclass(frozen=True)
class Receiver:
    """A queue or function that gets what a service delivers. ``function`` is None for a queue, and where only the ARN
    is known."""

    arn: Input[str]
    function: Function | None
    ready: tuple[object, ...]
    """What must be there before anything may flow."""


def receiver(function: Handler | None, queue: Queue | None, service: str, source: Output[str], where: str) -> Receiver:
    """The one of a function and a queue that is given, once ``service`` may deliver there on behalf of ``source``. Part
    of the current scope."""
    from .function.subscriber import target_of
    from .queue import Queue

    if queue is not None:
        if not isinstance(queue, Queue):
            raise UserError(f"{queue!r} is not a queue", hint='an existing one: aws.Queue.get("Jobs", URL)')
        return Receiver(queue.arn, None, (may_send("QueuePolicy", queue, service, source),))
    assert function is not None
    target = target_of(function, "Function", where=where)
    return Receiver(target.arn, target.function, (may_call("Permission", target.arn, service, source), *target.ready))


def may_send(name: str, queue: Queue, service: str, source: Output[str]) -> sqs.QueuePolicy:
    """Lets ``service`` (``sns.amazonaws.com``) send to a queue on behalf of ``source``, an ARN."""
    return sqs.QueuePolicy(name, queue_url=queue.url, policy={"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": queue.arn,
         "Condition": {"ArnLike": {"aws:SourceArn": source}}}]})


def may_call(name: str, function: Input[str], service: str, source: Output[str]) -> lambda_.Permission:
    """Lets ``service`` call a function on behalf of ``source``, an ARN."""
    return lambda_.Permission(name, function_name=function, action="lambda:InvokeFunction", principal=service,
                              source_arn=source)


def dead_letters(dlq: Queue | Input[str], service: str, source: Output[str]) -> tuple[Input[str], list[Any]]:
    """The ARN of a dead-letter queue, and what lets ``service`` send there. A queue that is only named by its ARN has
    to let it by itself."""
    from .queue import Queue

    if isinstance(dlq, Queue):
        return dlq.arn, [may_send("DlqPolicy", dlq, service, source)]
    return dlq, []
