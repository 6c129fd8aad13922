"""SQS: moving dead letters back (StartMessageMoveTask and its two sisters).

Goes when ministack has StartMessageMoveTask, ListMessageMoveTasks and CancelMessageMoveTask; last checked with 1.5.33.
"""
from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply"]

NEEDS: Mapping[str, str] = {
    "services.lambda_svc:esm_wake": "Event",
    "services.sqs:_Err": "class (self, code, message, status=400)",
    "services.sqs:_HANDLERS": "dict",
    "services.sqs:_act_send_message": "(data, qurl)",
    "services.sqs:_queue_by_arn": "(arn)",
    "services.sqs:_queues": "AccountRegionScopedDict",
}

_tasks: dict[str, list[dict[str, Any]]] = {}


def apply(settings: Settings) -> None:
    from ministack.services import sqs

    sqs._HANDLERS.update({"StartMessageMoveTask": _start, "ListMessageMoveTasks": _list,
                          "CancelMessageMoveTask": _cancel})


def _start(data: dict[str, Any], url: str) -> dict[str, Any]:
    """All messages that are visible now go back at once; a task is complete when its call is answered."""
    from ministack.services import lambda_svc, sqs

    arn = str(data.get("SourceArn", ""))
    source = sqs._queue_by_arn(arn)
    if source is None:
        raise sqs._Err("ResourceNotFoundException",
                       "The resource that you specified for the SourceArn parameter doesn't exist.", 404)
    feeders = [queue for queue in _all(sqs) if _dead_letter_arn(queue) == arn]
    if not feeders:
        raise sqs._Err("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    wanted = data.get("DestinationArn")
    target = sqs._queue_by_arn(str(wanted)) if wanted else None
    if wanted and target is None:
        raise sqs._Err("ResourceNotFoundException",
                       "The resource that you specified for the DestinationArn parameter doesn't exist.", 404)
    now, moved = time.time(), 0
    for message in [m for m in source["messages"] if m.get("visible_at", 0) <= now]:
        home = target or feeders[0]
        fields = {"MessageBody": message["body"], "MessageAttributes": message.get("message_attributes") or {},
                  "QueueUrl": home["url"]}
        if home["is_fifo"]:
            fields |= {"MessageGroupId": message.get("group_id") or "moved", "MessageDeduplicationId": uuid.uuid4().hex}
        sqs._act_send_message(fields, home["url"])
        source["messages"].remove(message)
        moved += 1
    lambda_svc.esm_wake.set()
    handle = uuid.uuid4().hex
    task = {"TaskHandle": handle, "Status": "COMPLETED", "SourceArn": arn, "ApproximateNumberOfMessagesMoved": moved,
            "ApproximateNumberOfMessagesToMove": moved, "StartedTimestamp": int(now * 1000)}
    _tasks.setdefault(arn, []).insert(0, task | ({"DestinationArn": wanted} if wanted else {}))
    return {"TaskHandle": handle}


def _list(data: dict[str, Any], url: str) -> dict[str, Any]:
    return {"Results": _tasks.get(str(data.get("SourceArn", "")), [])[:int(data.get("MaxResults") or 1)]}


def _cancel(data: dict[str, Any], url: str) -> dict[str, Any]:
    from ministack.services import sqs

    raise sqs._Err("ResourceNotFoundException", "There is no running task with this handle.", 404)


def _all(sqs: Any) -> list[Any]:
    return list(sqs._queues.values())


def _dead_letter_arn(queue: Any) -> str:
    policy: Any = queue["attributes"].get("RedrivePolicy") or "{}"
    while isinstance(policy, str):
        policy = json.loads(policy)
    return str(policy.get("deadLetterTargetArn", ""))
