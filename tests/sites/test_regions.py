"""A site with servers in two regions, on stage ``local``: the edge leads to the nearest, and nobody gets around it."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.project import Project, call, project

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.long]

CONFIG = '''
import sst
from sst import aws


def config(input: sst.AppInput) -> sst.Config:
    return sst.Config(name="shop")


def run() -> dict[str, object]:
    bucket, token = aws.Bucket("Uploads"), sst.Secret("Token", "tok-7f3e9a51")
    api = aws.FastApi("Api", app="api:app", link=[bucket, token], regions=["us-east-1", "eu-west-1", "ap-northeast-1"])
    return {"api": api.url, **{f"server{n}": one.url for n, one in enumerate(api.servers)}}
'''
API = '''
import json
import os

import boto3

from sst import Resource


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    link = Resource.Uploads
    s3 = boto3.client("s3", region_name=link.region)
    if scope["method"] == "POST":
        s3.put_object(Bucket=link.name, Key=os.environ["AWS_REGION"], Body=b"1")
    keys = [o["Key"] for o in s3.list_objects_v2(Bucket=link.name).get("Contents", ())]
    told = {"region": os.environ["AWS_REGION"], "home": link.region, "keys": sorted(keys),
            "token": len(Resource.Token.value), "hosts": os.environ["SST_HOSTS"]}
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})
'''
PLACES = {"us-east-1": ("40.7", "-74.0"), "eu-west-1": ("48.2", "16.4"), "ap-northeast-1": ("-41.3", "174.8")}
"""New York, Vienna, Wellington."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with project(tmp_path_factory.mktemp("shop"), {"sst_config.py": CONFIG, "api.py": API}) as made:
        made.sst("deploy")
        yield made


def test_the_nearest_server_answers(shop: Project) -> None:
    api = shop.outputs()["api"]
    for method in ("POST", "GET"):
        for region, (latitude, longitude) in PLACES.items():
            seen = call(api, method=method, body=b"x" if method == "POST" else None, headers={
                "cloudfront-viewer-latitude": latitude, "cloudfront-viewer-longitude": longitude}).json
            assert (seen["region"], seen["home"], seen["token"]) == (region, "us-east-1", 12)
            assert seen["hosts"] == api.removeprefix("http://").rstrip("/")
    assert seen["keys"] == sorted(PLACES)
    assert call(api).json["region"] == "us-east-1"


def test_nobody_gets_around_the_cdn_in_any_region(shop: Project) -> None:
    outputs = shop.outputs()
    for n in range(3):
        for method, body in (("GET", None), ("POST", b"x=1")):
            refused = call(outputs[f"server{n}"], method=method, body=body, headers={"x-sst-key": "0" * 64})
            assert (refused.status, refused.body) == (403, "Forbidden")


def test_a_region_less_is_a_server_less(shop: Project) -> None:
    assert "no changes" in shop.sst("deploy")
    shop.write({"sst_config.py": CONFIG.replace(', "ap-northeast-1"]', "]")})
    shop.sst("deploy")
    assert set(shop.outputs()) == {"api", "server0", "server1"}
    latitude, longitude = PLACES["ap-northeast-1"]
    seen = call(shop.outputs()["api"], headers={"cloudfront-viewer-latitude": latitude,
                                                "cloudfront-viewer-longitude": longitude}).json
    assert seen["region"] in ("us-east-1", "eu-west-1")
    shop.sst("remove", "--yes")
    assert shop.leftovers() == {}
