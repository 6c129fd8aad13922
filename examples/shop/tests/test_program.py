"""What the app declares. Runs in a second, without a cloud."""
from sst import aws
from sst.testing import Program


def test_nothing_but_the_load_balancer_is_open_to_the_internet(sst_graph: Program) -> None:
    open_groups = [group.name for group in sst_graph.resources("aws.ec2.SecurityGroup")
                   if any(rule.get("cidr") == "0.0.0.0/0" for rule in group["ingress"] or ())]
    assert open_groups == ["Api/LoadBalancerSecurityGroup"]


def test_no_secret_is_in_a_task_definition(sst_graph: Program) -> None:
    for definition in sst_graph.resources("aws.ecs.TaskDefinition"):
        for container in definition["container_definitions"]:
            named = {variable["name"] for variable in container["environment"]}
            assert "SST_RESOURCE_Database" not in named
            assert "SST_RESOURCE_Database" in {secret["name"] for secret in container["secrets"]}


def test_the_new_code_waits_for_the_migration(sst_graph: Program) -> None:
    service = next(goal for goal in sst_graph.graph.goals.values() if goal.type == "aws.ecs.Service")
    assert any(urn.endswith("Schema/Run") for urn in service.deps)


def test_there_are_two_replicas(sst_graph: Program) -> None:
    assert sst_graph.components(aws.Service) == ["Api"]
    assert sst_graph.resource("Api/Service")["desired_count"] == 2
