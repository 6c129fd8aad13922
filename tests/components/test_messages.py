"""Topics and buses: what SNS and EventBridge refuse, or take and never deliver, is refused with file and line."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sst import aws
from sst.errors import SstError
from tests.components.graphs import program

H = "src/job.handler"


def topic(**given: Any) -> Callable[[], object]:
    return lambda: aws.SnsTopic("News").subscribe("Fn", H, **given)


def to_queue(queue: dict[str, Any], topic: dict[str, Any]) -> Callable[[], object]:
    return lambda: aws.SnsTopic("News", **topic).subscribe_queue("Q", aws.Queue("Jobs", **queue))


def bus(**given: Any) -> Callable[[], object]:
    return lambda: aws.Bus("Events").subscribe("Fn", H, **given)


def bus_to_queue(queue: dict[str, Any], **given: Any) -> Callable[[], object]:
    return lambda: aws.Bus("Events").subscribe_queue("Q", aws.Queue("Jobs", **queue), **given)


DEDUPE = {"fifo": {"content_based_deduplication": True}}
REFUSED: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "function of a FIFO topic": (lambda: aws.SnsTopic("News", fifo=True).subscribe("Fn", H),
                                 ('the FIFO topic "News/Topic" can\'t deliver to lambda', "subscribe a queue")),
    "FIFO queue of another topic": (to_queue({"fifo": True}, {}),
                                    ('"News/Topic" can\'t deliver to the FIFO queue "Jobs/Queue"', "fifo=True")),
    "six keys": (topic(filter={c: ["x"] for c in "abcdef"}), ("has 6 keys", "SNS takes 5")),
    "no list": (topic(filter={"kind": "paid"}), ('has "paid" for kind', '{"kind": ["paid"]}')),
    "empty list": (topic(filter={"kind": []}), ("has [] for kind",)),
    "too many values": (topic(filter={"a": list("abcdefghijklm"), "b": list("abcdefghijkl")}),
                        ("has 156 combinations of values", "SNS takes 150")),
    "members of an attribute": (topic(filter={"order": {"paid": [True]}}), ("looks into order", 'filter_on="body"')),
    "filter_on": (topic(filter={"a": ["b"]}, filter_on="header"), ("filter_on can't be 'header'",)),
    "ARN for a queue": (lambda: aws.SnsTopic("News").subscribe_queue("Q", "arn:aws:sqs:::jobs"),  # type: ignore[arg-type]
                        ("'arn:aws:sqs:::jobs' is not a queue", "aws.Queue.get")),
    "two of one name": (lambda: [aws.SnsTopic("News").subscribe("Fn", H), aws.SnsTopic("NewsSubscriberFn")],
                        ("NewsSubscriberFn",)),
    "FIFO queue without a group": (bus_to_queue(DEDUPE), ("without a message group", 'group="orders"')),
    "FIFO queue without deduplication": (bus_to_queue({"fifo": True}, group="g"),
                                         ("can't tell duplicates by their content", "content_based_deduplication")),
    "pattern in AWS's words": (bus(pattern={"detail-type": ["x"]}), ("a pattern has no 'detail-type'", "detail_type")),
    "DMARC of an address": (lambda: aws.Email("Mail", sender="me@example.com", dmarc="v=DMARC1"),
                            ("dmarc is for a domain", 'sender="example.com"')),
    "mail_from elsewhere": (lambda: aws.Email("Mail", sender="example.com", dns=False,
                                              mail_from={"domain": "b.else.com"}),
                            ("a subdomain of example.com", "bounce.example.com")),
    "events without a place": (lambda: aws.Email("Mail", sender="me@example.com", events=[
        {"name": "Lost", "types": ["bounce"]}]), ("one of topic and bus",)),
    "an event of mails": (lambda: aws.Email("Mail", sender="me@example.com", events=[
        {"name": "Lost", "types": ["bounced"], "bus": "arn"}]), ("no event 'bounced'", "delivery-delay")),  # type: ignore[list-item]
    "attempts": (bus(retry={"attempts": 186}), ("between 0 and 185; it is 186",)),
    "age": (bus(retry={"age": "2 days"}), ("retry age",)),
}
TAKEN: dict[str, Callable[[], object]] = {
    "FIFO to FIFO": to_queue({"fifo": True}, {"fifo": True}),
    "FIFO to a queue": to_queue({}, {"fifo": True}),
    "five keys": topic(filter={c: ["x"] for c in "abcde"}),
    "150 combinations": topic(filter={"a": list("abcdefghijklmno"), "b": list("abcdefghij")}),
    "body": topic(filter={"order": {"paid": [True]}}, filter_on="body"),
    "either": topic(filter={"$or": [{"a": ["b"]}, {"c": ["d"]}]}, filter_on="body"),
    "FIFO queue of a bus": bus_to_queue(DEDUPE, group="g"),
    "an output in a filter": lambda: aws.SnsTopic("News").subscribe("Fn", H, filter={"a": [aws.Queue("Jobs").url]}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_aws_would_refuse_is_refused(name: str) -> None:
    declare, told = REFUSED[name]
    with pytest.raises(SstError) as e, program():
        declare()
    assert "test_messages.py:" in str(e.value)
    for text in told:
        assert text in str(e.value)


@pytest.mark.parametrize("name", TAKEN)
def test_what_aws_takes_is_taken(name: str) -> None:
    with program():
        TAKEN[name]()


def test_existing_ones_are_named_as_aws_names_them() -> None:
    with pytest.raises(SstError, match="'orders' is not the ARN of a topic"), program():
        aws.SnsTopic.get("Old", "orders")
    with pytest.raises(SstError, match="'my bus' is not the name of an event bus"), program():
        aws.Bus.get("Old", "my bus")
    for sender in ("example", "me@", "me@example", "a b@example.com", "example.com/x", ""):
        with pytest.raises(SstError, match="is not an address or a domain"), program():
            aws.Email("Mail", sender=sender)
