"""The parts of an app on AWS and their edges, from its state alone: no call is made."""
from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ....core.model import Snapshot, State
from ....core.names import in_order
from ....core.picture import Edge, Part, Picture
from .use import label_of

__all__ = ["picture_of"]

KINDS: Mapping[str, str] = {
    "lambda.Function": "function", "s3.Bucket": "bucket", "dynamodb.Table": "table", "sqs.Queue": "queue",
    "apigatewayv2.Api": "api", "scheduler.Schedule": "cron", "sns.Topic": "topic", "events.EventBus": "bus",
    "kinesis.Stream": "stream", "cloudfront.Distribution": "router", "ecs.Service": "service", "ecs.Cluster": "cluster",
    "rds.Cluster": "database", "rds.Instance": "database",
    "elbv2.LoadBalancer": "api", "elasticache.ReplicationGroup": "cache",
    "elasticache.ServerlessCache": "cache", "cognitoidp.UserPool": "users", "appsync.Api": "api", "ec2.Vpc": "network",
    "sesv2.EmailIdentity": "mail", "stepfunctions.StateMachine": "workflow",
}
"""Of the resource that a part is about; the first of a component that has several."""
_POLLING = frozenset((
    "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream",
    "dynamodb:ListStreams", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary", "kinesis:ListShards", "kinesis:ListStreams", "kinesis:SubscribeToShard"))
"""What a function needs of the source that calls it: it is not its own use."""


def picture_of(snapshot: Snapshot) -> Picture:
    """Of what is deployed; low-level resources of the program that stand alone are parts too."""
    return _Drawing(snapshot).picture()


class _Drawing:
    def __init__(self, snapshot: Snapshot) -> None:
        self._states = [s for s in snapshot.resources.values() if s.type.startswith("aws.")]
        self._all = list(snapshot.resources.values())
        self._main: dict[str, State] = {}
        """Part -> the resource that it is about."""
        self._by_id: dict[str, str] = {}
        """ARN, id, name -> part."""
        self._roles: dict[str, list[str]] = defaultdict(list)
        self._titles: dict[str, str] = {}
        self._find_parts()

    def picture(self) -> Picture:
        edges = [*self._events()]
        called = {(e.source, e.target) for e in edges}
        grants = list(self._grants(called))
        known = {(e.source, e.target) for e in (*edges, *grants)}
        edges += [*grants, *self._addresses(known)]
        made_of: dict[str, list[str]] = defaultdict(list)
        for state in self._all:
            made_of[self._part_of(state)].append(state.urn)
        parts = [self._part(name, state, made_of[name]) for name, state in self._main.items()]
        return Picture(tuple(sorted(parts, key=lambda p: (p.stack, in_order(p.name)))),
                       tuple(sorted(edges, key=lambda e: (e.kind != "event", in_order(e.source), in_order(e.target),
                                                          e.label))))

    def _find_parts(self) -> None:
        order = {type: n for n, type in enumerate(KINDS)}
        for state in self._states:
            name, type = _component(state), _type(state)
            alone = "/" not in _path(state)
            if type not in KINDS and not alone:
                continue
            now = self._main.get(name)
            if now is None or order.get(type, 99) < order.get(_type(now), 99):
                self._main[name] = state
        for name, state in self._main.items():
            values = state.values
            for key in (state.id, values.get("arn"), values.get("name"), values.get("url"), values.get("id"),
                        values.get("stream_arn"), values.get("latest_stream_arn")):
                if isinstance(key, str) and key:
                    self._by_id.setdefault(key, name)
            if _type(state) == "lambda.Function" and isinstance(role := values.get("role"), str):
                self._roles[role.rpartition("/")[2]].append(name)

    def _part_of(self, state: State) -> str:
        """The part that a resource belongs to: the nearest component above it."""
        name = _component(state)
        while name and name not in self._main:
            name = name.rpartition("/")[0]
        return name

    def _part(self, name: str, state: State, urns: Iterable[str]) -> Part:
        values, kind = state.values, KINDS.get(_type(state), _type(state))
        detail = str(values.get("schedule_expression") or values.get("endpoint") or "")
        if kind == "function":
            detail = self._handler(name) or str(values.get("handler", ""))
        ids = tuple(dict.fromkeys(str(v) for v in (values.get("name"), state.id) if v))
        return Part(name, kind, self._titles.get(name, name), detail, state.stack, state.where, ids,
                    str(values.get("name", "")) if kind == "function" else "",
                    (state.urn, *(u for u in urns if u != state.urn)))

    def _handler(self, name: str) -> str:
        """As the program has it: what the bundle was made from."""
        for state in self._all:
            if state.type == "local.Build" and _component(state) == name:
                return str((state.inputs.get("source") or {}).get("handler", ""))
        return ""

    def _found(self, arn: object) -> str:
        """The part with this ARN; of an index, an object, an alias or a stream of it too."""
        text = str(arn or "")
        if text in self._by_id:
            return self._by_id[text]
        if text.startswith("arn:"):
            resource = text.split(":", 5)[-1]
            for cut in (text.partition("/index/")[0], text.partition("/stream/")[0], ":".join(text.split(":")[:7]),
                        text.removesuffix("/*"), resource.partition("/")[0], resource.partition(":")[2]):
                if cut in self._by_id:
                    return self._by_id[cut]
        return ""

    # who calls whom

    def _events(self) -> Iterator[Edge]:
        for state in self._states:
            draw = _DRAW.get(_type(state))
            for source, target, label in draw(self, state) if draw else ():
                if source and target and source != target:
                    yield Edge(source, target, "event", label)

    def _mapping(self, state: State) -> Iterator[tuple[str, str, str]]:
        v = state.values
        source = str(v.get("event_source_arn", ""))
        label = f"batch {v['batch_size']}" if v.get("batch_size") and ":sqs:" in source else "changes"
        yield self._found(source), self._found(v.get("function_name")), label

    def _notification(self, state: State) -> Iterator[tuple[str, str, str]]:
        v = state.values
        for kind in ("functions", "queues", "topics"):
            for rule in v.get(kind) or ():
                events = ", ".join(str(e).removeprefix("s3:") for e in rule.get("events", ()))
                place = f"{rule.get('prefix', '')}*{rule.get('suffix', '')}"
                yield self._found(v.get("bucket")), self._found(rule.get("arn")), \
                    events + (f" {place}" if place != "*" else "")

    def _route(self, state: State) -> Iterator[tuple[str, str, str]]:
        v = state.values
        wanted = str(v.get("target", "")).rpartition("/")[2]
        for other in self._states:
            if _type(other) == "apigatewayv2.Integration" and other.values.get("id") == wanted:
                target, key = self._found(other.values.get("uri")), str(v.get("route_key", ""))
                if target and key != "$default":
                    self._titles.setdefault(target, key)
                yield self._found(v.get("api_id")), target, key

    def _dead_letters(self, state: State) -> Iterator[tuple[str, str, str]]:
        policy = state.values.get("redrive_policy")
        if isinstance(policy, Mapping):
            tries = policy.get("maxReceiveCount")
            yield self._found(state.id), self._found(policy.get("deadLetterTargetArn")), \
                "failed once" if tries == 1 else f"failed {tries} times"

    def _schedule(self, state: State) -> Iterator[tuple[str, str, str]]:
        target = state.values.get("target") or {}
        yield self._found(state.id), self._found(target.get("Arn")), str(state.values.get("schedule_expression", ""))

    def _subscription(self, state: State) -> Iterator[tuple[str, str, str]]:
        v = state.values
        policy = v.get("filter_policy")
        yield self._found(v.get("topic_arn")), self._found(v.get("endpoint")), \
            f"where {json.dumps(policy)}" if policy else "each message"

    def _bus_target(self, state: State) -> Iterator[tuple[str, str, str]]:
        v = state.values
        for rule in self._states:
            if _type(rule) == "events.Rule" and rule.values.get("name") == v.get("rule"):
                pattern = rule.values.get("event_pattern")
                yield self._found(rule.values.get("bus")), self._found(v.get("arn")), \
                    json.dumps(pattern) if isinstance(pattern, Mapping) else str(pattern or "")

    def _mail_events(self, state: State) -> Iterator[tuple[str, str, str]]:
        v = state.values
        place = (v.get("sns_destination") or {}).get("TopicArn") or (v.get("event_bridge_destination") or {}).get(
            "EventBusArn")
        yield self._part_of(state), self._found(place), ", ".join(v.get("matching_event_types") or ()).lower()

    # who may use what

    def _grants(self, called: set[tuple[str, str]]) -> Iterator[Edge]:
        found: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        for state in self._states:
            if _type(state) != "iam.RolePolicy":
                continue
            for source in self._roles.get(str(state.values.get("role")), ()):
                for target, action in self._statements(state.values.get("policy")):
                    found[source, target][action] = None
        for (source, target), actions in sorted(found.items()):
            own = [a for a in actions if not ((target, source) in called and a in _POLLING)]
            if own:
                yield Edge(source, target, "grant", label_of(own), tuple(sorted(own)))

    def _statements(self, policy: object) -> Iterator[tuple[str, str]]:
        for statement in policy.get("Statement", ()) if isinstance(policy, Mapping) else ():
            if statement.get("Effect") != "Allow":
                continue
            for resource in _listed(statement.get("Resource")):
                if target := self._found(resource):
                    yield from ((target, action) for action in _listed(statement.get("Action")))

    def _addresses(self, known: set[tuple[str, str]]) -> Iterator[Edge]:
        of = {s.urn: self._part_of(s) for s in self._states}
        for name, state in self._main.items():
            for target in sorted({of.get(urn, "") for urn in state.deps} - {"", name}):
                kind = KINDS.get(_type(self._main[target]), "")
                if (name, target) not in known and kind in ("api", "function", "router", "service"):
                    yield Edge(name, target, "address", "knows its address")


_DRAW: Mapping[str, Any] = {
    "lambda.EventSourceMapping": _Drawing._mapping, "s3.BucketNotification": _Drawing._notification,
    "sqs.Queue": _Drawing._dead_letters, "apigatewayv2.Route": _Drawing._route,
    "scheduler.Schedule": _Drawing._schedule, "sns.Subscription": _Drawing._subscription,
    "events.Target": _Drawing._bus_target, "sesv2.EventDestination": _Drawing._mail_events}


def _type(state: State) -> str:
    return state.type.removeprefix("aws.")


def _path(state: State) -> str:
    return state.urn.rpartition("::")[2]


def _component(state: State) -> str:
    """The path of the component that a resource belongs to; its own where it stands alone."""
    path = _path(state)
    return path.rpartition("/")[0] or path


def _listed(value: object) -> list[str]:
    return [str(v) for v in value] if isinstance(value, list | tuple) else [str(value)] if value else []
