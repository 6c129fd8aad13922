"""State files of other tools, read for what can be taken over: SST v3 and v4 (Pulumi's checkpoints) and Terraform's
state.

    found = read_foreign(text, "terraform.tfstate")
    found.things      # (name, our type, id) of what a row of ours can take over
    found.others      # what no row fits
"""
from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..engine.plan import Plan, Step
from ..errors import UserError

__all__ = ["Foreign", "Matched", "Thing", "match", "read_foreign"]

TYPES: dict[str, tuple[str, str, str]] = {
    "aws.acm.Certificate": ("aws:acm/certificate:Certificate", "aws_acm_certificate", "{arn}"),
    "aws.apigatewayv2.Api": ("aws:apigatewayv2/api:Api", "aws_apigatewayv2_api", "{id}"),
    "aws.apigatewayv2.DomainName": ("aws:apigatewayv2/domainName:DomainName", "aws_apigatewayv2_domain_name",
                                    "{domainName}"),
    "aws.apigatewayv2.Stage": ("aws:apigatewayv2/stage:Stage", "aws_apigatewayv2_stage", "{apiId}/{name}"),
    "aws.dynamodb.Table": ("aws:dynamodb/table:Table", "aws_dynamodb_table", "{name}"),
    "aws.events.Target": ("aws:cloudwatch/eventTarget:EventTarget", "aws_cloudwatch_event_target", "{rule}/{targetId}"),
    "aws.events.Rule": ("aws:cloudwatch/eventRule:EventRule", "aws_cloudwatch_event_rule", "{name}"),
    "aws.iam.Role": ("aws:iam/role:Role", "aws_iam_role", "{name}"),
    "aws.iam.RolePolicy": ("aws:iam/rolePolicy:RolePolicy", "aws_iam_role_policy", "{role}/{name}"),
    "aws.iam.RolePolicyAttachment": ("aws:iam/rolePolicyAttachment:RolePolicyAttachment",
                                     "aws_iam_role_policy_attachment",
                                     "{role}/{policyArn}"),
    "aws.lambda.EventInvokeConfig": ("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
                                     "aws_lambda_function_event_invoke_config", "{functionName}"),
    "aws.lambda.EventSourceMapping": ("aws:lambda/eventSourceMapping:EventSourceMapping",
                                      "aws_lambda_event_source_mapping", "{uuid}"),
    "aws.lambda.Function": ("aws:lambda/function:Function", "aws_lambda_function", "{functionName|name}"),
    "aws.lambda.FunctionUrl": ("aws:lambda/functionUrl:FunctionUrl", "aws_lambda_function_url", "{functionName}"),
    "aws.lambda.Permission": ("aws:lambda/permission:Permission", "aws_lambda_permission",
                              "{function|functionName}/{statementId}"),
    "aws.logs.LogGroup": ("aws:cloudwatch/logGroup:LogGroup", "aws_cloudwatch_log_group", "{name}"),
    "aws.route53.Record": ("aws:route53/record:Record", "aws_route53_record", "{zoneId}/{name}/{type}"),
    "aws.s3.Bucket": ("aws:s3/bucket:Bucket", "aws_s3_bucket", "{bucket}"),
    "aws.s3.BucketCors": ("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration", "aws_s3_bucket_cors_configuration",
                          "{bucket}"),
    "aws.s3.BucketPolicy": ("aws:s3/bucketPolicy:BucketPolicy", "aws_s3_bucket_policy", "{bucket}"),
    "aws.s3.BucketVersioning": ("aws:s3/bucketVersioning:BucketVersioning", "aws_s3_bucket_versioning", "{bucket}"),
    "aws.s3.PublicAccessBlock": ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
                                 "aws_s3_bucket_public_access_block", "{bucket}"),
    "aws.scheduler.Schedule": ("aws:scheduler/schedule:Schedule", "aws_scheduler_schedule", "{name}"),
    "aws.secretsmanager.Secret": ("aws:secretsmanager/secret:Secret", "aws_secretsmanager_secret", "{name}"),
    "aws.sns.Topic": ("aws:sns/topic:Topic", "aws_sns_topic", "{arn}"),
    "aws.sns.Subscription": ("aws:sns/topicSubscription:TopicSubscription", "aws_sns_topic_subscription", "{arn}"),
    "aws.sqs.Queue": ("aws:sqs/queue:Queue", "aws_sqs_queue", "{url}"),
    "aws.sqs.QueuePolicy": ("aws:sqs/queuePolicy:QueuePolicy", "aws_sqs_queue_policy", "{queueUrl}"),
    "aws.ssm.Parameter": ("aws:ssm/parameter:Parameter", "aws_ssm_parameter", "{name}"),
}
"""Our type: Pulumi's, Terraform's, and the id of ours from their attributes (in camel case; ``a|b`` is the first that
is there)."""
_PULUMI = {p: ours for ours, (p, _, _) in TYPES.items()} | {
    f"{p[:-1 - len(k)]}V2:{k}V2": ours for ours, (p, _, _) in TYPES.items() if ours.startswith("aws.s3.")
    for k in [p.rpartition(":")[2]]}
_TERRAFORM = {t: ours for ours, (_, t, _) in TYPES.items()}


