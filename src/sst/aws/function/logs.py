"""Where a function's output goes, and how long it is kept."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, TypedDict

from ...clouds.aws import logs
from ...core.component import Component
from ...core.names import did_you_mean
from ...core.output import Input, Output, combine
from ...errors import UserError

__all__ = ["RETENTION", "LogArn", "Logging", "make_log_group", "retention_days"]

LogArn: TypeAlias = Callable[[Output[str]], Input[str]]
"""The ARN of a log group by the ARN of the role that writes to it."""
RETENTION = {"1 day": 1, "3 days": 3, "5 days": 5, "1 week": 7, "2 weeks": 14, "1 month": 30, "2 months": 60,
             "3 months": 90,
             "4 months": 120, "5 months": 150, "6 months": 180, "1 year": 365, "13 months": 400, "18 months": 545,
             "2 years": 731,
             "3 years": 1096, "5 years": 1827, "6 years": 2192, "7 years": 2557, "8 years": 2922, "9 years": 3288,
             "10 years": 3653,
             "forever": 0}
"""Days CloudWatch keeps logs for; 0 is for ever. Source: PutRetentionPolicy,
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""


class Logging(TypedDict, total=False):
    """``retention`` is ``"1 month"`` by default, ``format`` ``"text"``; ``log_group`` names an existing group to
    use."""

    retention: str
    format: Literal["text", "json"]
    log_group: Input[str]


def retention_days(retention: str) -> int | None:
    """Days of ``"1 month"``; None keeps logs for ever."""
    if retention not in RETENTION:
        raise UserError(f"logs can't be kept for {retention!r}", hint=did_you_mean(retention, list(RETENTION)))
    return RETENTION[retention] or None


def make_log_group(owner: Component, logging: bool | Logging,
                   name: Input[str] | None = None) -> tuple[LogArn | None, dict[str, Any] | None]:
    """The ARN of the function's log group, by the ARN of its role, and the settings that send its output there."""
    if logging is False:
        return None, None
    given: Logging = {} if logging is True else logging
    style = "JSON" if given.get("format") == "json" else "Text"
    if existing := given.get("log_group"):
        return lambda role: combine(role=role, group=existing).apply(_arn), {"LogFormat": style, "LogGroup": existing}
    group = logs.LogGroup("LogGroup", name=f"/aws/lambda/{name or owner.base_of(logs.LogGroup, 'LogGroup')}",
                          retention=retention_days(given.get("retention", "1 month")))
    return lambda role: group.arn, {"LogFormat": style, "LogGroup": group.name}


def _arn(given: Mapping[str, str]) -> str:
    """A group is in the account and partition of the role that writes to it."""
    _, partition, _, _, account, _ = given["role"].split(":", 5)
    return f"arn:{partition}:logs:*:{account}:log-group:{given['group']}"
