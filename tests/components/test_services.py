"""The mistakes that services and clusters can see."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sst
from sst import aws
from sst.core.target import Target
from sst.errors import UserError
from tests.components.graphs import program, refused

WEB = {"ports": [{"listen": "80/http"}]}


def service(**given: Any) -> Callable[[], object]:
    def declare() -> object:
        cluster = aws.Cluster("Main", vpc=aws.Vpc("Net"))
        return aws.Service("Api", **{"cluster": cluster, "image": "ghcr.io/acme/api:1", **given})
    return declare


def shared(conditions: Any, priority: int, other: Any = None, listen: str = "80/http") -> Callable[[], object]:
    def declare() -> None:
        vpc = aws.Vpc("Net")
        cluster = aws.Cluster("Main", vpc=vpc)
        alb = aws.Alb("Shared", vpc=vpc, listeners=[{"port": 80, "protocol": "http"}])
        for name, rule in (("Api", (conditions, priority)), ("Other", other)):
            if rule:
                aws.Service(name, cluster=cluster, image="ghcr.io/acme/api:1", load_balancer={
                    "instance": alb, "rules": [{"listen": listen, "conditions": rule[0], "priority": rule[1]}]})
    return declare


CASES: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "cpu and memory": (service(cpu="0.25 vCPU", memory="4 GB"), ("4 GB of memory do not go", "0.5, 1, 2 GB")),
    "no such cpu": (service(cpu="3 vCPU"), ("Fargate has no '3 vCPU'", "0.25 vCPU")),
    "another cluster": (service(cluster="main"), ("takes an aws.Cluster", "not 'main'")),
    "no vpc": (lambda: aws.Cluster("Main"), ('Cluster "Main" needs a Vpc', "vpc=vpc")),
    "a part of a network": (lambda: aws.Cluster("Main", vpc={"id": "vpc-1"}), ("needs security_groups",)),
    "a port": (service(load_balancer={"ports": [{"listen": "80"}]}), ("listen can't be '80'", '"80/http"')),
    "no port": (service(load_balancer={}), ("has no ports",)),
    "two kinds": (service(load_balancer={"ports": [{"listen": "80/http"}, {"listen": "81/tcp"}]}),
                  ("http and to tcp",)),
    "the same rule": (service(load_balancer={"ports": [{"listen": "80/http"}] * 2}), ("two rules of Api",)),
    "both ways": (service(load_balancer={"ports": [{"listen": "80/http", "redirect": "81/http",
                                                    "forward": "82/http"}]}), ("both forwards and redirects",)),
    "a certificate": (service(load_balancer={"ports": [{"listen": "443/https"}]}), ("needs a certificate", "domain")),
    "no domain name": (service(load_balancer={**WEB, "domain": "https://x.de"}), ("is not a domain name",)),
    "no dns and no certificate": (service(load_balancer={"ports": [{"listen": "443/https"}], "domain": {
        "name": "a.example.com", "dns": False}}), ("dns=False and no certificate",)),
    "dev": (service(dev={"comand": "x"}), ("dev of Api takes", "command")),
    "a command of dev": (service(dev={"command": ["x"]}), ("command of dev of Api must be text",)),
    "a shared one without priority": (shared({"path": "/*"}, 0), ("needs conditions and a priority",)),
    "a shared one without conditions": (shared({}, 1), ("needs conditions and a priority",)),
    "no such listener": (shared({"path": "/*"}, 1, listen="81/http"), ("does not listen to 81/http", "80/http")),
    "two services on one priority": (shared({"path": "/a"}, 1, ({"path": "/b"}, 1)),
                                     ("Api and Other both have a rule with priority 1 for 80/http of Shared",)),
    "two services on one rule": (shared({"path": "/a"}, 1, ({"path": "/a"}, 2)),
                                 ("Api and Other both have a rule for 80/http with the same conditions",)),
    "a listener of tcp": (lambda: aws.Alb("Shared", vpc=aws.Vpc("Net"), listeners=[{"port": 1, "protocol": "tcp"}]),
                          ("it is for http and https",)),
    "https without a domain": (lambda: aws.Alb("Shared", vpc=aws.Vpc("Net"), listeners=[
        {"port": 443, "protocol": "https"}]), ("needs a certificate",)),
    "no ARN": (lambda: aws.Alb.get("Shared", "shared"), ("not the ARN of an application load balancer",)),
    "health of nothing": (service(load_balancer={**WEB, "health": {"8080/http": {}}}), ("no rule forwards",)),
    **{f"health {given}": (service(load_balancer={**WEB, "health": {"80/http": given}}), (text,)) for given, text in (
        ({"path": "x"}, "can't be for 'x'"),
        ({"interval": "5 seconds", "timeout": "5 seconds"}, "as long as its interval"),
        ({"success_codes": "900"}, "can't be '900'"), ({"healthy_threshold": 1}, "can't be 1"))},
    "retries": (service(health={"command": ["CMD", "x"], "retries": 11}), ("can't be 11", "1 to 10")),
    "a condition": (shared({"pth": "/a"}, 1), ("the condition 'pth'", "path, host")),
    "a path": (shared({"path": "/a b"}, 1), ("can't be for the path '/a b'",)),
    "a registry without a port": (service(service_registry={}), ("needs the port", '{"port": 8080}')),
    "a port of a registry": (service(service_registry={"port": "8080"}), ("it is '8080'",)),
    "a registry of several": (service(image=None, containers=[{"name": "a", "image": "x"}, {"name": "b", "image": "x"}],
                                      service_registry={"port": 80}), ("needs one of its containers", "'a' or 'b'")),
    "half a namespace": (lambda: aws.Cluster("Main", vpc={
        "id": "vpc-1", "security_groups": ["sg-1"], "container_subnets": ["s-1"], "cloudmap_namespace_id": "ns-1"}),
        ("half a namespace",)),
    "min over max": (service(scaling={"min": 3, "max": 2}), ("min 3 and max 2",)),
    "scaling by nothing": (service(scaling={"max": 2, "cpu_utilization": False, "memory_utilization": False}),
                           ("nothing to scale by",)),
    "a share over 100": (service(scaling={"max": 2, "cpu_utilization": 170}), ("cpu_utilization of Api can't be 170",)),
    "requests without a balancer": (service(scaling={"max": 2, "request_count": 5}), ("needs a load balancer",)),
    "a misspelt scaling": (service(scaling={"maximum": 2}), ("scaling of Api has no 'maximum'",)),
    "containers and image": (service(containers=[{"name": "a", "image": "x"}]), ("both containers and image",)),
    "a container without a name": (service(image=None, containers=[{"image": "x"}]), ("needs a name",)),
    "the same container": (service(image=None, containers=[{"name": "a", "image": "x"}] * 2), ("same name",)),
    "no image": (service(image=None), ("says neither what it runs", "handler=")),
    "a command of text": (service(command="serve"), ("takes a list of words",)),
    "capacity": (service(capacity="cheap"), ("capacity of Api can't be 'cheap'",)),
    "another container": (service(load_balancer={"ports": [{"listen": "80/http", "container": "b"}]}),
                          ("no container 'b'",)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_told(case: str) -> None:
    declare, parts = CASES[case]
    said = refused(declare)
    assert all(part in said for part in parts), said


def test_a_secret_is_no_variable() -> None:
    def declare() -> None:
        service(environment={"TOKEN": sst.Secret("Token").value})()

    assert "holds a secret" in refused(declare) and "link it" in refused(declare)


def test_an_image_alone_is_refused_on_stage_local() -> None:
    with pytest.raises(UserError, match="needs a container engine"), program(stage="local", target=Target("local")):
        service()()


class Podman:
    name, missing = "podman", ""


class Silent(Podman):
    missing = "podman does not answer within 3 seconds"


def test_an_image_runs_by_the_engine_that_the_config_names() -> None:
    with program(stage="local", target=Target("local")) as graph:
        graph.context.engine = Podman()
        service(command=["python", "src/job.py"], load_balancer=WEB)()
    inputs = next(g.inputs for g in graph.goals.values() if g.type == "aws.ecs.TaskDefinition")
    container = inputs["container_definitions"][0]
    assert container["image"] == "ghcr.io/acme/api:1" and container["dockerLabels"] == {"sst.engine": "podman"}
    assert container["command"] == ["python", "src/job.py"]


def test_a_dockerfile_is_built_by_that_engine(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch")

    def command() -> Any:
        with program(stage="local", target=Target("local"), root=tmp_path) as graph:
            graph.context.engine = Podman()
            service(image={"context": ".", "args": {"A": "1"}, "target": "web"})()
        return next(g.inputs for g in graph.goals.values() if g.type == "local.Command")["command"]

    words = command()
    assert words[:2] == ["podman", "build"] and {"--file=Dockerfile", "--build-arg=A=1", "--target=web"} <= set(words)
    assert words[-2].startswith("--tag=localhost/sst-shop-api:") and command() == words
    (tmp_path / "more").touch()
    assert command() != words


def test_an_engine_that_does_not_answer_counts_as_none() -> None:
    with pytest.raises(UserError, match=r"Api can't run on stage local.*podman does not answer within 3 seconds"), \
            program(stage="local", target=Target("local")) as graph:
        graph.context.engine = Silent()
        service()()


def test_code_beside_an_image_runs_on_stage_local() -> None:
    with program(stage="local", target=Target("local")) as graph:
        service(command=["python", "src/job.py"], load_balancer=WEB)()
    inputs = next(g.inputs for g in graph.goals.values() if g.type == "aws.ecs.TaskDefinition")
    container = inputs["container_definitions"][0]
    assert container["command"] == ["python", "src/job.py"] and container["portMappings"][0]["containerPort"] == 80


def test_a_service_without_a_balancer_has_no_url() -> None:
    with program():
        made: Any = service()()
        assert made.link().properties == {}
        with pytest.raises(UserError, match="has no load balancer"):
            _ = made.url


def test_a_name_is_made_once_for_a_network_and_only_when_it_is_asked_for() -> None:
    def types(graph: Any) -> list[str]:
        return [g.type for g in graph.goals.values() if g.type.startswith("aws.servicediscovery")]

    with program() as graph:
        service()()
    assert types(graph) == []
    with program() as graph:
        cluster = aws.Cluster("Main", vpc=aws.Vpc("Net"))
        for name in ("Api", "Other"):
            made = aws.Service(name, cluster=cluster, image="ghcr.io/acme/api:1", service_registry={"port": 8080})
            assert made.link().properties.keys() == {"service"}
    assert sorted(types(graph)) == ["aws.servicediscovery.PrivateDnsNamespace", *["aws.servicediscovery.Service"] * 2]
    space, = (g for g in graph.goals.values() if g.type.endswith("Namespace"))
    assert space.inputs["name"] == "test.shop.sst" and space.parent == graph.components["sst.aws.Vpc::Net"].urn


def test_a_network_of_the_account_needs_a_namespace_for_names() -> None:
    there: Any = {"id": "vpc-1", "security_groups": ["sg-1"], "container_subnets": ["s-1"]}
    assert "has no namespace of Cloud Map" in refused(lambda: service(
        cluster=aws.Cluster("Own", vpc=there), service_registry={"port": 80})())
    with program() as graph:
        own = aws.Cluster("Own", vpc={**there, "cloudmap_namespace_id": "ns-1", "cloudmap_namespace_name": "acme"})
        aws.Service("Api", cluster=own, image="ghcr.io/acme/api:1", service_registry={"port": 80})
    name, = (g for g in graph.goals.values() if g.type == "aws.servicediscovery.Service")
    assert name.inputs["namespace_id"] == "ns-1" and name.inputs["namespace_name"] == "acme"
