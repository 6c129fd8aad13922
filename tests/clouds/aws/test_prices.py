"""What AWS charges whether it is used or not, in a plan of components."""
from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sst import aws
from sst.clouds.aws import prices
from sst.clouds.aws.client import Aws
from sst.clouds.aws.provider import AwsProvider, row
from sst.clouds.local.artefacts import Artefacts
from sst.clouds.local.provider import LocalProvider
from sst.core.graph import Graph
from sst.core.model import Snapshot
from sst.core.provider import Provider
from sst.engine.cost import Cost, cost_of
from sst.engine.plan import plan

PAGE = Path(__file__).parents[3] / "docs/cost.md"


Program = Callable[[], object]


def _no_cloud() -> Aws:
    raise AssertionError("a plan makes no call")


def planned(program: Program) -> Cost:
    local: Provider = LocalProvider(Artefacts(Path("none"), Path("none")), environ={})
    cloud: Provider = AwsProvider(_no_cloud, app="app", stage="production", lineage="")
    graph = Graph("app", "production", region="us-east-1")
    with graph.active():
        program()
    graph.seal()
    return cost_of(plan(graph, Snapshot(), lambda item: local if item.provider == "local" else cloud))


def small() -> None:
    vpc = aws.Vpc("Net")
    aws.Postgres("DB", vpc=vpc)


def large() -> None:
    vpc = aws.Vpc("Net", nat="managed")
    aws.Postgres("DB", vpc=vpc, instance="t4g.medium", multi_az=True, replicas=1, proxy=True)
    aws.Redis("Cache", vpc=vpc, engine="valkey", cluster={"nodes": 3})


@pytest.mark.parametrize(("program", "parts"), [
    (small, {"DB": 0.016 * 730 + 20 * 0.115}),
    (large, {"Net": 2 * (0.045 + 0.005) * 730,
             "DB": (2 * 0.065 + 0.065) * 730 + (40 + 20) * 0.115 + 2 * 0.015 * 730 + 0.40,
             "Cache": 3 * 0.0128 * 730}),
])
def test_the_sum_is_that_of_the_price_pages(program: Program, parts: dict[str, float]) -> None:
    cost = planned(program)
    assert not cost.unknown and cost.total == pytest.approx(sum(parts.values()), abs=0.01)
    for name, price in parts.items():
        assert sum(i.after for i in cost.items if i.name.startswith(f"{name}/")) == pytest.approx(price, abs=0.01)


def test_a_class_without_a_known_price_is_unknown_and_not_free() -> None:
    cost = planned(lambda: aws.Postgres("DB", vpc=aws.Vpc("Net"), instance="x9.large"))
    assert cost.unknown == ("DB/Instance (db.x9.large)",) and cost.total == 2.3


@pytest.mark.parametrize(("given", "definition", "usd"), [
    ({"desired_count": 2, "launch_type": "FARGATE"}, {"cpu": "256", "memory": "512"},
     2 * (0.25 * 0.04048 + 0.5 * 0.004445) * 730),
    ({"desired_count": 1}, {"cpu": "1024", "memory": "2048", "runtime_platform": {"cpuArchitecture": "ARM64"}},
     (0.03238 + 2 * 0.00356) * 730),
    ({"desired_count": 0}, {"cpu": "256", "memory": "512"}, 0),
    ({"desired_count": 2, "network_configuration": {"awsvpcConfiguration": {"assignPublicIp": "ENABLED"}}},
     {"cpu": "256", "memory": "512"}, 2 * (0.25 * 0.04048 + 0.5 * 0.004445 + 0.005) * 730),
    ({"capacity_provider_strategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}, {}, None),
    ({"desired_count": 1}, {}, None),
])
def test_the_tasks_of_a_service(given: dict[str, object], definition: dict[str, object], usd: float | None) -> None:
    charges = list(prices.tasks(given, lambda type: definition if type == "aws.ecs.TaskDefinition" else {}))
    known = [c.usd for c in charges if c.usd is not None]
    assert (len(known) < len(charges)) == (usd is None)
    assert usd is None or sum(known) == pytest.approx(usd)


def test_endpoints_and_load_balancers() -> None:
    def total(kind: str, **given: object) -> float:
        charges = row(kind).monthly
        assert charges
        return round(sum(c.usd or 0 for c in charges(given, lambda type: {})), 2)

    assert total("aws.ec2.VpcEndpoint", vpc_endpoint_type="Gateway") == 0
    assert total("aws.ec2.VpcEndpoint", vpc_endpoint_type="Interface", subnet_ids=["a", "b"]) == 14.6
    assert total("aws.elbv2.LoadBalancer", subnets=["a", "b"]) == round((0.0225 + 2 * 0.005) * 730, 2)
    assert total("aws.elbv2.LoadBalancer", scheme="internal", subnets=["a", "b"]) == round(0.0225 * 730, 2)


def test_the_page_has_every_price() -> None:
    """``SST_ACCEPT=1`` rewrites it."""
    lines = ["| price | USD | a | page |", "|---|---|---|---|"]
    for table, unit in ((prices.HOURLY, "hour"), (prices.MONTHLY, "month")):
        for name, usd in table.items():
            page = next(p for key, p in prices.PAGES.items() if name.startswith(f"{key} "))
            lines.append(f"| {name} | {usd} | {unit} | [page]({page}) |")
    text = PAGE.read_text(encoding="utf-8")
    want = re.sub(r"(<!-- prices -->\n).*(<!-- end of prices -->)",
                  lambda m: m[1] + "\n".join(lines) + "\n" + m[2], text, flags=re.DOTALL)
    if os.environ.get("SST_ACCEPT"):
        PAGE.write_text(want, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == want
