"""Whether an action reads or writes data, by its name."""
from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["label_of", "use_of"]

_READS = re.compile(r"(Get|List|Describe|Head|BatchGet|Query|Scan|Receive|Select|PartiQLSelect|ConditionCheck|Lookup)")
_ABOUT = frozenset(("GetQueueUrl", "GetQueueAttributes", "DescribeTable", "GetBucketLocation",
                    "ListBucketMultipartUploads", "ListMultipartUploadParts"))
"""What is asked about the thing, not about its data."""


def use_of(action: str) -> str:
    """``read``, ``write``, or "" for what only asks about the thing; with or without the service before it.

    >>> [use_of(a) for a in ("dynamodb:GetItem", "s3:PutObject", "sqs:GetQueueUrl")]
    ['read', 'write', '']
    """
    name = action.rpartition(":")[2]
    return "" if name in _ABOUT else "read" if _READS.match(name) else "write"


def label_of(actions: Iterable[str]) -> str:
    """``read``, ``write`` or ``read/write``."""
    found = {use_of(action) for action in actions}
    return "/".join(word for word in ("read", "write") if word in found) or "ask about"
