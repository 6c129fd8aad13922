"""Migrations: what they wait for, what waits for them, what makes them run, and what is refused."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sst import aws
from sst.core.context import Context
from sst.core.graph import Graph
from sst.core.target import Target
from sst.errors import SstError

NETWORK: Any = {"subnets": ["subnet-a", "subnet-b"], "security_groups": ["sg-a"]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {"api.py": "def handler(event, context): ...\n", "alembic.ini": "[alembic]\n",
                       "alembic/env.py": "def online(): ...\n", "alembic/versions/1.py": "revision = 1\n",
                       ".venv/lib/migrations/other.py": "x = 1\n"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@contextmanager
def program(root: Path, target: Target | None = None) -> Iterator[Graph]:
    context = Context(target or Target(), python="3.12", read_stage_key=lambda: b"k" * 32,
                      encrypt=lambda key, text: b"sealed")
    graph = Graph("shop", "test", root=str(root), context=context)
    with graph.active():
        yield graph
        graph.seal()


def named(urn: str) -> str:
    return urn.rpartition("::")[2]


def test_the_code_of_its_users_waits_for_it_and_nothing_else(root: Path) -> None:
    with program(root) as graph:
        vpc = aws.Vpc("MyVpc")
        db = aws.Postgres("MyDB", vpc=vpc)
        api = aws.Function("Api", handler="api.handler", link=[db], url=True)
        other = aws.Function("Other", handler="api.handler", link=[db])
        aws.Migration("Schema", run="alembic upgrade head", link=[db], before=[api])
    run = next(u for u, g in graph.goals.items() if g.type == "aws.migration.TaskRun")
    assert [named(u) for u, g in graph.goals.items() if run in g.deps] == ["Api/Function"]
    assert other.function.__sst__.urn not in graph.goals[run].deps
    assert {"Schema/TaskDefinition", "Schema/TaskPolicy", "MyDB/Instance"} <= {named(u) for u in graph.goals[run].deps}
    asked = graph.goals[run].inputs
    assert list(asked["files"]) == ["alembic.ini", "alembic/env.py", "alembic/versions/1.py"]
    assert len(asked["network"]["subnets"]) == 2 and asked["network"]["assignPublicIp"] == "ENABLED", "there is no NAT"
    definition = graph.goals[next(u for u in graph.goals if named(u) == "Schema/TaskDefinition")].inputs
    container = definition["container_definitions"][0]
    assert (definition["cpu"], definition["memory"]) == ("256", "1024")
    assert container["command"] == ["python", "-m", "sst.runtime.migration"]
    assert {"name": "SST_MIGRATION_RUN", "value": "alembic upgrade head"} in container["environment"]


def test_a_command_may_run_in_a_function_or_in_a_cluster_of_the_programs(root: Path) -> None:
    with program(root) as graph:
        db = aws.Postgres("MyDB", vpc=NETWORK)
        aws.Migration("One", run="alembic upgrade head", link=[db], cluster=False)
        cluster = aws.Cluster("Cluster", vpc={"id": "vpc-1", "security_groups": ["sg-b"],
                                              "container_subnets": ["subnet-c"]})
        aws.Migration("Two", run="alembic upgrade head", link=[db], cluster=cluster)
    function = graph.goals[next(u for u in graph.goals if named(u) == "One/Function/Function")].inputs
    assert function["handler"] == "sst/runtime/migration.handler"
    assert function["vpc_config"] == {"SubnetIds": ["subnet-a", "subnet-b"], "SecurityGroupIds": ["sg-a"]}
    assert function["environment"]["SST_MIGRATION_RUN"] == "alembic upgrade head"
    run = next(g for g in graph.goals.values() if g.type == "aws.migration.TaskRun")
    assert run.inputs["network"] == {"subnets": ["subnet-c"], "securityGroups": ["sg-b"], "assignPublicIp": "DISABLED"}
    assert sum(g.type == "aws.ecs.Cluster" for g in graph.goals.values()) == 1


def test_another_file_is_another_run(root: Path) -> None:
    def files() -> Any:
        with program(root) as graph:
            aws.Migration("Schema", handler="api.handler", link=[aws.Postgres("MyDB", vpc=NETWORK)])
        return next(g.inputs["files"] for g in graph.goals.values() if g.type == "aws.migration.Run")

    before = files()
    (root / "alembic/versions/2.py").write_text("revision = 2\n")
    after = files()
    assert after.keys() - before.keys() == {"alembic/versions/2.py"}
    assert {k: after[k] for k in before} == before


@pytest.mark.parametrize(("declare", "said"), [
    (lambda db: aws.Migration("Schema", link=[db]), "takes one of run and handler"),
    (lambda db: aws.Migration("Schema", run="x", handler="api.handler", link=[db]), "takes one of run and handler"),
    (lambda db: aws.Migration("Schema", run="x"), "needs one database among its links, and has 0"),
    (lambda db: aws.Migration("Schema", run="x", link=[db], files=["db/*.sql"]), "has no files"),
    (lambda db: aws.Migration("Schema", run="x", link=[db], before=["api"]), "before takes components, not 'api'"),
    (lambda db: aws.Migration("Schema", run="x", link=[db]), "needs a cluster in the network of its database"),
    (lambda db: aws.Migration("Schema", handler="api.handler", link=[db], base="b"), "cluster and base are for run"),
    (lambda db: aws.Migration("Schema", run="x", link=[db], cluster="c"), "takes an aws.Cluster, not 'c'"),
    (lambda db: aws.Migration("Schema", handler="api.hander", link=[db]), 'There is no "hander"'),
])
def test_what_can_not_be_run_is_refused(root: Path, declare: Callable[[Any], object], said: str) -> None:
    with pytest.raises(SstError) as raised, program(root):
        declare(aws.Postgres("MyDB", vpc=NETWORK))
    assert said in raised.value.message


def test_a_server_of_the_developers_is_migrated_on_this_machine_alone(root: Path) -> None:
    for target, wanted in ((Target(dev=True), set()), (Target("local", dev=True), {"aws.migration.Run"})):
        with program(root, target) as graph:
            db = aws.Postgres("MyDB", vpc=NETWORK, dev={"password": "mine"})
            aws.Migration("Schema", handler="api.handler", link=[db])
        assert {g.type for g in graph.goals.values()} & {"aws.migration.Run"} == wanted
