"""Rules of an event bus: what they match, and an event to try it with.

Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ....core.browse import Act, Action, Column, Field, Listing, Row
from ....core.model import State
from ....errors import UserError
from .resource import ResourceBrowser

if TYPE_CHECKING:
    from .calls import Calls

__all__ = ["BusBrowser"]

_EVENT = json.dumps({"source": "console", "detail-type": "Test", "detail": {}}, indent=2)


class BusBrowser(ResourceBrowser):
    type = "aws.events.EventBus"

    def __init__(self, calls: Calls, state: State) -> None:
        self._calls, self._name = calls, str(state.values.get("name") or state.id)

    def rows(self, query: Mapping[str, str]) -> Listing:
        rules, after = self._rules(query.get("after", ""))
        rows = tuple(Row("", (r["Name"], r.get("State", ""), r.get("EventPattern", ""), self._targets(r["Name"])))
                     for r in rules)
        event = (Field("event", "Event", "json", _EVENT),)
        return Listing((Column("Rule"), Column("State"), Column("Pattern", "json"), Column("Targets")), rows, after,
                       {"Bus": self._name}, (),
                       (Action("send", "Send an event", event, "aws events put-events --entries JSON"),
                        Action("match", "Which rules match", event, "aws events test-event-pattern", reads=True)))

    @property
    def acts(self) -> Mapping[str, Act]:
        return {"send": self._send, "match": self._match}

    def _send(self, id: str, values: Mapping[str, str]) -> Any:
        event = _event(values)
        answer = self._calls("events", "put_events", {"Entries": [{
            "EventBusName": self._name, "Source": event["source"], "DetailType": event["detail-type"],
            "Detail": json.dumps(event["detail"])}]})
        [entry] = answer["Entries"]
        if entry.get("ErrorCode"):
            raise UserError(f"the bus refused it: {entry['ErrorCode']}: {entry.get('ErrorMessage', '')}")
        return {"sent": entry["EventId"]}

    def _match(self, id: str, values: Mapping[str, str]) -> Any:
        event = {"id": "1", "account": "000000000000", "time": "2026-01-01T00:00:00Z", "region": "us-east-1",
                 "resources": [], **_event(values)}
        found: dict[str, str] = {}
        after = ""
        while True:
            rules, after = self._rules(after)
            for rule in rules:
                if (pattern := rule.get("EventPattern")) and self._calls("events", "test_event_pattern", {
                        "EventPattern": pattern, "Event": json.dumps(event)}).get("Result"):
                    found[rule["Name"]] = self._targets(rule["Name"])
            if not after:
                return {"matching": found}

    def _rules(self, after: str) -> tuple[list[dict[str, Any]], str]:
        answer = self._calls("events", "list_rules", {"EventBusName": self._name, "Limit": 50,
                                                      **({"NextToken": after} if after else {})})
        return answer.get("Rules", []), answer.get("NextToken", "")

    def _targets(self, rule: str) -> str:
        answer = self._calls("events", "list_targets_by_rule", {"Rule": rule, "EventBusName": self._name})
        return ", ".join(str(t["Arn"]).rpartition(":")[2] for t in answer.get("Targets", ()))


def _event(values: Mapping[str, str]) -> dict[str, Any]:
    try:
        found = json.loads(values.get("event", ""))
        return {"source": str(found["source"]), "detail-type": str(found["detail-type"]), "detail": found["detail"]}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"this is not an event: {error}", hint='it has "source", "detail-type" and "detail"') from error
