"""What a link lets a function do: one table. The default of each component is what a client of that thing calls, on it
alone.

``docs/link_permissions.md`` is generated from this table.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..core.link import Include
from ..core.output import Input
from ..errors import UserError
from .permissions import permission

__all__ = ["ACCESS", "Access", "Grant", "grants"]

Access: TypeAlias = Literal["read", "write", "read-write", "full"]


@dataclass(frozen=True)
class Grant:
    """Some actions, on some of the ARNs that belong to the thing: ``""`` is its own, ``"/*"`` what is in it."""

    actions: tuple[str, ...]
    on: tuple[str, ...] = ("",)


def _g(actions: str, *on: str) -> Grant:
    return Grant(tuple(actions.split()), on or ("",))


_BUCKET_READ = (_g("s3:GetObject s3:GetObjectAttributes s3:GetObjectTagging s3:GetObjectVersion", "/*"),
                _g("s3:ListBucket s3:ListBucketVersions s3:GetBucketLocation"))
_BUCKET_WRITE = (_g("s3:PutObject s3:PutObjectTagging s3:DeleteObject s3:DeleteObjectVersion s3:AbortMultipartUpload "
                    "s3:ListMultipartUploadParts", "/*"), _g("s3:ListBucketMultipartUploads"))
_TABLE_READ = (_g("dynamodb:GetItem dynamodb:BatchGetItem dynamodb:Query dynamodb:Scan dynamodb:ConditionCheckItem "
                  "dynamodb:PartiQLSelect", "", "/index/*"), _g("dynamodb:DescribeTable"))
_TABLE_WRITE = (_g("dynamodb:PutItem dynamodb:UpdateItem dynamodb:DeleteItem dynamodb:BatchWriteItem "
                   "dynamodb:PartiQLInsert "
                   "dynamodb:PartiQLUpdate dynamodb:PartiQLDelete"),)
_QUEUE_READ = (_g("sqs:ReceiveMessage sqs:DeleteMessage sqs:ChangeMessageVisibility sqs:GetQueueAttributes "
                  "sqs:GetQueueUrl"),)
_QUEUE_WRITE = (_g("sqs:SendMessage sqs:GetQueueAttributes sqs:GetQueueUrl"),)

ACCESS: Mapping[str, Mapping[str, tuple[Grant, ...]]] = {
    "Bucket": {"read": _BUCKET_READ, "write": _BUCKET_WRITE, "read-write": _BUCKET_READ + _BUCKET_WRITE,
               "full": (_g("s3:*", "", "/*"),)},
    "Dynamo": {"read": _TABLE_READ, "write": _TABLE_WRITE, "read-write": _TABLE_READ + _TABLE_WRITE,
               "full": (_g("dynamodb:*", "", "/*"),)},
    "Queue": {"read": _QUEUE_READ, "write": _QUEUE_WRITE, "read-write": _QUEUE_READ + _QUEUE_WRITE,
              "full": (_g("sqs:*"),)},
    "Function": {"write": (_g("lambda:InvokeFunction", "", ":*"),),
                 "read-write": (_g("lambda:InvokeFunction", "", ":*"),),
                 "full": (_g("lambda:*", "", ":*"),)},
}


def grants(component: str, arn: Input[str], access: Access | None = None) -> tuple[Include, ...]:
    """The permissions of a link to a component with this ARN."""
    table = ACCESS[component]
    wanted = access or "read-write"
    if wanted not in table:
        raise UserError(f'a {component} can\'t be linked with access="{wanted}"',
                        hint=f"it takes {_listed(list(table))}")
    return tuple(permission(g.actions, [f"{arn}{part}" if part else arn for part in g.on]) for g in table[wanted])


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f'"{w}"' for w in words)
