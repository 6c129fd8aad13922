"""What there is in the cloud, by asking the cloud; and whether the state knows exactly that."""
from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sst.clouds.aws.client import Aws
from sst.core.model import Snapshot
from sst.errors import ProviderError
from sst.state.holder import here
from sst.state.home import StateHome

from .apps import APP

__all__ = ["Thing", "census", "same", "shapes", "state_in_bucket", "state_of", "whole"]

Thing = tuple[str, str, str]
"""Type, id as the state writes it, and what it is like without what differs from run to run."""

ORDER = ("aws.sqs.Queue", "aws.iam.Role", "aws.iam.RolePolicy", "aws.lambda.Function", "aws.lambda.Permission",
         "aws.lambda.EventSourceMapping", "aws.logs.LogGroup", "aws.apigatewayv2.Api", "aws.apigatewayv2.Integration",
         "aws.apigatewayv2.Route", "aws.apigatewayv2.Stage", "aws.s3.Bucket", "aws.s3.BucketPolicy",
         "aws.acm.Certificate",
         "aws.scheduler.Schedule", "aws.dynamodb.Table", "aws.events.Rule")


def census(aws: Aws) -> list[Thing]:
    """All things of those types in the account."""
    found: list[Thing] = []
    for read in (_queues, _roles, _functions, _mappings, _groups, _apis, _buckets, _certificates, _schedules, _tables,
                 _rules):
        found += [(type, id, json.dumps(shape, sort_keys=True, default=str)) for type, id, shape in read(aws)]
    return found


Rows = Iterator[tuple[str, str, Any]]


def _queues(aws: Aws) -> Rows:
    for url in aws.call("sqs", "list_queues").get("QueueUrls", ()):
        seen = aws.call("sqs", "get_queue_attributes", {"QueueUrl": url, "AttributeNames": ["All"]})["Attributes"]
        yield "aws.sqs.Queue", url, {k: seen.get(k) for k in ("QueueArn", "VisibilityTimeout", "FifoQueue")}


def _roles(aws: Aws) -> Rows:
    for role in aws.call("iam", "list_roles")["Roles"]:
        name = role["RoleName"]
        yield "aws.iam.Role", name, [role["Path"], role.get("Description"), name]
        for policy in aws.call("iam", "list_role_policies", {"RoleName": name})["PolicyNames"]:
            seen = aws.call("iam", "get_role_policy", {"RoleName": name, "PolicyName": policy})
            document = seen["PolicyDocument"]
            yield "aws.iam.RolePolicy", f"{name}/{policy}", [
                policy, json.loads(unquote(document)) if isinstance(document, str) else document]


def _functions(aws: Aws) -> Rows:
    page = aws.call("lambda", "list_functions")
    found = page["Functions"]
    while marker := page.get("NextMarker"):
        page = aws.call("lambda", "list_functions", {"Marker": marker})
        found += page["Functions"]
    for f in found:
        variables = f.get("Environment", {}).get("Variables", {})
        plain = {k: v for k, v in variables.items() if not k.startswith("SST_")}    # encrypted anew each time
        yield "aws.lambda.Function", f["FunctionName"], [f["Role"], f["Timeout"], plain, sorted(variables)]
        for s in _policy(aws, "lambda", "get_policy", {"FunctionName": f["FunctionName"]}).get("Statement", ()):
            yield (
                "aws.lambda.Permission",
                f"{f['FunctionName']}/{s['Sid']}",
                [s["Action"], s["Principal"], s.get("Condition")],
            )


def _policy(aws: Aws, service: str, operation: str, of: dict[str, str]) -> Any:
    try:
        return json.loads(aws.call(service, operation, of)["Policy"])
    except ProviderError as e:
        assert e.code in ("ResourceNotFoundException", "NoSuchBucketPolicy"), e
        return {}


def _mappings(aws: Aws) -> Rows:
    for m in aws.call("lambda", "list_event_source_mappings")["EventSourceMappings"]:
        if m["State"] != "Deleting":
            yield "aws.lambda.EventSourceMapping", m["UUID"], [m["EventSourceArn"], m["FunctionArn"], m["BatchSize"]]


def _groups(aws: Aws) -> Rows:
    for g in aws.call("logs", "describe_log_groups")["logGroups"]:
        yield "aws.logs.LogGroup", g["logGroupName"], [g["logGroupName"], g.get("retentionInDays")]


