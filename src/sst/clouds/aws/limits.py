"""Limits of AWS that a deploy would meet half-way, checked once the program has ended."""
from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import combinations, product
from typing import Any

from ...core.graph import Check, Graph
from ...core.model import URN, Goal
from ...core.output import Output, leaves
from ..schedule_times import problem

__all__ = ["bucket_name_valid", "dead_letters_alike", "declared", "filters_apart", "name_of", "schedule_valid",
           "tags_valid"]

_RECEIVES = 1000
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"""
_WANTED = {True: "a FIFO queue too", False: "no FIFO queue"}
_TAGS, _TAG_KEY, _TAG_VALUE = 50, 128, 256
"""https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html"""
_FILTER = 1024
"""https://docs.aws.amazon.com/AmazonS3/latest/API/API_FilterRule.html"""
BUCKET = re.compile(r"(?!xn--|sthree-|amzn-s3-demo-|\d+(\.\d+){3}$)[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]"
                    r"(?<!-s3alias)(?<!--ol-s3)(?<!\.mrap)(?<!--x-s3)(?<!--table-s3)")
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""


def declared(graph: Graph, value: Any, type: str) -> list[Goal]:
    """The resources of a type whose properties are part of a value."""
    urns: set[URN] = {urn for leaf in leaves(value) for urn in leaf.deps}
    return [graph.goals[urn] for urn in sorted(urns) if urn in graph.goals and graph.goals[urn].type == type]


def name_of(goal: Goal) -> str:
    """As messages have it: ``"Api/Function"``."""
    return f'"{goal.urn.rpartition("::")[2]}"'


def dead_letters_alike(graph: Graph, goal: Goal) -> None:
    """The dead-letter queue of a FIFO queue is a FIFO queue, and that of another is not."""
    redrive, fifo = goal.inputs.get("redrive_policy"), bool(goal.inputs.get("fifo_queue"))
    if not isinstance(redrive, Mapping):
        return
    target, tries = redrive.get("deadLetterTargetArn"), redrive.get("maxReceiveCount")
    if isinstance(tries, int) and not 1 <= tries <= _RECEIVES:
        graph.problem(f"the queue {name_of(goal)} gives up a message after {tries} failures", where=goal.where,
                      hint=f"retry is between 1 and {_RECEIVES:,}")
    for dead in declared(graph, target, "aws.sqs.Queue"):
        if fifo != bool(dead.inputs.get("fifo_queue")):
            graph.problem(f"the dead-letter queue {name_of(dead)} of {name_of(goal)} must be {_WANTED[fifo]}",
                          where=goal.where, hint=f"it is declared at {dead.where}")
    if not isinstance(target, str) or next(leaves(target), None) is not None:
        return
    if not (m := re.fullmatch(r"arn:[\w-]+:sqs:[\w-]+:\d{12}:([\w-]+(?:\.fifo)?)", target, re.ASCII)):
        graph.problem(f"the dead-letter queue of {name_of(goal)} is {target!r}, which is not the ARN of a queue",
                      where=goal.where, hint="like arn:aws:sqs:us-east-1:123456789012:name, or a Queue")
    elif fifo != m[1].endswith(".fifo"):
        graph.problem(f"the dead-letter queue {m[1]} of {name_of(goal)} must be {_WANTED[fifo]}", where=goal.where,
                      hint="the name of a FIFO queue ends with .fifo")


def bucket_name_valid(graph: Graph, goal: Goal) -> None:
    """S3 refuses other names, some of them with an answer that does not say why."""
    name = goal.inputs.get("name")
    if isinstance(name, str) and next(leaves(name), None) is None and not BUCKET.fullmatch(name):
        graph.problem(f"S3 does not take {name!r} as the name of a bucket", where=goal.where,
                      hint="3 to 63 lower-case letters, digits, dots and hyphens; it begins and ends with a letter or "
                           "digit, is not an IP address, and has no prefix or suffix that S3 keeps for itself")


def tags_valid(graph: Graph, goal: Goal) -> None:
    """The limits that all services share; values that are not known yet are not judged."""
    tags = goal.inputs.get("tags")
    if not isinstance(tags, Mapping):
        return
    problems = [f"{len(tags)} tags; AWS takes {_TAGS}"] if len(tags) > _TAGS else []
    for k, v in tags.items():
        if not isinstance(k, str) or not 1 <= len(k) <= _TAG_KEY or k.lower().startswith("aws:"):
            problems.append(f"a tag {str(k)[:40]!r}: a key has 1 to {_TAG_KEY} characters and does not begin with aws:")
        elif isinstance(v, str) and next(leaves(v), None) is None and len(v) > _TAG_VALUE:
            problems.append(f"a tag {k!r} of {len(v)} characters; a value has at most {_TAG_VALUE}")
    for text in problems[:1]:
        graph.problem(f"{goal.type} {name_of(goal)} has {text}", where=goal.where)


def filters_apart(graph: Graph, goal: Goal) -> None:
    """Two rules of a bucket for one event have filters that do not overlap, and none is too long."""
    owner = declared(graph, goal.inputs.get("bucket"), "aws.s3.Bucket")
    where = owner[0].where if owner else goal.where     # a component declares this row after the program's last line
    rules = [r for k in ("functions", "queues", "topics") for r in goal.inputs.get(k) or () if isinstance(r, Mapping)]
    for rule, end in product(rules, ("prefix", "suffix")):
        if isinstance(text := rule.get(end), str) and len(text) > _FILTER:
            graph.problem(f'the notification "{rule["id"]}" has a {end} of {len(text):,} characters; S3 takes '
                          f"{_FILTER:,}", where=where)
    for a, b in combinations(rules, 2):
        ends = [(r.get("prefix") or "", r.get("suffix") or "") for r in (a, b)]
        if any(isinstance(text, Output) for pair in ends for text in pair):
            continue
        (prefix, suffix), (other, end) = ends
        starts = prefix.startswith(other) or other.startswith(prefix)
        near = starts and (suffix.endswith(end) or end.endswith(suffix))
        if near and any(_overlap(x, y) for x in a["events"] for y in b["events"]):
            graph.problem(f'the notifications "{a["id"]}" and "{b["id"]}" of one bucket overlap: S3 allows one for '
                          "each event and object", where=where,
                          hint="tell them apart by filter_prefix, filter_suffix or events")


def _overlap(a: str, b: str) -> bool:
    return a == b or (a.endswith("*") and b.startswith(a[:-1])) or (b.endswith("*") and a.startswith(b[:-1]))


def schedule_valid(*kinds: str) -> Check:
    """A schedule can be read and its time zone exists. ``kinds`` are the forms that the service takes: ``rate``,
    ``cron``, ``at``. Source: https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html"""
    def check(graph: Graph, goal: Goal) -> None:
        expression = goal.inputs.get("schedule_expression")
        zone = goal.inputs.get("schedule_expression_timezone")
        if isinstance(zone, str) and not zone:
            graph.problem(f"{name_of(goal)}: its time zone is empty", where=goal.where, hint="without one it is UTC")
        if isinstance(expression, str) and (e := problem(expression, zone if isinstance(zone, str) else "UTC",
                                                         kinds=kinds)):
            graph.problem(f"{name_of(goal)}: {e.message}", where=goal.where, hint=e.hint)
    return check
