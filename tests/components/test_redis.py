"""Caches: what is refused before a deploy, what a link holds, and a server of one's own in its place."""
from __future__ import annotations

from typing import Any

import pytest

from sst import aws
from sst.core.target import Target
from sst.errors import SstError

from .graphs import program
from .test_postgres import NETWORK, declared, link_of


@pytest.mark.parametrize(("options", "said"), [
    ({"engine": "memcached"}, "engine can't be 'memcached'"),
    ({"version": "x"}, "AWS has no redis x"),
    ({"version": "3.2"}, "AWS has no redis 3.2"),
    ({"engine": "valkey", "version": "7.1"}, "AWS has no valkey 7.1"),
    ({"instance": "micro"}, "there is no class 'cache.micro'"),
    ({"cluster": {"nodes": 501}}, "it can't have 501 nodes"),
    ({"parameters": {f"p{i}": "1" for i in range(20)}}, "has 21 parameters"),
    ({"vpc": None}, "needs a Vpc, and none is declared before it"),
])
def test_what_elasticache_would_refuse_is_refused_before_the_first_call(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SstError) as raised:
        declared(lambda: aws.Redis("MyCache", **{"vpc": NETWORK, **options}))
    assert said in raised.value.message and raised.value.where


def test_a_link_has_the_properties_of_sst_and_an_address_with_tls() -> None:
    graph = declared(lambda: aws.Redis("MyCache", vpc=NETWORK))
    assert link_of(graph, "MyCache") == {
        "host": "db.example", "port": 5432, "username": "default", "password": "p@ss/word",
        "url": "rediss://default:p%40ss%2Fword@db.example:5432"}


@pytest.mark.parametrize(("dev", "url"), [({}, "redis://localhost:6379"),
                                          ({"password": "p@ss", "port": 7}, "redis://default:p%40ss@localhost:7")])
def test_a_server_of_the_developers_is_used_in_sst_dev_alone(dev: Any, url: str) -> None:
    session = declared(lambda: aws.Redis("MyCache", vpc=NETWORK, dev=dev), target=Target(dev=True))
    assert session.goals == {} and link_of(session, "MyCache")["url"] == url


@pytest.mark.parametrize(("engine", "version", "family"), [
    ("redis", "5.0.6", "redis5.0"), ("redis", "6.2", "redis6.x"), ("redis", "7.1", "redis7"),
    ("valkey", "7.2", "valkey7"), ("valkey", "8.1", "valkey8")])
def test_the_family_of_parameters_follows_from_the_version(engine: Any, version: str, family: str) -> None:
    with program() as graph:
        aws.Redis("MyCache", vpc=NETWORK, engine=engine, version=version)
    assert [g.inputs["family"] for g in graph.goals.values() if g.type.endswith("ParameterGroup")] == [family]