@dataclass(frozen=True, slots=True)
class Thing:
    """Something of the file that a row of ours fits. ``name`` is what it is called there: ``JobsQueue``,
    ``module.a.jobs[0]``."""

    name: str
    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """What a file holds. ``others``: (name, type there, why) of what can't be mapped."""

    tool: str
    things: tuple[Thing, ...]
    others: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Matched:
    """Which resource of the program takes over which thing, and the things that none, or several, would."""

    ids: Mapping[str, str]
    """By urn."""
    rest: tuple[tuple[Thing, str], ...]


def read_foreign(text: str, name: str) -> Foreign:
    """Read a state file of SST v3/v4, Pulumi or Terraform. Raises ``UserError`` if it is none of these, or encrypted as
    a whole."""
    try:
        data = json.loads(text)
    except ValueError as e:
        raise UserError(f"{name} is not JSON: {e}",
                        hint="give the state file of SST v3/v4 or Terraform, or the output of `pulumi stack export`") from e
    body: Any = data
    for key in ("deployment", "checkpoint", "latest"):
        body = body.get(key, body) if isinstance(body, Mapping) else body
    resources = body.get("resources") if isinstance(body, Mapping) else None
    if not isinstance(resources, list) or not all(isinstance(r, Mapping) for r in resources):
        raise UserError(f"{name} is not a state file of SST, Pulumi or Terraform", hint="it has no list of resources")
    if isinstance(data, Mapping) and "terraform_version" in data:
        if data.get("version") != 4:
            raise UserError(f"{name} has Terraform's state format {data.get('version')}; only 4 is understood",
                            hint="any Terraform since 0.12 writes format 4: run `terraform apply -refresh-only` with it")
        return _sorted_out("Terraform", _terraform(resources))
    return _sorted_out("SST or Pulumi", _pulumi(resources))


def _pulumi(resources: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    for r in resources:
        kind = str(r.get("type", ""))
        if r.get("custom") is False or kind.startswith(("pulumi:", "sst:")) or r.get("delete") or r.get("external"):
            continue  # components are labels; providers and what is being deleted are nothing to take over
        values = {**_mapping(r.get("inputs")), **_mapping(r.get("outputs")), "id": r.get("id", "")}
        yield str(r.get("urn", "")).rpartition("::")[2], kind, _PULUMI.get(kind, ""), values


def _terraform(resources: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    for r in resources:
        if r.get("mode") != "managed":
            continue
        kind, path = str(r.get("type", "")), ".".join(x for x in (r.get("module"), str(r.get("name", ""))) if x)
        for one in r.get("instances") or ():
            if one.get("deposed"):
                continue
            index = one.get("index_key")
            values = {re.sub(r"_(\w)", lambda m: m[1].upper(), k): v for k, v in (one.get("attributes") or {}).items()}
            yield path + ("" if index is None else f"[{json.dumps(index)}]"), kind, _TERRAFORM.get(kind, ""), values


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sorted_out(tool: str, found: Iterator[tuple[str, str, str, Mapping[str, Any]]]) -> Foreign:
    things, others = list[Thing](), list[tuple[str, str, str]]()
    for name, theirs, ours, values in found:
        if not ours:
            others.append((name, theirs, "sst has no row for this type"))
        elif id := _id(TYPES[ours][2], values):
            things.append(Thing(name, ours, id))
        else:
            others.append((name, theirs, "the file does not tell its id"))
    return Foreign(tool, tuple(things), tuple(others))


def _id(template: str, values: Mapping[str, Any]) -> str:
    missing = False

    def value(found: re.Match[str]) -> str:
        nonlocal missing
        given = next((v for k in found[1].split("|") if isinstance(v := values.get(k), str) and v), "")
        missing = missing or not given
        return given

    text = re.sub(r"\{(.+?)\}", value, template)
    return "" if missing else text


def match(things: Sequence[Thing], plan: Plan, named: Mapping[str, str]) -> Matched:
    """Pair things with the resources that the program declares and the state does not have yet.

    By type and name: case, ``-``, ``_`` and ``/`` don't count, so that ``JobsQueue`` fits ``Jobs/Queue`` and ``jobs``
    fits ``Jobs``. ``named`` says it outright: name there → name in the program. Raises ``UserError`` for a name that is
    not in the file.
    """
    for name in named:
        if not any(t.name == name for t in things):
            raise UserError(f'the file has nothing named "{name}" that could be taken over')
    goals = [s for s in plan.steps if s.goal and s.old is None]
    wants = {t: [s for s in goals if s.type == t.type and _fits(t, s, named)] for t in things}
    ids: dict[str, str] = {}
    rest: list[tuple[Thing, str]] = []
    for t, steps in wants.items():
        rivals = [o for o in wants if o != t and steps and any(s in steps for s in wants[o])]
        if len(steps) == 1 and not rivals:
            ids[steps[0].urn] = t.id
        elif not steps:
            rest.append((t, "the program declares nothing of that type and name, or the state has it already"))
        else:
            other = ", ".join([*(s.name for s in steps[1:]), *(r.name for r in rivals)])
            rest.append((t, f"it fits {steps[0].name}, but so does {other}" if rivals
                         else f"it fits {steps[0].name} and {other}"))
    return Matched(ids, tuple(rest))


def _fits(thing: Thing, step: Step, named: Mapping[str, str]) -> bool:
    if thing.name in named:
        return named[thing.name] in (step.name, step.urn)
    return step.name not in named.values() and _plain(thing.name.rpartition(".")[2]) in (
        _plain(step.name), *([_plain(step.name.rpartition("/")[0])] if "/" in step.name else ()))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
