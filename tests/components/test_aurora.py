"""Aurora and MySQL: what is refused before a deploy, what a link holds and grants."""
from __future__ import annotations

from typing import Any

import pytest

from sst import aws
from sst.core.link import Link
from sst.core.output import resolve
from sst.core.target import Target
from sst.errors import SstError

from .graphs import program
from .test_postgres import NETWORK, declared

KNOWN = {"host": "db.example", "reader": "ro.example", "port": 5432, "value": "p@ss/word", "username": "u",
         "database": "shop", "arn": "arn:x", "cluster_arn": "arn:x", "name": "it",
         "proxy": "it"}


@pytest.mark.parametrize(("options", "said"), [
    ({"version": "9.6"}, "AWS has no aurora-postgresql 9.6"),
    ({"engine": "mysql", "version": "5.7"}, "AWS has no aurora-mysql 5.7"),
    ({"engine": "oracle"}, "engine can't be 'oracle'"),
    ({"username": "admin"}, "'admin' can't be the name of its user"),
    ({"password": "short"}, "the password of MyDB does not fit"),
    ({"scaling": {"min": "1"}}, "min of scaling can't be '1'"),
    ({"scaling": {"max": "0.5 ACU"}}, "its max can't be 0.5 ACU"),
    ({"scaling": {"min": "0.7 ACU"}}, "its min can't be 0.7 ACU"),
    ({"scaling": {"min": "8 ACU"}}, "its min of 8 ACU is above its max of 4 ACU"),
    ({"scaling": {"min": "1 ACU", "pause_after": "10 minutes"}}, "it pauses only with a min of 0 ACU"),
    ({"scaling": {"pause_after": "1 minute"}}, "it can't pause after 60 seconds"),
    ({"replicas": 16}, "replicas must be between 0 and 15"),
])
def test_what_rds_would_refuse_is_refused_before_the_first_call(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SstError) as raised:
        declared(lambda: aws.Aurora("MyDB", **{"engine": "postgres", "vpc": NETWORK, **options}))
    assert said in raised.value.message and raised.value.where


def link_of(component: Any, graph: Any) -> tuple[Link, dict[str, Any]]:
    link = component.link()
    with graph.active():
        return link, {k: resolve(v, lambda urn, attr: KNOWN[attr]) for k, v in link.properties.items()}


@pytest.mark.parametrize(("engine", "scheme", "user"), [("postgres", "postgresql", "postgres"),
                                                        ("mysql", "mysql", "root")])
def test_a_link_has_the_properties_of_sst_and_grants_the_data_api(engine: Any, scheme: str, user: str) -> None:
    with program() as graph:
        db = aws.Aurora("MyDB", engine=engine, vpc=NETWORK, database="shop", data_api=True)
    link, shown = link_of(db, graph)
    assert shown == {"clusterArn": "arn:x", "secretArn": "arn:x", "database": "shop", "username": user,
                     "password": "p@ss/word", "port": 5432, "host": "db.example", "reader": "ro.example",
                     "connectionString": f"{scheme}://{user}:p%40ss%2Fword@db.example:5432/shop"}
    granted = [action for data in link.included("aws.permission") for action in data["actions"]]
    assert "rds-data:ExecuteStatement" in granted and "secretsmanager:GetSecretValue" in granted


def test_without_the_data_api_a_link_grants_nothing_and_behind_a_proxy_it_has_no_reader() -> None:
    with program() as graph:
        db = aws.Aurora("MyDB", engine="postgres", vpc=NETWORK, proxy=True)
    link, shown = link_of(db, graph)
    assert not link.include and "reader" not in shown


def test_mysql_has_its_own_address() -> None:
    with program() as graph:
        db = aws.Mysql("MyDB", vpc=NETWORK, username="shop")
    _, shown = link_of(db, graph)
    assert set(shown) == {"database", "username", "password", "port", "host", "connectionString"}
    assert shown["connectionString"].startswith("mysql://shop:p%40ss%2Fword@db.example:5432/")
    with pytest.raises(SstError) as raised:
        declared(lambda: aws.Mysql("MyDB", vpc=NETWORK, version="17"))
    assert "AWS has no mysql 17" in raised.value.message


def test_in_dev_a_server_of_ones_own_takes_the_place_of_a_cluster() -> None:
    with program(target=Target(dev=True)) as graph:
        db = aws.Aurora("MyDB", engine="mysql", vpc=NETWORK, dev={"password": "mine"})
    _, shown = link_of(db, graph)
    assert not graph.goals and shown["connectionString"] == "mysql://root:mine@localhost:3306/shop"
    assert shown["reader"] == "localhost"
