"""Messages of a queue, looked at without receiving them where that can be done: on stage ``local``.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
"""
from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ....core.browse import Act, Action, Column, Field, Item, Listing, Row
from ....core.model import State
from ....errors import ProviderError, UserError
from .resource import ResourceBrowser

if TYPE_CHECKING:
    from .calls import Calls

__all__ = ["QueueBrowser"]

SHOWN = 200


class QueueBrowser(ResourceBrowser):
    type = "aws.sqs.Queue"

    def __init__(self, calls: Calls, state: State) -> None:
        self._calls, self._url = calls, str(state.values.get("url") or state.id)

    def rows(self, query: Mapping[str, str]) -> Listing:
        facts = self._call("get_queue_attributes", AttributeNames=["All"])["Attributes"]
        messages = self._calls.peek(self._url) if self._calls.peek else ()
        now = time.time()
        shown: dict[str, str | float] = {
            "Visible": int(facts.get("ApproximateNumberOfMessages", 0)),
            "In flight": int(facts.get("ApproximateNumberOfMessagesNotVisible", 0)),
            "Delayed": int(facts.get("ApproximateNumberOfMessagesDelayed", 0))}
        if messages:
            shown["Oldest"] = f"{max(0, now - min(m['SentTimestamp'] for m in messages)):.0f} s old"
        if policy := json.loads(facts.get("RedrivePolicy") or "{}"):
            shown["Dead letters"] = f"{str(policy.get('deadLetterTargetArn', '')).rpartition(':')[2]} after " \
                                    f"{policy.get('maxReceiveCount')} tries"
        rows = tuple(Row(m["MessageId"], (m["SentTimestamp"], _state(m), m["ReceiveCount"], m["Body"][:300]))
                     for m in messages[:SHOWN])
        note = "" if self._calls.peek else \
            "Messages are not shown by themselves: to receive one counts as a try, and may move it to the dead letters."
        if len(messages) > SHOWN:
            note = f"The first {SHOWN} of {len(messages):,} messages."
        return Listing((Column("Sent", "time"), Column("State"), Column("Tries", "number"), Column("Body", "json")),
                       rows, "", shown, (), self._actions(bool(facts.get("FifoQueue")), str(facts["QueueArn"])), note)

    def _actions(self, fifo: bool, arn: str) -> tuple[Action, ...]:
        more = (Field("group", "Message group", value="console"),) if fifo else (Field("delay", "Delay, seconds"),)
        place = f"--queue-url {self._url}"
        receive = (Action("receive", "Receive one", (), f"aws sqs receive-message {place} --visibility-timeout 0",
                          loses="This counts as a try of the message, and may move it to the dead letters."),)
        return (Action("send", "Send", (Field("body", "Body", "long", "{}"), *more),
                       f"aws sqs send-message {place} --message-body TEXT"),
                *(() if self._calls.peek else receive),
                Action("redrive", "Redrive dead letters", (), f"aws sqs start-message-move-task --source-arn {arn}"),
                Action("purge", "Purge", (), f"aws sqs purge-queue {place}",
                       loses="All messages of the queue are deleted."))

    def item(self, id: str) -> Item:
        messages = self._calls.peek(self._url) if self._calls.peek else ()
        found = next((m for m in messages if m["MessageId"] == id), None)
        if found is None:
            raise UserError("this message is no longer in the queue", hint="it was received and deleted")
        attributes = {f"Attribute {k}": str(v.get("StringValue", "")) for k, v in found["MessageAttributes"].items()}
        group = {"Message group": str(found["MessageGroupId"])} if found.get("MessageGroupId") else {}
        return Item(id, found["Body"], "json" if found["Body"][:1] in "{[" else "text",
                    facts={"State": _state(found), "Tries": found["ReceiveCount"], **group, **attributes})

    @property
    def acts(self) -> Mapping[str, Act]:
        return {"send": self._send, "receive": self._receive, "redrive": self._redrive, "purge": self._purge}

    def _send(self, id: str, values: Mapping[str, str]) -> Any:
        params: dict[str, Any] = {"MessageBody": values.get("body", "")}
        if group := values.get("group"):
            params |= {"MessageGroupId": group, "MessageDeduplicationId": str(time.time_ns())}
        if delay := values.get("delay"):
            if not delay.isdigit() or int(delay) > 900:
                raise UserError("the delay is a number of seconds, at most 900")
            params["DelaySeconds"] = int(delay)
        return {"sent": self._call("send_message", **params)["MessageId"]}

    def _receive(self, id: str, values: Mapping[str, str]) -> Any:
        found = self._call("receive_message", VisibilityTimeout=0, MaxNumberOfMessages=1).get("Messages", [])
        return {"messages": [{"id": m["MessageId"], "body": m["Body"]} for m in found]}

    def _redrive(self, id: str, values: Mapping[str, str]) -> Any:
        """Back to where they came from: of the dead-letter queue, which this one may have."""
        facts = self._call("get_queue_attributes", AttributeNames=["QueueArn", "RedrivePolicy"])["Attributes"]
        dead = json.loads(facts.get("RedrivePolicy") or "{}").get("deadLetterTargetArn")
        try:
            answer = self._calls("sqs", "start_message_move_task", {"SourceArn": dead or facts["QueueArn"]})
        except ProviderError as error:
            if error.code in ("InvalidParameterValue", "AWS.SimpleQueueService.UnsupportedOperation"):
                raise UserError("there are no dead letters to move: this queue has no dead-letter queue and is none",
                                hint='aws.Queue("Jobs", dlq=...) gives it one') from error
            raise
        return {"started": answer.get("TaskHandle", "")}

    def _purge(self, id: str, values: Mapping[str, str]) -> Any:
        self._call("purge_queue")
        return {"purged": self._url}

    def _call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self._calls("sqs", operation, {"QueueUrl": self._url, **params})


def _state(message: Mapping[str, Any]) -> str:
    if message["IsVisible"]:
        return "visible"
    return "in flight" if message["ReceiveCount"] else "delayed"
