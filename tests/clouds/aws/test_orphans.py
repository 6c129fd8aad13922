"""Lists of things that carry tags: their pages, and what is not ours."""
from __future__ import annotations

import json
from contextlib import nullcontext
from urllib.parse import parse_qs

import pytest

from sst.clouds.aws import orphans
from sst.clouds.aws.client import Aws
from sst.clouds.aws.provider import AwsProvider
from sst.embedded.cloud import Cloud
from sst.errors import ProviderError

from .rows import ROWS
from .stand_in import Answer, StandIn, refusal, stand_in
from .world import World, note

TAGS = {"mine": {"sst:app": "app", "sst:stage": "test", "sst:urn": "aws.iam.Role::Mine", "sst:lineage": "L"},
        "old": {"sst:app": "app", "sst:stage": "test", "sst:urn": "aws.iam.Role::Old", "sst:lineage": "K"},
        "other-stage": {"sst:app": "app", "sst:stage": "prod", "sst:urn": "u", "sst:lineage": "L"},
        "bare": {"sst:app": "app", "sst:stage": "test"}}


def xml(action: str, text: str, status: int = 200) -> Answer:
    body = f"<{action}Response><{action}Result>{text}</{action}Result></{action}Response>"
    return Answer(status, body.encode(), {"Content-Type": "text/xml"})


def test_every_row_that_can_be_tagged_is_listed() -> None:
    aws = Aws(region="us-east-1", credentials=("", ""), environment={})
    for kind in ROWS.values():
        if how := kind.listing:
            assert kind.tagging and kind.delete, kind.type
            assert how.tags is None or how.arn or how.account_wide, "only IAM has no part in the account's list of tags"
            parts = [op for part in how.parts for op in (part.list.op, part.delete.op)]
            for op in (how.op, *([how.tags.op] if how.tags else []), *parts):
                assert aws.service(kind.service).operation(op)
    left = {t for t, k in ROWS.items() if k.tagging and k.delete and not k.listing}
    assert left == {"aws.apigatewayv2.Stage", "aws.ecs.Service", "aws.elbv2.Listener", "aws.elbv2.ListenerRule",
                    "aws.rds.ClusterInstance", "aws.rds.Replica", "aws.applicationautoscaling.ScalableTarget"}, \
        "a stage goes with its API, a service with its cluster, a listener with its balancer; a replica and a server " \
        "of Aurora are instances"


def test_what_refers_to_others_is_deleted_before_them() -> None:
    order = {t: i for i, t in enumerate(orphans.listed_types())}
    for first, then in (("aws.lambda.EventSourceMapping", "aws.lambda.Function"),
                        ("aws.lambda.Function", "aws.iam.Role"),
                        ("aws.lambda.Function", "aws.logs.LogGroup"), ("aws.events.Rule", "aws.sqs.Queue"),
                        ("aws.apigatewayv2.DomainName", "aws.acm.Certificate"),
                        ("aws.apigatewayv2.DomainName", "aws.apigatewayv2.Api")):
        assert order[first] < order[then]


def test_pages_are_followed_and_only_our_tags_count() -> None:
    cloud: StandIn

    def decide(n: int) -> Answer:
        asked = parse_qs(cloud.requests[n][3].decode())
        match action := asked["Action"][0]:
            case "GetCallerIdentity":
                return xml(action, "<Arn>arn:aws:iam::1:u</Arn><Account>111111111111</Account>")
            case "ListRoles":
                names = ["bare", "gone"] if "Marker" in asked else ["mine", "old", "other-stage"]
                roles = "".join(f"<member><RoleName>{r}</RoleName></member>" for r in names)
                more = ("<IsTruncated>false</IsTruncated>" if "Marker" in asked
                        else "<IsTruncated>true</IsTruncated><Marker>2</Marker>")
                return xml(action, f"<Roles>{roles}</Roles>{more}")
        if (role := asked["RoleName"][0]) == "gone":
            return Answer(404, b"<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>m</Message></Error>"
                          b"</ErrorResponse>",
                          {"Content-Type": "text/xml"})
        tags = "".join(f"<member><Key>{k}</Key><Value>{v}</Value></member>" for k, v in TAGS[role].items())
        return xml(action, f"<Tags>{tags}</Tags>")

    with stand_in(decide) as cloud, Aws(region="eu-west-1", endpoint=cloud.url, credentials=("a", "b"),
                                        environment={}) as aws:
        provider = AwsProvider(aws, app="app", stage="test", lineage="L")
        found = orphans.find_tagged([provider], ["aws.iam.Role"])
    assert [(c.name, c.id, c.lineage) for c in found] == [("Mine", "mine", "L"), ("Old", "old", "K")]


