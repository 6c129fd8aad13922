"""Limits of AWS that a deploy would meet half-way, checked once the program has ended."""
from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import combinations
from typing import Any

from ...core.graph import Check, Graph
from ...core.model import URN, Goal
from ...core.output import Output, leaves
from ..schedule_times import problem

__all__ = ["bucket_name_valid", "dead_letters_alike", "environment_fits", "filters_apart", "hidden_long_enough",
           "schedule_valid"]

ENVIRONMENT = 4096
"""Bytes of a function's variables: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
RESERVED = frozenset({"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
                      "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
                      "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
                      "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
                      "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"})


BUCKET = re.compile(r"(?!xn--|sthree-|amzn-s3-demo-|\d+(\.\d+){3}$)[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]"
                    r"(?<!-s3alias)(?<!--ol-s3)(?<!\.mrap)(?<!--x-s3)(?<!--table-s3)")
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""


def _of(graph: Graph, value: Any, type: str) -> list[Goal]:
    urns: set[URN] = {urn for leaf in leaves(value) for urn in leaf.deps}
    return [graph.goals[urn] for urn in sorted(urns) if urn in graph.goals and graph.goals[urn].type == type]


def _name(goal: Goal) -> str:
    return f'"{goal.urn.rpartition("::")[2]}"'


def hidden_long_enough(graph: Graph, goal: Goal) -> None:
    """A queue hides a message for as long as the function may work on it."""
    for queue in _of(graph, goal.inputs.get("event_source_arn"), "aws.sqs.Queue"):
        hidden = queue.inputs.get("visibility_timeout") or 30
        for function in _of(graph, goal.inputs.get("function_name"), "aws.lambda.Function"):
            timeout = function.inputs.get("timeout") or 3
            if isinstance(hidden, int) and isinstance(timeout, int) and hidden < timeout:
                graph.problem(f"the queue {_name(queue)} hides a message for {hidden} seconds, but the function "
                              f"{_name(function)} may work on it for {timeout}", where=goal.where,
                              hint=f'give the queue visibility_timeout="{timeout} seconds" or more; it is declared at '
                                   f"{queue.where}")


def dead_letters_alike(graph: Graph, goal: Goal) -> None:
    """The dead-letter queue of a FIFO queue is a FIFO queue, and that of another is not."""
    redrive = goal.inputs.get("redrive_policy")
    target = redrive.get("deadLetterTargetArn") if isinstance(redrive, Mapping) else None
    for dead in _of(graph, target, "aws.sqs.Queue"):
        fifo = bool(goal.inputs.get("fifo_queue"))
        if fifo != bool(dead.inputs.get("fifo_queue")):
            wanted = "a FIFO queue too" if fifo else "no FIFO queue"
            graph.problem(f"the dead-letter queue {_name(dead)} of {_name(goal)} must be {wanted}", where=goal.where,
                          hint=f"it is declared at {dead.where}")


def bucket_name_valid(graph: Graph, goal: Goal) -> None:
    """S3 refuses other names, some of them with an answer that does not say why."""
    name = goal.inputs.get("name")
    if isinstance(name, str) and next(leaves(name), None) is None and not BUCKET.fullmatch(name):
        graph.problem(f"S3 does not take {name!r} as the name of a bucket", where=goal.where,
                      hint="3 to 63 lower-case letters, digits, dots and hyphens; it begins and ends with a letter or "
                           "digit, is not an IP address, and has no prefix or suffix that S3 keeps for itself")


def environment_fits(graph: Graph, goal: Goal) -> None:
    """A function's variables are at most 4 KB, and some names are Lambda's own. Values that are not known yet count as
    empty."""
    plain, secret = (goal.inputs.get(k) for k in ("environment", "secret_environment"))
    known = {k: v if isinstance(v, str) else "" for some in (plain, secret) if isinstance(some, Mapping)
             for k, v in some.items()}
    if used := sorted(RESERVED & known.keys()):
        graph.problem(f"the function {_name(goal)} sets {', '.join(used)}, which Lambda sets itself", where=goal.where,
                      hint="give the variable another name")
    size = len(json.dumps(known, separators=(",", ":")).encode())
    if size > ENVIRONMENT:
        graph.problem(f"the variables of the function {_name(goal)} take {size:,} bytes; Lambda allows {ENVIRONMENT:,}",
                      where=goal.where, hint="put large values into a file of the bundle, a bucket or a parameter")


def filters_apart(graph: Graph, goal: Goal) -> None:
    """Two rules of a bucket for one event have filters that do not overlap."""
    owner = _of(graph, goal.inputs.get("bucket"), "aws.s3.Bucket")
    where = owner[0].where if owner else goal.where     # a component declares this row after the program's last line
    rules = [r for k in ("functions", "queues", "topics") for r in goal.inputs.get(k) or () if isinstance(r, Mapping)]
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
    ``cron``, ``at``."""
    def check(graph: Graph, goal: Goal) -> None:
        expression = goal.inputs.get("schedule_expression")
        zone = goal.inputs.get("schedule_expression_timezone")
        if isinstance(expression, str) and (e := problem(expression, zone if isinstance(zone, str) else "UTC",
                                                         kinds=kinds)):
            graph.problem(f"{_name(goal)}: {e.message}", where=goal.where, hint=e.hint)
    return check
