"""How existing resources are named in ``get``: checked before anything is looked up."""
from __future__ import annotations

import re
from typing import Any, TypeVar

from ..core.output import Input, Output
from ..errors import UserError

__all__ = ["BUCKET", "BUS", "DISTRIBUTION", "FUNCTION", "QUEUE", "SENDER", "TABLE", "TOPIC", "by_name",
           "identified"]

T = TypeVar("T")
BUCKET = (r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]", "the name of a bucket", "acme-photos")
"""3 to 63 characters; until 2018, in us-east-1, up to 255 and capitals.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""
QUEUE = (r"https?://[^\s/]+/\d{12}/[A-Za-z0-9_-]{1,80}(\.fifo)?", "the URL of a queue",
         "https://sqs.us-east-1.amazonaws.com/123456789012/jobs")
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html"""
TOPIC = (r"arn:[\w-]+:sns:[\w-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?", "the ARN of a topic",
         "arn:aws:sns:us-east-1:123456789012:orders")
"""https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html"""
BUS = (r"[/.\-_A-Za-z0-9]{1,256}", "the name of an event bus", "orders")
"""https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html"""
TABLE = (r"(arn:[\w-]+:dynamodb:[\w-]+:\d{12}:table/)?[A-Za-z0-9_.-]{3,255}", "the name or ARN of a table",
         "acme-photos")
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html"""
SENDER = (r"([^\s@]+@)?([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])",
          "an address or a domain", "hello@example.com")
"""https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_CreateEmailIdentity.html"""
FUNCTION = (r"[A-Za-z0-9_-]{1,64}", "the name of a function", "acme-resize")
"""https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"""

DISTRIBUTION = (r"E[A-Z0-9]{6,30}", "the id of a distribution of CloudFront", "E2IDLMESRN6V62")
"""https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_Distribution.html"""


def identified(value: T, rule: tuple[str, str, str]) -> T:
    """The value that names an existing resource. Raises ``UserError`` for what AWS can't know."""
    pattern, what, example = rule
    if not isinstance(value, Output) and not (isinstance(value, str) and re.fullmatch(pattern, value)):
        raise UserError(f"{value!r} is not {what}", hint=f'write it like "{example}"')
    return value


def by_name(identifier: Input[str], *, fifo: str) -> dict[str, Any]:
    """What finds a queue or topic in the cloud on this machine: an ARN or URL of AWS leads elsewhere. ``fifo`` is the
    property of one whose name ends with ``.fifo``."""
    if isinstance(identifier, Output):
        return {"name": identifier.apply(_last_part)}
    return {"name": _last_part(identifier), **({fifo: True} if identifier.endswith(".fifo") else {})}


def _last_part(identifier: str) -> str:
    return re.split("[/:]", identifier)[-1]