@pytest.mark.parametrize(("why", "region"), [("with an explicit deny in a service control policy", "eu-west-1"),
                                             ("with an explicit deny in a service control policy", "us-east-1"),
                                             ("because no identity-based policy allows the action", "eu-west-1")])
def test_a_list_in_a_region_that_the_organisation_denies_is_empty(why: str, region: str) -> None:
    """Firewalls of CloudFront are in us-east-1. In the app's own region, or without an organisation, it can't be told
    what there is."""
    def decide(n: int) -> Answer:
        if b"GetCallerIdentity" in cloud.requests[n][3]:
            return xml("GetCallerIdentity", "<Arn>arn:aws:iam::1:u</Arn><Account>111111111111</Account>")
        return refusal("AccessDeniedException", f"User: u is not authorized to perform: wafv2:ListWebACLs {why}")

    empty = region == "eu-west-1" and "explicit deny" in why
    with stand_in(decide) as cloud, Aws(region=region, endpoint=cloud.url, credentials=("a", "b"),
                                        environment={}) as aws:
        provider = AwsProvider(aws, app="app", stage="test", lineage="L")
        with nullcontext() if empty else pytest.raises(ProviderError, match="ListWebACLs"):
            assert orphans.find_tagged([provider], ["aws.wafv2.WebAcl"]) == []


@pytest.mark.parametrize(("pages", "asked"), [
    ([[("sqs:eu-west-1:111111111111:one", "mine")], [("logs:eu-west-1:111111111111:log-group:/a/one", "old")]], set()),
    ([[("sqs:eu-west-1:111111111111:one", "mine"), ("sqs:eu-west-1:111111111111:deleted", "mine")]],
     {"ListTagsForResource"}),
    ([[]], {"ListTagsForResource"}),
    (None, {"ListTagsForResource", "ListQueueTags"})],
    ids=["all is shown", "no log group is shown", "nothing is shown", "it is refused"])
def test_tags_come_from_the_account_s_list_as_far_as_it_can_be_trusted(
    pages: list[list[tuple[str, str]]] | None, asked: set[str]
) -> None:
    """Queues it surely has; log groups, if it shows one. What it still shows although it was deleted is in no list of
    its service."""
    cloud: StandIn

    def tags(name: str) -> list[dict[str, str]]:
        return [{"Key": k, "Value": v} for k, v in TAGS[name].items()]

    def decide(n: int) -> Answer:
        _, _, headers, body = cloud.requests[n]
        match headers.get("x-amz-target", "").rpartition(".")[2]:
            case "GetResources":
                if pages is None:
                    return Answer(403, {"__type": "AccessDeniedException", "message": "no"})
                page = int(json.loads(body).get("PaginationToken", 0))
                more = {"PaginationToken": str(page + 1)} if page + 1 < len(pages) else {}
                shown = [{"ResourceARN": f"arn:aws:{arn}", "Tags": tags(t)} for arn, t in pages[page]]
                return Answer(200, {"ResourceTagMappingList": shown, **more})
            case "ListQueues":
                return Answer(200, {"QueueUrls": ["https://sqs/1/one", "https://sqs/1/two"]})
            case "DescribeLogGroups":
                return Answer(200, {"logGroups": [{"logGroupName": "/a/one"}, {"logGroupName": "/a/two"}]})
            case "ListQueueTags" | "ListTagsForResource":
                return Answer(200, {"Tags": TAGS["bare"], "tags": TAGS["bare"]})
        return xml("GetCallerIdentity", "<Arn>arn:aws:iam::1:u</Arn><Account>111111111111</Account>")

    with stand_in(decide) as cloud, Aws(region="eu-west-1", endpoint=cloud.url, credentials=("a", "b"),
                                        environment={}) as aws:
        found = orphans.find_tagged([AwsProvider(aws, app="app", stage="test", lineage="L")],
                                      ["aws.sqs.Queue", "aws.logs.LogGroup"])
        targets = {h.get("x-amz-target", "").rpartition(".")[2] for _, _, h, _ in cloud.requests}
    shown = [(arn, TAGS[t]["sst:lineage"]) for page in pages or () for arn, t in page if not arn.endswith(":deleted")]
    assert [(c.id.rpartition("/")[2], c.lineage) for c in found] == [(arn.rpartition(":")[2].rpartition("/")[2], t)
                                                                     for arn, t in shown]
    assert targets & {"ListQueueTags", "ListTagsForResource"} == asked


