"""The network that a component takes, and the mistakes that a Vpc can see."""
from __future__ import annotations

from typing import Any

import pytest

from sst import aws
from sst.aws.vpc import the_vpc
from sst.errors import UserError
from tests.components.graphs import program, refused


def test_the_only_vpc_is_taken_and_the_plan_names_it() -> None:
    with program() as graph:
        own = aws.Vpc("MyVpc")
        assert the_vpc("MyDB", None, "") is own
        assert the_vpc("Cache", None, "") is own
    assert graph.remarks == ['MyDB is in the Vpc "MyVpc", the only one declared before it',
                             'Cache is in the Vpc "MyVpc", the only one declared before it']


def test_none_several_and_something_else_are_refused() -> None:
    with program():
        with pytest.raises(UserError, match="none is declared before it") as none:
            the_vpc("MyDB", None, "sst_config.py:3")
        aws.Vpc("One"), aws.Vpc("Two")
        with pytest.raises(UserError, match=r'several: "One" \(.*\), "Two"') as several:
            the_vpc("MyDB", None, "sst_config.py:3")
        with pytest.raises(UserError, match=r"takes an aws\.Vpc, not 'vpc-1'"):
            the_vpc("MyDB", "vpc-1", "sst_config.py:3")
    assert "vpc=vpc" in str(none.value) and "sst_config.py:3" in str(none.value)
    assert "name one" in str(several.value)


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "no zone": ({"az": 0}, "1 to 6 availability zones"),
    "seven zones": ({"az": 7}, "1 to 6 availability zones"),
    "a zone twice": ({"az": ["us-east-1a", "us-east-1a"]}, "twice"),
    "az of text": ({"az": "us-east-1a"}, "az takes a number or a list"),
    "another nat": ({"nat": "fck"}, '"ec2" or "managed"'),
    "options of the other nat": ({"nat": {"type": "managed", "ec2": {}}}, "options of \"ec2\""),
    "too few addresses": ({"nat": {"type": "managed", "ip": ["eipalloc-1"]}}, "1 addresses for 2"),
    "another endpoint": ({"endpoints": ["sqs"]}, "'sqs'"),
    "a bastion open to no address": ({"bastion": {"allow": ["office"]}}, "CIDR blocks, not 'office'"),
    "a misspelt option of nat": ({"nat": {"type": "ec2", "pi": []}}, "pi"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_told(case: str) -> None:
    given, part = CASES[case]
    assert part in refused(lambda: aws.Vpc("MyVpc", **given))


@pytest.mark.parametrize("nat", [None, "ec2"])
@pytest.mark.parametrize(("bastion", "open_to"), [
    (True, ["0.0.0.0/0"]), ({"allow": ["203.0.113.7/32", "2001:db8::/32"]}, ["203.0.113.7/32", "2001:db8::/32"]),
    ({"allow": []}, []), (False, [])])
def test_a_bastion_is_open_to_ssh_alone(bastion: Any, open_to: list[str], nat: Any) -> None:
    with program() as graph:
        aws.Vpc("MyVpc", nat=nat, bastion=bastion)
    groups = [g.inputs.get("ingress") or [] for urn, g in graph.goals.items() if urn.endswith(
        ("/NatSecurityGroup", "/BastionSecurityGroup"))]
    rules = [r for group in groups for r in group if r["protocol"] != "all"]
    assert [r.get("cidr") or r["cidr6"] for r in rules] == open_to
    assert all((r["protocol"], r["from"], r["to"]) == ("tcp", 22, 22) for r in rules)


def test_an_existing_vpc_is_what_is_in_it() -> None:
    with program():
        there = aws.Vpc.get("Old", "vpc-1")
        assert there.public_subnets == ["subnet-a", "subnet-b"] and there.private_subnets == ["subnet-c", "subnet-d"]
        assert there.security_groups == ["sg-default"] and there.has_nat
        assert there.bastion == there.link().properties["bastion"] == "i-bastion"


def test_what_a_function_cant_reach_from_its_network_is_a_warning() -> None:
    with program() as graph:
        network, jobs = aws.Vpc("MyVpc", endpoints=["s3"]), aws.Queue("Jobs")
        aws.Function("Api", handler="src/job.handler", vpc=network, link=[aws.Bucket("Files"), jobs])
    told: dict[str, None] = graph.context.once("warnings", dict)
    assert any("may call sqs by its links" in text and "no NAT" in text for text in told)


@pytest.mark.parametrize(("given", "part"), [("vpc-1", "takes an aws.Vpc"), ({"private_subnets": ["s"]}, "needs")])
def test_a_network_of_a_function_is_checked(given: Any, part: str) -> None:
    assert part in refused(lambda: aws.Function("Api", handler="src/job.handler", vpc=given))
