"""Search domains: what is refused before a deploy, what a link holds, and a server of one's own in its place."""
from __future__ import annotations

from typing import Any

import pytest

from sst import aws
from sst.core.output import gather
from sst.core.target import Target
from sst.errors import SstError

from .graphs import program
from .test_postgres import declared


@pytest.mark.parametrize(("options", "said"), [
    ({"version": "2.17"}, "AWS has no version '2.17'"), ({"version": "OpenSearch_9.9"}, "no version 'OpenSearch_9.9'"),
    ({"instance": "t3.small.search"}, "there is no class 't3.small.search.search'"),
    ({"password": "only-letters"}, "the password of MySearch does not fit"),
    ({"storage": "5 GB"}, "storage"),
])
def test_what_the_service_would_refuse_is_refused_before_the_first_call(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SstError) as raised:
        declared(lambda: aws.OpenSearch("MySearch", **options))
    assert said in raised.value.message and "only-letters" not in str(raised.value)


def test_a_link_is_secret_and_a_server_of_dev_takes_its_place() -> None:
    with program() as graph:
        link = aws.OpenSearch("MySearch").link()
        assert list(link.properties) == ["url", "username", "password"] and not link.include
        assert gather([link.properties["url"]])[1] and gather([link.properties["password"]])[1]
    assert {g.type for g in graph.goals.values()} == {"local.Password", "aws.opensearch.Domain"}
    with program(target=Target("local", dev=True)) as graph:
        own = aws.OpenSearch("Own", dev={"password": "mine"}).link()
        assert gather([own.properties["url"]])[1]
    assert not graph.goals
