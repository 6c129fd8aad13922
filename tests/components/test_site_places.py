"""Where the app of a site runs: a function in a network, a service of a cluster."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sst import aws
from sst.core.dev_parts import Process
from sst.core.output import resolve
from sst.core.target import Target
from tests.components.graphs import program, refused


def api(**given: Any) -> Callable[[], object]:
    def declare() -> object:
        if given.get("cluster") == "C":
            given["cluster"] = aws.Cluster("C", vpc=aws.Vpc("Net"))
        return aws.FastApi("Api", app="src/web:app", **given)

    return declare


def shared(**balancer: Any) -> None:
    cluster = aws.Cluster("C", vpc=aws.Vpc("Net"))
    alb = aws.Alb("Shared", listeners=[{"port": 80, "protocol": "http"}])
    for name in ("One", "Two"):
        aws.FastApi(name, app="src/web:app", cluster=cluster, load_balancer={"instance": alb, **balancer})


def node(kind: str = "NodeServer", **given: Any) -> Callable[[], object]:
    return lambda: getattr(aws, kind)("Web", path="web", cluster=aws.Cluster("C", vpc=aws.Vpc("Net")), **given)


CASES: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "a size without a cluster": (api(memory="1 GB"), ("memory of Api is for an app in a cluster", "cluster=cluster")),
    "no cluster": (api(cluster="Main"), ("cluster of Api takes an aws.Cluster",)),
    "a timeout in a cluster": (api(cluster="C", server={"timeout": "1 minute"}), ("timeout in server of Api",)),
    "warm in a cluster": (api(cluster="C", warm=1), ("warm of Api is for an app in a function",)),
    "an unknown option of the balancer": (api(cluster="C", load_balancer={"public": False}), ("no 'public'", "domain")),
    "a balancer that is none": (api(cluster="C", load_balancer={"instance": "x"}), ("takes an aws.Alb",)),
    "a timeout of Node in a cluster": (node(server={"timeout": "1 minute"}), (
        "timeout in server of Web is for an app in a function", "architecture, runtime, install in server")),
    "a network of Node in a cluster": (node(vpc=aws.Vpc.__new__(aws.Vpc)), ("vpc of Web is for an app in a function",)),
    "regions of Node in a cluster": (node(regions=["eu-west-1"]), ("cluster is about a network of one",)),
    "a size of Node without a cluster": (lambda: aws.NodeServer("Web", path="web", memory="1 GB"), (
        "memory of Web is for an app in a cluster", 'server={"memory"')),
    "a region that is none": (api(regions=["eu-wets-1"]), ("no region 'eu-wets-1'", "eu-west-1")),
    "a region as text": (api(regions="eu-west-1"), ("takes names of regions", 'regions=["us-east-1", "eu-west-1"]')),
    "a region twice": (api(regions=["eu-west-1", "eu-west-1"]), ("each once",)),
    "regions of a cluster": (api(cluster="C", regions=["eu-west-1"]), ("cluster is about a network of one",)),
    "a database of one region": (lambda: api(regions=["eu-west-1"], link=[
        aws.Postgres("Db", vpc=aws.Vpc("Net"), password="long-enough-1")])(), ("the link to Db is about a network",)),
    "regions of a provider": (lambda: api(regions=["eu-west-1"], provider=aws.Provider("Us", region="us-west-2"))(),
                              ("both regions and a provider",)),
    "two sites with one priority": (lambda: shared(priority=3),
                                    ("One/Server and Two/Server both have a rule with priority 3",)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_told(name: str) -> None:
    declare, words = CASES[name]
    told = refused(declare)
    for word in words:
        assert word in told, told


def test_the_server_must_be_among_the_dependencies(tmp_path: Path) -> None:
    for name, text in (("app.py", "async def app(scope, receive, send): ..."), ("requirements.txt", "starlette")):
        (tmp_path / name).write_text(text)
    for kind, needed in ((aws.FastApi, "uvicorn"), (aws.Flask, "gunicorn")):
        with pytest.raises(Exception, match=f"{needed}, which serves it there"), program(root=tmp_path):
            kind("Api", app="app:app", cluster=aws.Cluster("C", vpc=aws.Vpc("Net")))
    told = refused(lambda: aws.Django("Shop", project="shop", tasks=aws.Queue("Jobs"),
                                      cluster=aws.Cluster("C", vpc=aws.Vpc("Net"))))
    assert "boto3, which Lambda has by itself" in told


def test_the_load_balancer_of_a_site_has_a_domain_of_its_own_on_aws_alone() -> None:
    for target, protocol in ((Target(), "HTTPS"), (Target("local"), "HTTP")):
        with program(target=target) as graph:
            api(cluster="C", load_balancer={"domain": "origin.example.com"})()
        goals = {g.urn.rpartition("::")[2]: g for g in graph.goals.values()}
        listener = next(g for n, g in goals.items() if n.startswith("Api/Balancer/Listener"))
        assert listener.inputs["protocol"] == protocol
        record = resolve(goals["Api/Site"].inputs["record"], lambda urn, attr: "http://127.0.0.1:8000")
        wanted = {"u": "127.0.0.1", "http": 1, "port": 8000} if protocol == "HTTP" else None
        assert wanted is None or record == {"servers": [wanted]}


def test_in_a_session_the_app_runs_from_its_source_on_stage_local_alone() -> None:
    token = {"PEPPER": "p"}
    with program(stage="local", target=Target("local", dev=True, dev_port=lambda name: 4000 + len(name))) as graph:
        made = aws.FastApi("Api", app="src/web:app", cluster=aws.Cluster("C", vpc=aws.Vpc("Net")), environment=token)
        part: Any = next(iter(made.server.dev_parts()))
    port = 4000 + len("Api/Server/Server:8080")
    assert part.command[:4] == ("python", "-m", "uvicorn", "sst.runtime.behind:app") and part.ports == ((8080, port),)
    assert part.environment["PEPPER"] == "p" and part.environment["SST_APP"] == "web:app"
    goals = {g.urn.rpartition("::")[2]: g for g in graph.goals.values()}
    record = resolve(goals["Api/Site"].inputs["record"], lambda urn, attr: "")
    assert record == {"servers": [{"u": "127.0.0.1", "http": 1, "port": port}]}
    assert not [g for g in goals.values() if g.type.startswith("aws.elbv2.")]
    with program(target=Target(dev=True)) as graph:
        api(cluster="C")()
    assert "aws.ecs.Service" in {g.type for g in graph.goals.values()}


def test_in_a_folder_its_modules_are_imported_from_there(tmp_path: Path) -> None:
    for name, text in (("back.end/shop/web.py", "app = None"), ("requirements.txt", "uvicorn")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    target = Target("local", dev=True, dev_port=lambda name: 4000)
    with program(stage="local", target=target, root=tmp_path):
        made = aws.FastApi("Api", path="back.end/", app="shop.web:app",
                           cluster=aws.Cluster("C", vpc=aws.Vpc("Net")))
        part: Any = next(iter(made.server.dev_parts()))
    assert part.environment["SST_APP"] == "shop.web:app"
    assert (part.code["handler"], part.code["python"]) == ("back.end/shop/web:app", {"root": "back.end"})


def test_in_a_session_the_server_of_a_framework_takes_the_place_of_a_service() -> None:
    for dev, types in ((None, False), (False, True)):
        with program(stage="local", target=Target("local", dev=True)) as graph:
            node(dev=dev)()
        assert ("aws.ecs.Service" in {g.type for g in graph.goals.values()}) is types


def test_django_is_in_the_network_of_its_database() -> None:
    with program() as graph:
        vpc = aws.Vpc("Net")
        db = aws.Postgres("Db", vpc=vpc, password="long-enough-1")
        jobs = aws.Queue("Jobs")
        aws.Django("Shop", project="shop", database=db, tasks=jobs)
        aws.Django("Other", project="shop", database=db, vpc=aws.Vpc("Own"))
        aws.Django("Big", project="shop", database=db, cluster=aws.Cluster("C", vpc=vpc))

    def look(urn: str, attr: str) -> str:
        return urn.rpartition("::")[2]

    placed = {g.urn.rpartition("::")[2]: resolve(g.inputs["vpc_config"], look)["SecurityGroupIds"]
              for g in graph.goals.values() if g.type == "aws.lambda.Function" and "vpc_config" in g.inputs}
    mine, own = ["Net/SecurityGroup"], ["Own/SecurityGroup"]
    assert placed["Shop/Server/Function"] == placed["Big/Manage/Function"] == mine
    assert placed["Other/Server/Function"] == own and len(placed) == 4


def test_django_in_a_container_is_images_alone_with_the_names_of_its_files() -> None:
    """Each part may be larger than a zip can be."""
    with program() as graph:
        vpc = aws.Vpc("Net")
        db = aws.Postgres("Db", vpc=vpc, password="long-enough-1")
        parts: Any = {"project": "shop", "database": db, "migrate": "before", "container": True}
        aws.Django("Shop", **parts, tasks=aws.Queue("Jobs"))
        aws.Django("Big", **parts, cluster=aws.Cluster("C", vpc=vpc))
    made = {g.urn.rpartition("::")[2].removesuffix("/Function"): g.inputs for g in graph.goals.values()
            if g.type == "aws.lambda.Function"}
    assert len(made) == 5 and {i["package_type"] for i in made.values()} == {"Image"}
    assert not [name for name, i in made.items() if "files" in i or "handler" in i]
    assert made["Shop/Migrate/Function"]["image_config"]["Command"] == ["sst/runtime/migration.handler"]
    named = {g.urn.rpartition("::")[2].removesuffix("/Image"): g.inputs["files"] for g in graph.goals.values()
             if g.type == "aws.ecr.Image" and "files" in g.inputs}

    def look(urn: str, attr: str) -> Any:
        return "{}" if attr == "kept" else {"file": "c2VhbGVk"}

    for name in ("Shop/Server", "Big/Manage", "Shop/JobsSubscriber/Function"):
        table = f".sst/static/{name.partition('/')[0]}/server/staticfiles.json"
        assert table in resolve(named[name], look), name


def test_a_server_of_ones_own_takes_the_place_of_a_python_app_in_sst_dev() -> None:
    """On AWS it cannot be reached from there: what is deployed goes on answering."""
    server: Any = {"command": "fastapi dev", "url": "http://127.0.0.1:8000"}
    local = Target("local")
    for target, functions in ((Target(), 1), (Target(dev=True), 1), (local, 1), (replace(local, dev=True), 0)):
        with program(stage="local" if target.is_local else "test", target=target) as graph:
            site = aws.FastApi("Api", app="src/web:app", dev=server)
        assert len([g for g in graph.goals.values() if g.type == "aws.lambda.Function"]) == functions
        processes = [part for part in site.dev_parts() if isinstance(part, Process)]
        assert [p.command for p in processes] == (["fastapi dev"] if target.dev else [])
        assert ["SST_HOSTS" in p.environment for p in processes] == ([not functions] if target.dev else [])
    told = refused(lambda: aws.FastApi("Api", app="src/web:app", dev={"command": "fastapi dev"}))
    assert "takes the command and the url of its server" in told


def test_a_session_on_aws_leads_to_the_region_of_the_app() -> None:
    for target, count in ((Target(), 2), (Target(dev=True), 1), (Target("local", dev=True), 2)):
        with program(target=target) as graph:
            api(regions=["eu-west-1", "us-east-1"])()
        goals = {g.urn.rpartition("::")[2]: g for g in graph.goals.values()}
        assert {"Api/ServerEuWest1/Function", "Api/Server/Function"} <= goals.keys()
        record = resolve(goals["Api/Site"].inputs["record"], lambda urn, attr: urn.rpartition("::")[2])
        hosts = [s["u"] for s in record["servers"]]
        assert len(hosts) == count and (count == 2 or "at" not in record["servers"][0])
