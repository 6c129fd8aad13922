"""When a schedule runs next, and a run by hand.

Source: https://docs.aws.amazon.com/scheduler/latest/APIReference/API_GetSchedule.html
"""
from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from ....core.browse import Act, Action, Column, Listing, Row
from ....core.model import State
from ....errors import UserError
from ...schedule_times import runs
from .resource import ResourceBrowser

if TYPE_CHECKING:
    from .calls import Calls

__all__ = ["ScheduleBrowser"]

NEXT = 5


class ScheduleBrowser(ResourceBrowser):
    type = "aws.scheduler.Schedule"

    def __init__(self, calls: Calls, state: State) -> None:
        self._calls, self._values = calls, state.values
        self._name = str(state.values.get("name") or state.id.rpartition("/")[2])
        self._group = str(state.values.get("group_name") or "default")

    def rows(self, query: Mapping[str, str]) -> Listing:
        found = self._schedule()
        expression, zone = str(found["ScheduleExpression"]), str(found.get("ScheduleExpressionTimezone") or "UTC")
        on = found.get("State") != "DISABLED"
        begin = found.get("StartDate") or found.get("CreationDate") or datetime.now(UTC)
        times = islice(runs(expression, after=datetime.now(UTC), since=begin, timezone=zone), NEXT) if on else ()
        target = str((found.get("Target") or {}).get("Arn", ""))
        command = f"aws lambda invoke --function-name {target} --invocation-type Event --payload INPUT /dev/stdout"
        return Listing((Column("Next runs", "time"),), tuple(Row("", (t.timestamp(),)) for t in times), "",
                       {"Expression": expression, "Time zone": zone, "State": "on" if on else "off",
                        "Calls": target.rpartition(":")[2]}, (),
                       (Action("run", "Run now", (), command),) if ":lambda:" in target else (),
                       "" if on else "It is off: nothing runs by itself.")

    @property
    def acts(self) -> Mapping[str, Act]:
        return {"run": self._run}

    def _run(self, id: str, values: Mapping[str, str]) -> Any:
        target = self._schedule().get("Target") or {}
        if ":lambda:" not in str(target.get("Arn")):
            raise UserError("only a function can be run from here")
        self._calls("lambda", "invoke", {"FunctionName": target["Arn"], "InvocationType": "Event",
                                         "Payload": str(target.get("Input") or "{}").encode()})
        return {"started": target["Arn"]}

    def _schedule(self) -> dict[str, Any]:
        return self._calls("scheduler", "get_schedule", {"Name": self._name, "GroupName": self._group})
