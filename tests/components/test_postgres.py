"""Databases of RDS: what is refused before a deploy, what a link holds, and a server of one's own in its place."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sst import aws
from sst.core.graph import Graph
from sst.core.output import resolve
from sst.core.target import Target
from sst.errors import SstError

from .graphs import program

NETWORK: Any = {"subnets": ["subnet-a", "subnet-b"]}


def declared(declare: Callable[[], object], *, target: Target | None = None) -> Graph:
    with program(target=target) as graph:
        declare()
    return graph


@pytest.mark.parametrize(("options", "said"), [
    ({"version": "9.6"}, "AWS has no postgres 9.6"),
    ({"username": "admin"}, "'admin' can't be the name of its user"),
    ({"username": "a" * 64}, "can't be the name of its user"),
    ({"database": "my-db"}, "'my-db' can't be the name of a database"),
    ({"database": "rdsadmin"}, "'rdsadmin' can't be the name of a database"),
    ({"password": "short"}, "the password of MyDB does not fit"),
    ({"password": "with@an-at-sign"}, "the password of MyDB does not fit"),
    ({"instance": "micro"}, "there is no class 'db.micro'"),
    ({"storage": "10 GB"}, "storage must be between 20 and 65536 GB"),
    ({"storage": "20"}, "storage can't be '20'"),
    ({"replicas": 16}, "replicas must be between 0 and 15"),
    ({"vpc": None}, "needs a Vpc, and none is declared before it"),
    ({"vpc": {"subnets": ["subnet-a"]}}, "needs at least two subnets"),
])
def test_what_rds_would_refuse_is_refused_before_the_first_call(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SstError) as raised:
        declared(lambda: aws.Postgres("MyDB", **{"vpc": NETWORK, **options}))
    assert said in raised.value.message and raised.value.where
    assert "short" not in str(raised.value) and "with@an-at-sign" not in str(raised.value)


def link_of(graph: Graph, name: str = "MyDB") -> dict[str, Any]:
    component = next(c for c in graph.components.values() if c.logical_name == name)
    link = component.link()  # type: ignore[attr-defined]  # all of these have one
    known = {"host": "db.example", "port": 5432, "value": "p@ss/word", "username": "post gres", "database": "shop"}
    with graph.active():
        return {k: resolve(v, lambda urn, attr: known[attr]) for k, v in link.properties.items()}


def test_a_link_has_the_properties_of_sst_and_an_address_that_is_encoded() -> None:
    graph = declared(lambda: aws.Postgres("MyDB", username="someone", vpc=NETWORK))
    assert link_of(graph) == {"host": "db.example", "port": 5432, "username": "someone", "password": "p@ss/word",
                              "database": "shop",
                              "connectionString": "postgresql://someone:p%40ss%2Fword@db.example:5432/shop"}
    component = next(iter(graph.components.values()))
    with graph.active():
        properties = component.link().properties  # type: ignore[attr-defined]
    assert properties["password"].secret and properties["connectionString"].secret


def test_a_server_of_the_developers_is_used_in_sst_dev_alone() -> None:
    def declare() -> None:
        aws.Postgres("MyDB", vpc=NETWORK, dev={"username": "me", "password": "p@ss", "port": 5433})

    session = declared(declare, target=Target(dev=True))
    assert session.goals == {}
    assert link_of(session) == {"host": "localhost", "port": 5433, "username": "me", "password": "p@ss",
                                "database": "shop", "connectionString": "postgresql://me:p%40ss@localhost:5433/shop"}
    assert "aws.rds.Instance" in {g.type for g in declared(declare).goals.values()}
    with pytest.raises(SstError, match="needs the password of your server"):
        declared(lambda: aws.Postgres("MyDB", vpc=NETWORK, dev={}), target=Target(dev=True))


def test_what_a_kept_database_needs_is_kept_with_it() -> None:
    with program() as graph:
        graph.removal = "retain"
        aws.Postgres("MyDB", vpc=NETWORK)
    assert {g.type for g in graph.goals.values() if g.retain} == {
        "aws.rds.SubnetGroup", "aws.rds.ParameterGroup", "aws.rds.Instance"}


def test_an_existing_database_is_only_read() -> None:
    graph = declared(lambda: aws.Postgres.get("MyDB", "acme-production", password="its-password"))
    assert [(g.type, g.read) for g in graph.goals.values()] == [("aws.rds.Instance", True)]
