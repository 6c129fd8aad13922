"""What carries this app's tags in the account, whether any state knows it or not: each service's list beside the
account's list of tags.

Parts of something else (a role's policies, an API's routes) carry no tags of their own and go with what they belong to.
Schedules can't be tagged, and are not found.
"""
from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ...core.model import State
from ...core.provider import Note
from ...errors import ProviderError, Throttled
from .provider import AwsProvider, row
from .reading import tagged, tags_in
from .table import Call, call, fill

__all__ = ["TYPES", "Carrier", "end", "find_carriers"]

_TOGETHER = 16


@dataclass(frozen=True, slots=True)
class Carrier:
    """A thing with the tags of this app and stage."""

    type: str
    id: str
    urn: str
    """As its tag says: one of more than 256 characters ends in a hash."""
    lineage: str
    holds_data: bool = False
    values: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2] or self.id


@dataclass(frozen=True, slots=True)
class _List:
    """How the things of a type are listed: ``items`` is a JMESPath of their properties; ``more`` maps the answer's mark
    of a further page to the parameter that asks for it; ``tags`` is the call that shows one's tags, None where the list
    has them (``tags`` in it). ``arn`` is a thing's ARN, by which the account's list of tags has it; ``sure``: that list
    has all of this type."""

    op: str
    items: str
    more: tuple[str, str] = ("", "")
    tags: Call | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    arn: str = ""
    sure: bool = False


TYPES: Mapping[str, _List] = {
    "aws.lambda.EventSourceMapping": _List("list_event_source_mappings",
                                           "EventSourceMappings[].{uuid: UUID, arn: EventSourceMappingArn}",
                                           ("NextMarker", "Marker"), call("list_tags", Resource="$arn"), arn="$arn"),
    "aws.events.Rule": _List("list_rules", "Rules[].{name: Name, arn: Arn}", ("NextToken", "NextToken"),
                             call("list_tags_for_resource", ResourceARN="$arn"), arn="$arn", sure=True),
    "aws.apigatewayv2.DomainName": _List("get_domain_names", "Items[].{name: DomainName, tags: Tags}",
                                         ("NextToken", "NextToken")),
    "aws.appsync.Api": _List("list_apis", "apis[].{id: apiId, arn: apiArn, tags: tags}", ("nextToken", "nextToken")),
    "aws.apigatewayv2.Api": _List("get_apis", "Items[].{id: ApiId, tags: Tags}", ("NextToken", "NextToken")),
    "aws.lambda.Function": _List("list_functions", "Functions[].{name: FunctionName, arn: FunctionArn}",
                                 ("NextMarker", "Marker"),
                                 call("list_tags", Resource="$arn"), arn="$arn", sure=True),
    "aws.sns.Topic": _List("list_topics", "Topics[].{arn: TopicArn}", ("NextToken", "NextToken"),
                           call("list_tags_for_resource", ResourceArn="$arn"), arn="$arn", sure=True),
    "aws.sqs.Queue": _List("list_queues", "QueueUrls[].{url: @}", ("NextToken", "NextToken"),
                           call("list_queue_tags", QueueUrl="$url"),
                           {"MaxResults": 1000}, "arn:$partition:sqs:$region:$account:$name", sure=True),
    "aws.dynamodb.Table": _List("list_tables", "TableNames[].{name: @}",
                                ("LastEvaluatedTableName", "ExclusiveStartTableName"),
                                call("list_tags_of_resource",
                                     ResourceArn="arn:$partition:dynamodb:$region:$account:table/$name"),
                                arn="arn:$partition:dynamodb:$region:$account:table/$name", sure=True),
    "aws.s3.Bucket": _List("list_buckets", "Buckets[].{name: Name}", ("ContinuationToken", "ContinuationToken"),
                           call("get_bucket_tagging", Bucket="$name"), arn="arn:$partition:s3:::$name", sure=True),
    "aws.ssm.Parameter": _List("describe_parameters", "Parameters[].{name: Name}", ("NextToken", "NextToken"),
                               call("list_tags_for_resource", ResourceType="Parameter", ResourceId="$name"),
                               arn="arn:$partition:ssm:$region:$account:parameter/$name"),
    "aws.secretsmanager.Secret": _List("list_secrets", "SecretList[].{name: Name, arn: ARN, tags: Tags}",
                                       ("NextToken", "NextToken")),
    "aws.acm.Certificate": _List("list_certificates", "CertificateSummaryList[].{arn: CertificateArn}",
                                 ("NextToken", "NextToken"),
                                 call("list_tags_for_certificate", CertificateArn="$arn"), arn="$arn"),
    "aws.logs.LogGroup": _List("describe_log_groups", "logGroups[].{name: logGroupName}", ("nextToken", "nextToken"),
                               call("list_tags_for_resource",
                                    resourceArn="arn:$partition:logs:$region:$account:log-group:$name"),
                               arn="arn:$partition:logs:$region:$account:log-group:$name"),
    "aws.iam.Role": _List("list_roles", "Roles[].{name: RoleName}", ("Marker", "Marker"),
                          call("list_role_tags", RoleName="$name")),
}
"""In the order in which they can be deleted."""


