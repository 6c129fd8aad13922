"""What several components, apps or stages have in common: permissions, notifications, partitions."""
from __future__ import annotations

from typing import Any

import pytest

from sst import aws
from sst.core.graph import Graph
from sst.core.model import Goal
from sst.core.output import resolve
from tests.components.graphs import program

H = "src/job.handler"


def goals(graph: Graph, type: str) -> list[Goal]:
    return [g for g in graph.goals.values() if g.type == type]


def told(value: Any, partition: str) -> Any:
    """A value as it is once everything is deployed: ARNs are those of a partition."""
    def look(urn: str, attr: str) -> str:
        return f"arn:{partition}:x:cn-north-1:123456789012:name" if attr == "arn" else "name"
    return resolve(value, look)


def test_an_api_is_permitted_once_to_call_a_function_of_many_routes() -> None:
    with program() as graph:
        api, shared = aws.ApiGatewayV2("Api"), aws.Function("Shared", handler=H)
        for i in range(60):
            api.route(f"GET /{i}", shared)
        api.route("GET /own", H)
        api.route("GET /arn", "arn:aws:lambda:us-east-1:123456789012:function:theirs")
        api.route("PUT /arn", "arn:aws:lambda:us-east-1:123456789012:function:theirs")
        api.route("GET /with", shared, transform={"permission": {"statement_id": "Mine"}})
        aws.ApiGatewayV2("Other").route("GET /", shared)
    assert len(goals(graph, "aws.lambda.Permission")) == 5, "Shared, own, theirs, the one that is transformed, Other's"


@pytest.mark.parametrize("stage", ["dev", "production"])
def test_notifications_of_an_existing_bucket_are_named_after_app_and_stage(stage: str) -> None:
    with program(stage=stage) as graph:
        aws.Bucket.get("Logs", "acme-logs").subscribe(H)
        aws.Bucket("Own").subscribe(H)
    ids = [r["id"] for g in goals(graph, "aws.s3.BucketNotification") for r in g.inputs["functions"]]
    assert sorted(ids) == ["Subscriber", f"shop-{stage}-Logs-Subscriber"]


def test_a_link_to_another_region_says_which() -> None:
    with program() as graph:
        us = aws.Provider("Us", region="us-west-2")
        linked = [aws.Queue("Q", provider=us), aws.Bucket("B", provider=us), aws.Function("F", handler=H, provider=us),
                  aws.Dynamo("T", fields={"id": "string"}, primary_index={"hash_key": "id"}, provider=us)]
        regions = [resolve(c.link().properties["region"], lambda urn, attr: f"{urn} {attr}") for c in linked]
        assert "region" not in aws.Queue("Here").link().properties
    assert set(regions) == {"aws.Provider::Us region_name"} and graph


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_what_components_declare_holds_in_each_partition(partition: str) -> None:
    with program() as graph:
        bucket, queue = aws.Bucket("Files", access="cloudfront"), aws.Queue("Jobs")
        bucket.notify([{"name": "Told", "queue": queue, "filter_prefix": "in/"}])
        bucket.subscribe(H, filter_prefix="out/")
        aws.Function("Fn", handler=H, link=[bucket, queue], logging={"log_group": "theirs"}, url=True)
        aws.Cron("Tidy", schedule="rate(1 day)", job=H)
        aws.Dynamo("Rows", fields={"id": "string"}, primary_index={"hash_key": "id"}, stream="new-image").subscribe(
            "Audit", H)
        aws.ApiGatewayV2("Api").route("GET /", H)
    text = repr([told(g.inputs, partition) for g in graph.goals.values()])
    assert {w.split(":")[1] for w in text.split("arn")[1:] if w.startswith(":")} == {partition}
    assert f"arn:{partition}:logs:*:123456789012:log-group:theirs" in text
    assert told(bucket.domain, partition) == ("name.s3.amazonaws.com.cn" if partition == "aws-cn"
                                              else "name.s3.amazonaws.com")
