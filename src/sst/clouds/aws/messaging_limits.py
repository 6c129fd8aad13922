"""What SNS and EventBridge refuse, or take and never deliver, found before the first call."""
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ...core.graph import Graph
from ...core.model import Goal
from ...core.output import leaves
from .limits import declared, name_of

__all__ = ["fifo_delivers", "filter_fits", "group_named"]

_KEYS, _COMBINATIONS = 5, 150
"""https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html"""


def fifo_delivers(graph: Graph, goal: Goal) -> None:
    """A FIFO topic delivers to queues alone, and only such a topic to FIFO queues.

    Source: https://docs.aws.amazon.com/sns/latest/dg/fifo-message-delivery.html
    """
    topics = declared(graph, goal.inputs.get("topic_arn"), "aws.sns.Topic")
    for topic in topics:
        fifo, protocol = bool(topic.inputs.get("fifo")), goal.inputs.get("protocol")
        if fifo and protocol != "sqs":
            graph.problem(f"the FIFO topic {name_of(topic)} can't deliver to {protocol}", where=goal.where,
                          hint="subscribe a queue, and a function to that queue")
        for queue in declared(graph, goal.inputs.get("endpoint"), "aws.sqs.Queue"):
            if queue.inputs.get("fifo_queue") and not fifo:
                graph.problem(f"the topic {name_of(topic)} can't deliver to the FIFO queue {name_of(queue)}",
                              where=goal.where, hint=f"fifo=True for the topic, which is declared at {topic.where}")


def filter_fits(graph: Graph, goal: Goal) -> None:
    """A filter has at most five keys, lists as values, and 150 combinations of these."""
    policy = goal.inputs.get("filter_policy")
    if not isinstance(policy, Mapping):
        return
    for problem, hint in _filter_problems(policy, body=goal.inputs.get("filter_policy_scope") == "MessageBody"):
        graph.problem(f"the filter of {name_of(goal)} {problem}", where=goal.where, hint=hint)


def _filter_problems(policy: Mapping[str, Any], *, body: bool) -> Iterator[tuple[str, str]]:
    if len(policy) > _KEYS:
        yield f"has {len(policy)} keys", f"SNS takes {_KEYS}"
    combinations = 1
    for key, value in _ends(policy):
        if isinstance(value, list | tuple) and value:
            combinations *= len(value)
        elif next(leaves(value), None) is None:
            yield f"has {json.dumps(value, default=str)} for {key}", f'a list, such as {{"{key}": ["paid"]}}'
    if combinations > _COMBINATIONS:
        yield f"has {combinations:,} combinations of values", f"SNS takes {_COMBINATIONS}"
    if not body and (nested := [key for key, value in policy.items() if isinstance(value, Mapping)]):
        yield f"looks into {nested[0]}, but attributes of messages have no members", 'filter_on="body"'


def _ends(policy: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in policy.items():
        if isinstance(value, Mapping) and value:
            yield from _ends(value)
        elif key != "$or":
            yield key, value


def group_named(graph: Graph, goal: Goal) -> None:
    """A rule sends to a FIFO queue with a message group, and the queue tells duplicates by their content.

    Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html
    """
    for queue in declared(graph, goal.inputs.get("arn"), "aws.sqs.Queue"):
        if not queue.inputs.get("fifo_queue"):
            continue
        if not (goal.inputs.get("sqs_parameters") or {}).get("MessageGroupId"):
            graph.problem(f"{name_of(goal)} sends to the FIFO queue {name_of(queue)} without a message group",
                          where=goal.where, hint='group="orders"')
        if not queue.inputs.get("content_based_deduplication"):
            graph.problem(f"the FIFO queue {name_of(queue)} of {name_of(goal)} can't tell duplicates by their content",
                          where=goal.where,
                          hint=f'fifo={{"content_based_deduplication": True}} for the queue at {queue.where}')
