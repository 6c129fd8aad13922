"""Who hears a topic, and a message to them.

Source: https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html
"""
from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ....core.browse import Act, Action, Column, Field, Listing, Row
from ....core.model import State
from .resource import ResourceBrowser

if TYPE_CHECKING:
    from .calls import Calls

__all__ = ["TopicBrowser"]


class TopicBrowser(ResourceBrowser):
    type = "aws.sns.Topic"

    def __init__(self, calls: Calls, state: State) -> None:
        self._calls, self._arn = calls, str(state.values.get("arn") or state.id)

    def rows(self, query: Mapping[str, str]) -> Listing:
        answer = self._calls("sns", "list_subscriptions_by_topic", {
            "TopicArn": self._arn, **({"NextToken": query["after"]} if query.get("after") else {})})
        rows = tuple(Row("", (s["Protocol"], str(s["Endpoint"]).rpartition(":")[2], self._filter(s["SubscriptionArn"])))
                     for s in answer.get("Subscriptions", ()))
        group = (Field("group", "Message group", value="console"),) if self._arn.endswith(".fifo") else ()
        return Listing((Column("Protocol"), Column("Subscriber"), Column("Filter", "json")), rows,
                       answer.get("NextToken", ""), {"Topic": self._arn}, (),
                       (Action("publish", "Publish", (Field("message", "Message", "long", "{}"),
                                                      Field("subject", "Subject"), *group),
                               f"aws sns publish --topic-arn {self._arn} --message TEXT"),))

    @property
    def acts(self) -> Mapping[str, Act]:
        return {"publish": self._publish}

    def _publish(self, id: str, values: Mapping[str, str]) -> Any:
        params: dict[str, Any] = {"TopicArn": self._arn, "Message": values.get("message", "")}
        if values.get("subject"):
            params["Subject"] = values["subject"]
        if values.get("group"):
            params |= {"MessageGroupId": values["group"], "MessageDeduplicationId": str(time.time_ns())}
        return {"published": self._calls("sns", "publish", params)["MessageId"]}

    def _filter(self, arn: str) -> str:
        if not arn.startswith("arn:"):
            return "not confirmed yet"
        facts = self._calls("sns", "get_subscription_attributes", {"SubscriptionArn": arn}).get("Attributes", {})
        policy = facts.get("FilterPolicy")
        return json.dumps(json.loads(policy)) if policy else ""
