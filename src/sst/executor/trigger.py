"""What called a function, told from its event: ``GET /photos``, ``sqs Jobs (3 messages)``."""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["trigger_in", "trigger_of"]


def trigger_of(event: bytes) -> str:
    """A few words; ``invoke`` if the event is of nobody's kind.

    >>> trigger_of(b'{"requestContext": {"http": {"method": "GET"}}, "rawPath": "/a"}')
    'GET /a'
    >>> trigger_of(b"[1]")
    'invoke'
    """
    try:
        return trigger_in(json.loads(event))
    except ValueError:
        return "invoke"


def trigger_in(event: Any) -> str:
    """The same for an event that was read already."""
    try:
        return _of(event) if isinstance(event, Mapping) else "invoke"
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return "invoke"


def _of(event: Mapping[str, Any]) -> str:
    context = event.get("requestContext")
    if isinstance(context, Mapping):
        if "http" in context:
            query = event.get("rawQueryString")
            return f"{context['http']['method']} {event.get('rawPath', '/')}" + (f"?{query}" if query else "")
        if "connectionId" in context:
            return f"websocket {context.get('routeKey', '')}"
        if "httpMethod" in event:
            return f"{event['httpMethod']} {event.get('path', '/')}"
    records = event.get("Records")
    if isinstance(records, list) and records:
        source = str(records[0].get("eventSource") or records[0].get("EventSource"))
        return _RECORDS[source](records) if source in _RECORDS else f"{source.removeprefix('aws:')} ({len(records)})"
    if "detail-type" in event:
        return f"{event.get('source', 'event')} {event['detail-type']}"
    return "invoke"


def _count(records: list[Any], what: str) -> str:
    return f"{len(records)} {what}" + ("s" if len(records) != 1 else "")


def _s3(records: list[Any]) -> str:
    first = records[0]
    return f"s3 {first['eventName']} {first['s3']['object']['key']}"


def _from_arn(word: str, what: str) -> Callable[[list[Any]], str]:
    def name(records: list[Any]) -> str:
        parts = str(records[0]["eventSourceARN"]).split(":", 5)[-1].split("/")
        return f"{word} {parts[1] if len(parts) > 1 else parts[0]} ({_count(records, what)})"
    return name


_RECORDS: Mapping[str, Callable[[list[Any]], str]] = {
    "aws:s3": _s3,
    "aws:sqs": _from_arn("sqs", "message"),
    "aws:sns": lambda records: f"sns {records[0]['Sns']['TopicArn'].split(':')[-1]}",
    "aws:dynamodb": _from_arn("dynamodb", "change"),
    "aws:kinesis": _from_arn("kinesis", "record"),
}
