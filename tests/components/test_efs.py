"""File systems: the mistakes that can be seen before a deploy, and what stage ``local`` makes of them."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sst import aws
from sst.core.dev_parts import Process
from sst.core.target import Target
from sst.dev.parts import declared_parts
from sst.errors import UserError

from .graphs import program, refused


def function(**given: Any) -> Callable[[], object]:
    def declare() -> object:
        vpc = aws.Vpc("Net")
        files = aws.Efs("Files", vpc=vpc)
        return aws.Function("Api", handler="src/job.handler", **{
            "vpc": vpc, **given, "volume": {"efs": files, **given.get("volume", {})}})
    return declare


def service(*volumes: Any) -> Callable[[], object]:
    def declare() -> object:
        files = aws.Efs("Files", vpc=aws.Vpc("Net"))
        return aws.Service("Web", cluster=aws.Cluster("Main"), image="ghcr.io/acme/web:1",
                           volumes=[{"efs": files, **v} for v in volumes])
    return declare


CASES: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "no vpc": (function(vpc=None), ("Api has a volume and no vpc", "vpc=vpc")),
    "a path of Lambda's": (function(volume={"path": "/data"}), ("can't mount a volume at '/data'", '"/mnt/efs"')),
    "another thing": (function(volume={"efs": "fs-1"}), ("or the ARN of an access point; it is 'fs-1'",)),
    "nothing": (function(volume={"efs": None}), ("volume of Api needs efs",)),
    "a misspelt key": (function(volume={"pat": "/mnt/a"}), ("has no option 'pat'",)),
    "no path": (service({}), ("each volume of Web needs efs and path",)),
    "a relative path": (service({"path": "data"}), ("can't mount a volume at 'data'",)),
    "a path upwards": (service({"path": "/data/../etc"}), ("can't mount a volume at",)),
    "one path twice": (service({"path": "/a"}, {"path": "/a"}), ("mounts two volumes at /a",)),
    "no access point": (service({"path": "/a", "efs": {"file_system": "fs-1"}}),
                        ("a file_system and an access_point",)),
    "a throughput": (lambda: aws.Efs("Files", vpc=aws.Vpc("Net"), throughput="fast"),  # type: ignore[arg-type]  # wrong
                     ("throughput can't be 'fast'",)),
    "two subnets in a zone": (lambda: aws.Efs("Files", vpc={"id": "vpc-1", "subnets": ["subnet-d", "subnet-e"]}),
                              ("two subnets in us-east-1b, subnet-d and subnet-e", "one a zone")),
    "a performance": (lambda: aws.Efs("Files", vpc=aws.Vpc("Net"), performance="best"),  # type: ignore[arg-type]  # wrong
                      ("performance can't be 'best'",)),
    "modes that do not go together": (lambda: aws.Efs("Files", vpc=aws.Vpc("Net"), performance="max-io"),
                                      ("elastic throughput needs", "bursting")),
    "provisioned without MiB/s": (lambda: aws.Efs("Files", vpc=aws.Vpc("Net"), throughput="provisioned"),
                                  ("MiB/s go together", "provisioned_throughput")),
    "half a network": (lambda: aws.Efs("Files", vpc={"id": "vpc-1"}), ("needs an id and subnets",)),
    "no network": (lambda: aws.Efs("Files"), ('Efs "Files" needs a Vpc',)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_told(case: str) -> None:
    declare, parts = CASES[case]
    said = refused(declare)
    assert all(part in said for part in parts), said


def test_a_network_of_the_account_is_refused_on_stage_local() -> None:
    with pytest.raises(UserError, match=r"stage local does not have"), program(stage="local", target=Target("local")):
        aws.Efs("Files", vpc={"id": "vpc-1", "subnets": ["subnet-1"]})


def test_an_existing_network_gets_one_mount_target_in_each_zone() -> None:
    with program() as graph:
        vpc = aws.Vpc.get("Net", "vpc-1")
        vpc.private_subnets = ["subnet-c", "subnet-d", "subnet-e"]
        aws.Efs("Files", vpc=vpc)
    assert [g.inputs["subnet_id"] for g in graph.goals.values() if g.type == "aws.efs.MountTarget"] == [
        "subnet-c", "subnet-d"]


def test_an_existing_one_is_read_on_aws_and_made_on_stage_local() -> None:
    with program() as graph:
        aws.Efs.get("Files", "fs-1")
    assert {(g.type, g.inputs["id"], g.read) for g in graph.goals.values()} == {
        ("aws.efs.FileSystem", "fs-1", True), ("aws.efs.AccessPoint", "fsap-old", True)}
    with program(stage="local", target=Target("local")) as graph:
        aws.Efs.get("Files", "fs-1")
    assert [(g.type, g.read) for g in graph.goals.values()] == [("aws.efs.FileSystem", False),
                                                                ("aws.efs.AccessPoint", False)]


def test_for_one_of_the_account_another_stands_in_on_stage_local() -> None:
    old = {"file_system": "fs-1", "access_point": "fsap-1"}
    with program(stage="local", target=Target("local", dev=True, dev_port=lambda name, wanted=0: 5555)) as graph:
        vpc = aws.Vpc("Net")
        cluster = aws.Cluster("Main", vpc=vpc)
        for name in ("Web", "Other"):
            aws.Service(name, cluster=cluster, command=["python", "job.py"], volumes=[{"efs": old, "path": "/data"}])
        aws.Function("Api", handler="src/job.handler", vpc=vpc, volume={
            "efs": "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-1"})
    made = [urn for urn, g in graph.goals.items() if g.type == "aws.efs.FileSystem"]
    assert len(made) == 1
    one, two = declared_parts(graph, Process)
    assert str(one.volumes) == str(two.volumes) and "Existingfsap1/FileSystem" in str(one.volumes)


@pytest.mark.parametrize(("stage", "paths"), [("local", ["/data"]), ("aws", [])])
def test_in_dev_a_service_mounts_it_on_stage_local_alone(stage: str, paths: list[str]) -> None:
    with program(stage="test", target=Target(stage, dev=True, dev_port=lambda name, wanted=0: 5555)) as graph:
        files = aws.Efs("Files", vpc=aws.Vpc("Net"))
        aws.Service("Web", cluster=aws.Cluster("Main"), command=["python", "job.py"],
                    load_balancer={"ports": [{"listen": "80/http"}]}, volumes=[{"efs": files, "path": "/data"}])
    (process,) = declared_parts(graph, Process)
    assert [path for _, path in process.volumes] == paths
    assert process.url == "http://127.0.0.1:5555"


def test_a_role_may_mount_one_file_system_by_one_access_point() -> None:
    with program() as graph:
        function()()
    policy = next(g for g in graph.goals.values() if g.type == "aws.iam.RolePolicy").inputs["policy"]
    mine = next(s for s in policy["Statement"] if "elasticfilesystem:ClientMount" in s["Action"])
    assert mine["Condition"].keys() == {"StringEquals"} and len(mine["Resource"]) == 1
