"""A search domain and a function that uses it by opensearch-py, on stage ``local``: real `sst`."""
from __future__ import annotations

from pathlib import Path

import pytest

from .project import project

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.long]

CONFIG = '''
import sst
from sst import aws

def config(input):
    return sst.Config(name="shop")

def run():
    search = aws.OpenSearch("MySearch")
    aws.Function("Api", handler="app.handler", link=[search], timeout="30 seconds")
    return {"url": search.url}
'''
APP = '''
from opensearchpy import OpenSearch
from sst import Resource

def handler(event, context):
    search = Resource.MySearch
    client = OpenSearch(search.url, http_auth=(search.username, search.password))
    if event:
        client.index(index="books", id=event, body={"title": event}, refresh=True)
    found = client.search(index="books", body={"query": {"match_all": {}}})
    return sorted(hit["_id"] for hit in found["hits"]["hits"])
'''


def test_a_function_searches_through_restarts_and_another_password(tmp_path: Path) -> None:
    with project(tmp_path, {"sst_config.py": CONFIG, "app.py": APP, "requirements.txt": "opensearch-py\n"}) as shop:
        said = shop.sst("deploy")
        assert "(secret)" in said and "https://" not in said
        assert shop.invoke("Api", "moby") == ["moby"]
        assert "no changes" in shop.sst("deploy")
        shop.sst("rotate", "MySearch")
        assert shop.invoke("Api", "dick") == ["dick", "moby"]
        shop.sst("local", "stop")
        assert shop.invoke("Api") == ["dick", "moby"]
        assert "deleted" in shop.sst("remove", "--yes")
        assert shop.client("opensearch").list_domain_names()["DomainNames"] == []