def _apis(aws: Aws) -> Rows:
    for api in aws.call("apigatewayv2", "get_apis")["Items"]:
        id = api["ApiId"]
        yield "aws.apigatewayv2.Api", id, [api["Name"], api.get("Description")]
        to = {}
        for i in aws.call("apigatewayv2", "get_integrations", {"ApiId": id})["Items"]:
            to[i["IntegrationId"]] = [i["IntegrationType"], i.get("IntegrationUri"), i.get("PayloadFormatVersion")]
            yield "aws.apigatewayv2.Integration", i["IntegrationId"], to[i["IntegrationId"]]
        for r in aws.call("apigatewayv2", "get_routes", {"ApiId": id})["Items"]:
            yield "aws.apigatewayv2.Route", r["RouteId"], [r["RouteKey"],
                                                           to.get(r["Target"].rpartition("/")[2], "nowhere")]
        for s in aws.call("apigatewayv2", "get_stages", {"ApiId": id})["Items"]:
            yield (
                "aws.apigatewayv2.Stage",
                f"{id}/{s['StageName']}",
                [s["StageName"], s.get("Description"), s.get("AutoDeploy")],
            )


def _buckets(aws: Aws) -> Rows:
    for b in aws.call("s3", "list_buckets").get("Buckets", ()):
        if b["Name"].startswith("sst-py-"):     # the account's own, for state and code
            continue
        yield "aws.s3.Bucket", b["Name"], b["Name"]
        if policy := _policy(aws, "s3", "get_bucket_policy", {"Bucket": b["Name"]}):
            yield "aws.s3.BucketPolicy", b["Name"], policy


def _certificates(aws: Aws) -> Rows:
    for c in aws.call("acm", "list_certificates")["CertificateSummaryList"]:
        yield "aws.acm.Certificate", c["CertificateArn"], c["DomainName"]


def _schedules(aws: Aws) -> Rows:
    for s in aws.call("scheduler", "list_schedules")["Schedules"]:
        seen = aws.call("scheduler", "get_schedule", {"Name": s["Name"], "GroupName": s["GroupName"]})
        yield "aws.scheduler.Schedule", s["Name"], [seen["ScheduleExpression"], seen["Target"]["Arn"],
                                                    seen["Target"]["RoleArn"]]


def _tables(aws: Aws) -> Rows:
    for name in aws.call("dynamodb", "list_tables")["TableNames"]:
        yield "aws.dynamodb.Table", name, aws.call("dynamodb", "describe_table",
                                                   {"TableName": name})["Table"]["KeySchema"]


def _rules(aws: Aws) -> Rows:
    for rule in aws.call("events", "list_rules")["Rules"]:
        targets = aws.call("events", "list_targets_by_rule", {"Rule": rule["Name"]})["Targets"]
        yield "aws.events.Rule", rule["Name"], [rule["Name"], rule.get("ScheduleExpression"),
                                                [t["Arn"] for t in targets]]


def shapes(things: list[Thing]) -> Counter[tuple[str, str]]:
    """The world as two runs of the same program must leave it: without the random parts of names, and without ids."""
    apis = {id for type, id, _ in things if type == "aws.apigatewayv2.Api"}

    def plain(text: str) -> str:
        for id in apis:
            text = text.replace(id, "<api>")
        text = re.sub(r"127\.0\.0\.1:\d+", "<address>", text)
        return re.sub(r"(-[A-Za-z]+)-[abcdefhkmnorstuvwxz]{8}", r"\1", text)

    return Counter((type, plain(shape)) for type, _, shape in things)


def same(now: list[Thing], then: list[Thing]) -> str:
    """What is missing and what is too much, or nothing."""
    a, b = shapes(now), shapes(then)
    return "" if a == b else f"missing: {[*(b - a).elements()]}\ntoo much: {[*(a - b).elements()]}"


def state_of(folder: Path, app: str = APP) -> Snapshot:
    """The state of stage ``local``."""
    return _loaded(StateHome.local(folder / ".sst/local", app), "local")


def state_in_bucket(aws: Aws) -> Snapshot:
    """The state of stage ``prod`` in the account's bucket."""
    return _loaded(StateHome.aws(lambda region: lambda s, op, params: aws.call(s, op, params, region=region),
                                 aws.region, APP), "prod")


def _loaded(home: StateHome, stage: str) -> Snapshot:
    try:
        return home.stage(stage, here("census")).load()
    finally:
        home.close()


def whole(snapshot: Snapshot, things: list[Thing]) -> str:
    """What the state and the cloud disagree on, or nothing."""
    if snapshot.pending or snapshot.deposed:
        return f"pending {[*snapshot.pending]}, waiting for deletion {[*snapshot.deposed]}"
    unsure = [u for u, s in snapshot.resources.items() if s.unsure]
    known = {(s.type, s.id.partition(":function:")[2] or s.id) for s in snapshot.resources.values() if s.type in ORDER}
    live = {(type, id) for type, id, _ in things}
    return (f"unsure {unsure}, only in the state {known - live}, only in the cloud {live - known}"
            if unsure or known != live else "")
