"""What Lambda would refuse of a function or an event source in the middle of a deploy, found once the program has
ended. What is known only after a deploy is not judged.

Sources: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html,
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html,
https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""
from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...core.graph import Graph
from ...core.model import Goal
from ...core.output import leaves
from .limits import declared, name_of

__all__ = ["VARIABLE", "function_fits", "source_fits", "variable_valid"]

VARIABLE = "two or more letters, digits and underscores; it begins with a letter"

_ENVIRONMENT, _DESCRIPTION, _LAYERS, _FILTERS = 4096, 256, 5, 10
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]+", re.ASCII)
_LAYER = re.compile(r"arn:[\w-]+:lambda:[\w-]+:\d{12}:layer:[\w-]+:\d+", re.ASCII)
_RESERVED = frozenset({"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
                       "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
                       "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
                       "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
                       "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"})


def variable_valid(name: object) -> bool:
    return isinstance(name, str) and _VARIABLE.fullmatch(name) is not None


def function_fits(graph: Graph, goal: Goal) -> None:
    """Variables, description, layers and concurrency of a function."""
    for problem, hint in (*_variables(goal.inputs), *_rest(goal.inputs)):
        graph.problem(f"the function {name_of(goal)} {problem}", where=goal.where, hint=hint)


def _variables(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """They are at most 4 KB in all; values that are not known yet count as empty."""
    plain, secret = (given.get(k) for k in ("environment", "secret_environment"))
    known = {k: v if isinstance(v, str) else "" for some in (plain, secret) if isinstance(some, Mapping)
             for k, v in some.items()}
    if used := sorted(_RESERVED & known.keys()):
        yield f"sets {', '.join(used)}, which Lambda sets itself", "give the variable another name"
    if odd := [k for k in known if k not in _RESERVED and not variable_valid(k)]:
        yield f"has a variable {odd[0]!r}, a name that Lambda does not take", VARIABLE
    if empty := [k for k, v in known.items() if "\0" in v]:
        yield f"has a NUL character in the variable {empty[0]}", "a variable is text; write bytes as base64"
    size = len(json.dumps(known, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass"))
    if size > _ENVIRONMENT:
        yield (f"has variables of {size:,} bytes; Lambda allows {_ENVIRONMENT:,}",
               "put large values into a file of the bundle, a bucket or a parameter")


def _rest(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    description, layers = given.get("description"), given.get("layers")
    if isinstance(description, str) and next(leaves(description), None) is None and len(description) > _DESCRIPTION:
        yield f"has a description of {len(description)} characters", f"at most {_DESCRIPTION}"
    if isinstance(layers, list | tuple):
        if len(layers) > _LAYERS:
            yield f"has {len(layers)} layers", f"at most {_LAYERS}"
        texts = [x for x in layers if isinstance(x, str) and next(leaves(x), None) is None]
        if odd := [x for x in texts if not _LAYER.fullmatch(x)]:
            yield (f"has a layer {odd[0]!r}, which is not the ARN of a layer's version",
                   "like arn:aws:lambda:us-east-1:123456789012:layer:name:1")
    reserved = given.get("reserved_concurrency")
    if isinstance(reserved, int) and reserved < 0:
        yield f"reserves a concurrency of {reserved}", "0 or more; leave it out to reserve none"


def source_fits(graph: Graph, goal: Goal) -> None:
    """An event source's batches and filters; a queue hides a message for as long as the function may work on it."""
    given, arn = goal.inputs, goal.inputs.get("event_source_arn")
    queues = declared(graph, arn, "aws.sqs.Queue")
    for queue in queues:
        hidden = queue.inputs.get("visibility_timeout") or 30
        for function in declared(graph, given.get("function_name"), "aws.lambda.Function"):
            timeout = function.inputs.get("timeout") or 3
            if isinstance(hidden, int) and isinstance(timeout, int) and hidden < timeout:
                graph.problem(f"the queue {name_of(queue)} hides a message for {hidden} seconds, but the function "
                              f"{name_of(function)} may work on it for {timeout}", where=goal.where,
                              hint=f'give the queue visibility_timeout="{timeout} seconds" or more; it is declared at '
                                   f"{queue.where}")
    fifo = any(q.inputs.get("fifo_queue") for q in queues) or (isinstance(arn, str) and arn.endswith(".fifo"))
    for problem, hint in _batches(given, fifo=fifo):
        graph.problem(f"the event source {name_of(goal)} {problem}", where=goal.where, hint=hint)


def _batches(given: Mapping[str, Any], *, fifo: bool) -> Iterator[tuple[str, str]]:
    size, window, filters = (given.get(k) for k in ("batch_size", "maximum_batching_window", "filters"))
    if fifo and isinstance(size, int) and size > 10:
        yield f"takes batches of {size} messages from a FIFO queue", "at most 10"
    if fifo and window:
        yield "has a batch window, which a FIFO queue does not take", "leave the window out"
    if isinstance(filters, list | tuple) and len(filters) > _FILTERS:
        yield f"has {len(filters)} filters", f"Lambda takes 5, and up to {_FILTERS} if you ask AWS for it"