def find_carriers(provider: AwsProvider, types: Iterable[str] = TYPES) -> list[Carrier]:
    """All things of the account, in the app's region, that carry the tags of the provider's app and stage.

    One call for each page of a list. The tags come from the Resource Groups Tagging API, a hundred things a call; it
    may be some minutes behind. Of types that it does not show, and where it is refused, each thing whose list does not
    show its tags is asked. Raises ``ProviderError`` where a list is refused: then it can't be told what there is.
    """
    types = [*types]
    tags = _Tags(provider) if any(TYPES[t].arn for t in types) else None
    with ThreadPoolExecutor(_TOGETHER, thread_name_prefix="sst-orphans") as pool:
        listed = pool.map(lambda t: [(t, item) for item in _listed(provider, t)], types)
        found = pool.map(lambda pair: _carrier(provider, pair[0], pair[1], tags),
                         [pair for some in listed for pair in some])
        return [c for c in found if c]


class _Tags:
    """The account's list of tags, as far as it can be trusted: for types that it surely has, or of which it shows one."""

    def __init__(self, provider: AwsProvider) -> None:
        self.tags: Mapping[str, Mapping[str, str]] | None = None
        with contextlib.suppress(ProviderError):
            self.tags = tagged(provider)
        self.shown = {_kind(arn) for arn in self.tags or ()}

    def of(self, how: _List, known: Mapping[str, Any]) -> Mapping[str, str] | None:
        """A thing's tags, none if it is not listed; None if the list does not tell."""
        arn = str(fill(how.arn, known)).replace("parameter//", "parameter/", 1)
        if self.tags is None or not how.arn or not (how.sure or _kind(arn) in self.shown):
            return None
        return self.tags.get(arn, {})


def _kind(arn: str) -> tuple[str, str]:
    """Service and first word of the resource: what kind of thing it names."""
    parts = arn.split(":", 5)
    return parts[2], re.split("[:/]", parts[-1])[0]


def _listed(provider: AwsProvider, type: str) -> list[dict[str, Any]]:
    import jmespath

    kind, how = row(type), TYPES[type]
    items: list[dict[str, Any]] = []
    params = dict(how.params)
    while True:
        answer = provider.aws.call(kind.service, how.op, params)
        items += jmespath.search(how.items, answer) or []
        mark = answer.get(how.more[0]) if answer.get("IsTruncated", True) else None
        if not mark:
            return items
        params[how.more[1]] = mark


def _carrier(provider: AwsProvider, type: str, item: Mapping[str, Any], listed: _Tags | None) -> Carrier | None:
    kind, how = row(type), TYPES[type]
    known = {"account": provider.aws.account(), "partition": provider.aws.partition(None), "region": provider.aws.region, **item}
    if type == "aws.sns.Topic":
        known["name"] = str(item["arn"]).rpartition(":")[2]
    if type == "aws.sqs.Queue":
        known["name"] = str(item["url"]).rpartition("/")[2]
    tags: Mapping[str, str] | None = tags_in(item, "") or {}
    if how.tags and (tags := listed.of(how, known) if listed else None) is None:
        try:
            tags = tags_in(provider.aws.call(kind.service, how.tags.op, fill(how.tags.params, known)), "")
        except Throttled:
            raise
        except ProviderError as e:
            if e.status >= 500 or not e.status:
                raise
            return None  # gone meanwhile, in another region, or not ours to see
    tags = tags or {}
    if (tags.get("sst:app"), tags.get("sst:stage")) != (provider.app, provider.stage) or not tags.get("sst:lineage"):
        return None
    return Carrier(type, str(fill(kind.identifier, known)), tags.get("sst:urn", ""), tags["sst:lineage"], kind.holds_data, known)


def end(provider: AwsProvider, carrier: Carrier, note: Note) -> None:
    """Delete it, with the parts of it that would be in the way. A bucket that is not empty is refused by S3."""
    state = State(carrier.urn, carrier.type, carrier.id)
    there = provider.read(state)
    if there is None:
        return
    if clear := _FIRST.get(carrier.type):
        clear(provider, carrier)
    values = {**(there.inputs or {})}
    provider.delete(State(carrier.urn, carrier.type, carrier.id, values, {**carrier.values, **there.outputs}), note)


def _bare_role(provider: AwsProvider, carrier: Carrier) -> None:
    role = {"RoleName": carrier.id}
    for name in provider.aws.call("iam", "list_role_policies", role).get("PolicyNames", ()):
        provider.aws.call("iam", "delete_role_policy", {**role, "PolicyName": name})
    for policy in provider.aws.call("iam", "list_attached_role_policies", role).get("AttachedPolicies", ()):
        provider.aws.call("iam", "detach_role_policy", {**role, "PolicyArn": policy["PolicyArn"]})


def _idle_rule(provider: AwsProvider, carrier: Carrier) -> None:
    targets = [t["Id"] for t in provider.aws.call("events", "list_targets_by_rule", {"Rule": carrier.id}).get("Targets", ())]
    if targets:
        provider.aws.call("events", "remove_targets", {"Rule": carrier.id, "Ids": targets})


_FIRST: Mapping[str, Callable[[AwsProvider, Carrier], None]] = {"aws.iam.Role": _bare_role, "aws.events.Rule": _idle_rule}