@pytest.mark.emulator
def test_in_a_cloud_that_lists_tags_there_is_no_call_for_each_thing(cloud: Cloud) -> None:
    with Aws(region=cloud.region, endpoint=cloud.endpoint, credentials=(cloud.access_key, cloud.secret_key),
             environment={}) as aws:
        world = World(aws)
        try:
            states = [world.create(world.operation("aws.sqs.Queue", {})) for _ in range(8)]
            states += [world.create(world.operation("aws.sns.Topic", {})) for _ in range(8)]
            asked = aws.counts.copy()
            found = orphans.find_tagged([world.provider])
            calls = aws.counts - asked
        finally:
            world.clear()
    assert {s.id for s in states} <= {c.id for c in found}
    assert calls["resourcegroupstaggingapi.get_resources"] == 1
    assert not calls["sqs.list_queue_tags"] + calls["sns.list_tags_for_resource"]


@pytest.mark.emulator
def test_regions_are_listed_one_by_one_and_what_the_account_has_once(cloud: Cloud) -> None:
    def client(region: str) -> Aws:
        return Aws(region=region, endpoint=cloud.endpoint, credentials=(cloud.access_key, cloud.secret_key),
                   environment={})

    with client("eu-west-1") as one, client("us-west-2") as two:
        here, there = World(one), World(two)
        try:
            queues = [w.create(w.operation("aws.sqs.Queue", {})) for w in (here, there)]
            buckets = [w.create(w.operation("aws.s3.Bucket", {})) for w in (here, there)]
            role = here.create(here.operation("aws.iam.Role", {"assume_role_policy": {}}))
            asked = two.counts.copy()
            found = orphans.find_tagged([here.provider, there.provider])
            calls = two.counts - asked
        finally:
            here.clear()
            there.clear()
    regions = [(r.id, r.region) for r in found if r.type == "aws.sqs.Queue"]
    assert sorted(regions) == sorted([(queues[0].id, "eu-west-1"), (queues[1].id, "us-west-2")])
    assert [r.id for r in found if r.type == "aws.iam.Role"] == [role.id] and not calls["iam.list_roles"]
    assert sorted(r.id for r in found if r.type == "aws.s3.Bucket") == sorted(b.id for b in buckets)


@pytest.mark.emulator
def test_the_parts_that_are_in_the_way_are_deleted_first(cloud: Cloud) -> None:
    with Aws(region=cloud.region, endpoint=cloud.endpoint, credentials=(cloud.access_key, cloud.secret_key),
             environment={}) as aws:
        world = World(aws)
        role = world.create(world.operation("aws.iam.Role", {"assume_role_policy": {}}))
        rule = world.create(world.operation("aws.events.Rule", {"schedule_expression": "rate(1 day)"}))
        queue = world.make("aws.sqs.Queue", {})
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
        policy = world.create(world.operation("aws.iam.Policy", {"policy": document}))
        for name in ("a", "b"):
            aws.call("iam", "put_role_policy", {"RoleName": role.id, "PolicyName": name,
                                                "PolicyDocument": json.dumps(document)})
        aws.call("iam", "attach_role_policy", {"RoleName": role.id, "PolicyArn": policy.id})
        aws.call("events", "put_targets", {"Rule": rule.id, "Targets": [{"Id": "t", "Arn": queue["arn"]}]})
        found = orphans.find_tagged([world.provider])
        assert {role.id, rule.id, policy.id, queue["url"]} <= {r.id for r in found}
        for resource in found:
            orphans.delete(world.provider, resource, note)
        assert orphans.find_tagged([world.provider]) == []
