"""An event bus: events go to the subscribers whose pattern they match."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self, TypedDict, Unpack

from ..clouds.aws import events
from ..core.component import Component, Options
from ..core.link import Link
from ..core.output import Input, Output
from ..core.transform import Transform
from ..core.units import seconds
from ..errors import UserError
from .delivery import dead_letters, receiver
from .existing import BUS, identified
from .function.subscriber import Handler
from .link_permissions import Access, grants, located
from .queue import Queue

__all__ = ["Bus", "BusSubscriber", "BusTransform", "EventPattern", "EventRetry"]

_EVENTS = "events.amazonaws.com"
_EVERYTHING: Mapping[str, Any] = {"source": [{"prefix": ""}]}


class EventPattern(TypedDict, total=False):
    """Which events: ``source`` and ``detail_type`` are lists of texts or matchers such as ``{"prefix": "shop."}``,
    ``detail`` has the form of the event's."""

    source: Sequence[Any]
    detail_type: Sequence[Any]
    detail: Mapping[str, Any]


class EventRetry(TypedDict, total=False):
    """``attempts``: of a delivery that failed, 0 to 185, 185 by default. ``age``: for so long at most, ``"1 minute"``
    to ``"1 day"``, a day by default."""

    attempts: int
    age: str


class BusTransform(TypedDict, total=False):
    bus: Transform


class SubscriberTransform(TypedDict, total=False):
    rule: Transform
    target: Transform


class Bus(Component, kind="sst.aws.Bus", parts=("bus",)):
    """An event bus of EventBridge.

        events = aws.Bus("Events")
        events.subscribe("Ship", "src/ship.handler", pattern={"source": ["shop"], "detail_type": ["order.paid"]})
        events.subscribe_queue("Audit", queue)
        aws.Function("Api", handler="src/api.handler", link=[events])     # Resource.Events.name

    Source: EventBridge API CreateEventBus,
    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html
    """

    def __init__(self, name: str, *, transform: BusTransform | None = None, **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        with self.scope(transform):
            self.bus = events.EventBus("Bus")

    @classmethod
    def get(cls, name: str, bus_name: Input[str], **options: Unpack[Options]) -> Self:
        """An existing bus, by its name; ``"default"`` is the account's own, which gets the events of AWS. It is linked
        and subscribed to like any other, and never changed or deleted.

            events = aws.Bus.get("Events", "default")

        On stage ``local`` an empty bus of this name stands in for it, unless there is one.
        """
        self = cls.existing(name, **options)
        with self.scope():
            self.bus = events.EventBus.get("Bus", name=identified(bus_name, BUS))
        return self

    @property
    def arn(self) -> Output[str]:
        return self.bus.arn

    @property
    def name(self) -> Output[str]:
        """Its name in EventBridge."""
        return self.bus.name

    def subscribe(self, name: str, subscriber: Handler, *, pattern: EventPattern | None = None, enabled: bool = True,
                  retry: EventRetry | None = None, dlq: Queue | Input[str] | None = None,
                  transform: SubscriberTransform | None = None) -> BusSubscriber:
        """Call a function with the events that match ``pattern``, or with all.

            events.subscribe("Ship", "src/ship.handler", pattern={"detail_type": ["order.paid"]}, dlq=failed)
        """
        return BusSubscriber(f"{self.logical_name}Subscriber{name}", bus=self.bus, function=subscriber, pattern=pattern,
                             enabled=enabled, retry=retry or {}, dlq=dlq, transform=transform)

    def subscribe_queue(self, name: str, queue: Queue, *, pattern: EventPattern | None = None, enabled: bool = True,
                        group: str | None = None, retry: EventRetry | None = None,
                        dlq: Queue | Input[str] | None = None,
                        transform: SubscriberTransform | None = None) -> BusSubscriber:
        """Send the events that match ``pattern``, or all, to a queue. ``group`` is the message group of a FIFO queue.

            events.subscribe_queue("Audit", queue, pattern={"source": ["shop"]})
        """
        return BusSubscriber(f"{self.logical_name}Subscriber{name}", bus=self.bus, queue=queue, group=group,
                             pattern=pattern, enabled=enabled, retry=retry or {}, dlq=dlq, transform=transform)

    def link(self, access: Access | None = None) -> Link:
        """The name and the ARN, and the call that sends events."""
        return Link(self.logical_name, self.kind, located(self, {"name": self.name, "arn": self.arn}),
                    grants(self.kind, events.EventBus.actions, self.arn, access))


class BusSubscriber(Component, kind="sst.aws.BusSubscriber", parts=("rule", "target")):
    """A function or queue that gets events of a bus; made by ``Bus.subscribe`` and ``subscribe_queue``."""

    def __init__(self, name: str, *, bus: events.EventBus, function: Handler | None = None, queue: Queue | None = None,
                 group: str | None = None, pattern: EventPattern | None, enabled: bool, retry: EventRetry,
                 dlq: Queue | Input[str] | None, transform: SubscriberTransform | None) -> None:
        super().__init__(name)
        policy = _retry(retry)
        with self.scope(transform):
            self.rule = events.Rule("Rule", bus=bus.name, event_pattern=_pattern(pattern),
                                    state="ENABLED" if enabled else "DISABLED")
            receives = receiver(function, queue, _EVENTS, self.rule.arn, self.where)
            self.function = receives.function
            dead, allowed = dead_letters(dlq, _EVENTS, self.rule.arn) if dlq is not None else (None, [])
            self.target = events.Target(
                "Target", rule=self.rule.name, bus=bus.name, arn=receives.arn, retry_policy=policy or None,
                dead_letter_config={"Arn": dead} if dead is not None else None,
                sqs_parameters={"MessageGroupId": group} if group is not None else None,
                depends_on=[*receives.ready, *allowed])


def _pattern(given: EventPattern | None) -> Mapping[str, Any]:
    if not given:
        return _EVERYTHING
    if odd := sorted(given.keys() - EventPattern.__annotations__.keys()):
        raise UserError(f"a pattern has no {odd[0]!r}", hint='it has "source", "detail_type" and "detail"')
    return {name.replace("_", "-"): value for name, value in given.items()}


def _retry(given: EventRetry) -> dict[str, int]:
    made: dict[str, int] = {}
    if (attempts := given.get("attempts")) is not None:
        if not isinstance(attempts, int) or isinstance(attempts, bool) or not 0 <= attempts <= 185:
            raise UserError(f"retry attempts must be between 0 and 185; it is {attempts!r}")
        made["MaximumRetryAttempts"] = attempts
    if (age := given.get("age")) is not None:
        made["MaximumEventAgeInSeconds"] = seconds(age, what="retry age", low=60, high=86400)
    return made
