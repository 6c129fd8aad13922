"""A distribution on this machine, as a browser sees it: what is cached, for how long, and what a viewer gets."""
from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from sst.aws.cdn.behavior import routed
from sst.aws.cdn.edge import request_code, response_code
from sst.aws.router import POLICY
from sst.aws.router.target import url_target
from sst.clouds.aws.client import Aws
from sst.embedded.cdn.cache import Cache, Ttl, shown
from sst.embedded.cdn.message import Answer, Head
from sst.embedded.cloud import Cloud
from sst.errors import ProviderError

from ..clouds.aws.test_sites import Site as Managed
from ..clouds.aws.test_sites import cut_off, route
from ..clouds.aws.world import World, note
from ..long import first_of
from .functions import function, url
from .test_front_door import fetch

ANSWERS = """
import json
def handler(event, context):
    path = event["rawPath"]
    if path.endswith("/kept"):
        return {"statusCode": 200, "headers": {"cache-control": "max-age=60", "content-type": "text/plain"},
                "body": context.aws_request_id}
    if path.endswith("/private"):
        return {"statusCode": 200, "headers": {"cache-control": "private, max-age=60"}, "body": context.aws_request_id}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "cookies": ["a=1; Path=/", "b=2"],
            "body": json.dumps([event["requestContext"]["http"]["method"], path, event["rawQueryString"],
                                event["headers"].get("x-forwarded-host"), event.get("cookies"), event.get("body")])}
"""


PAGES = {"index.html": "<h1>home</h1>", "404.html": "<h1>no</h1>", "docs/index.html": "docs", "a b.txt": "y" * 3000,
         "big.bin": "z" * 300_000}


@pytest.mark.parametrize(("headers", "status", "seconds"), [
    ({"cache-control": "max-age=5"}, 200, 5), ({"cache-control": "max-age=5, s-maxage=7"}, 200, 7), ({}, 200, 20),
    ({"cache-control": "no-store"}, 200, 2), ({"cache-control": "private, max-age=50"}, 200, 2),
    ({"cache-control": "max-age=5000"}, 200, 100), ({"expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, 200, 2),
    ({"cache-control": "max-age=5"}, 206, 0), ({}, 404, 10), ({"cache-control": "max-age=3"}, 404, 10),
    ({"cache-control": "max-age=30"}, 404, 30), ({"cache-control": "no-store"}, 404, 0),
    ({"cache-control": "no-store"}, 500, 10), ({}, 403, 0), ({}, 502, 0), ({"cache-control": "max-age=3"}, 502, 3)])
def test_how_long_an_answer_is_kept(headers: dict[str, str], status: int, seconds: int) -> None:
    assert Ttl(2, 20, 100).of(Answer(status, list(headers.items())), {502: 0}) == seconds


def kept(body: bytes = b"x" * 2000, **headers: str) -> Any:
    made = [("content-type", "text/html"), ("etag", '"e"'), *((k.replace("_", "-"), v) for k, v in headers.items())]
    return Cache(clock=lambda: 100.0).put("k", Answer(200, made, body), "/a", 60)


@pytest.mark.parametrize(("asked", "status", "body"), [
    ({}, 200, b"x" * 2000), ({"if-none-match": '"e"'}, 304, b""), ({"if-none-match": 'W/"e"'}, 304, b""),
    ({"if-none-match": '"other"'}, 200, b"x" * 2000), ({"range": "bytes=0-1"}, 206, b"xx"),
    ({"range": "bytes=-3"}, 206, b"xxx"), ({"range": "bytes=1999-"}, 206, b"x"), ({"range": "bytes=2000-"}, 416, b""),
    ({"range": "bytes=0-1,3-4"}, 200, b"x" * 2000), ({"range": "bytes=0-1", "if-range": '"other"'}, 200, b"x" * 2000)])
def test_what_a_viewer_gets_of_an_answer(asked: dict[str, str], status: int, body: bytes) -> None:
    made = shown(kept(), Head("GET", "/a", "", list(asked.items())), gzipped=False, hit="Hit", now=103.0)
    assert (made.status, made.body) == (status, body)
    assert made.get("x-cache") == "Hit from cloudfront" and made.get("age") == "3"


def test_text_of_a_kilobyte_is_compressed() -> None:
    asked = Head("GET", "/a", "", [("accept-encoding", "br, gzip")])
    made = shown(kept(), asked, gzipped=True, hit="Miss", now=100.0)
    assert gzip.decompress(made.body) == b"x" * 2000
    assert made.get("etag") == 'W/"e"' and made.get("vary") == "Accept-Encoding"
    assert shown(kept(b"x" * 999), asked, gzipped=True, hit="Miss", now=100.0).get("content-encoding") == ""
    again = Head("GET", "/a", "", [("accept-encoding", "gzip"), ("if-none-match", 'W/"e"')])
    assert shown(kept(), again, gzipped=True, hit="Hit", now=100.0).status == 304


def test_an_invalidation_clears_what_is_below() -> None:
    cache = Cache()
    for path in ("/a", "/a/b", "/c"):
        cache.put(path, Answer(200, [], b"x"), path, 60)
    cache.invalidate(["/a/*", "c"])
    assert [path for path in ("/a", "/a/b", "/c") if cache.get(path)] == ["/a"]


def test_the_oldest_make_room() -> None:
    cache = Cache(size=25)
    for path in "abc":
        cache.put(path, Answer(200, [], b"x" * 10), path, 60)
    assert [p for p in "abc" if cache.get(p)] == ["b", "c"]


@pytest.fixture(scope="module")
def aws(cloud: Cloud) -> Iterator[Aws]:
    with Aws(region=cloud.region, endpoint=cloud.endpoint, credentials=(cloud.access_key, cloud.secret_key),
             environment={}) as client:
        yield client


class Site:
    """A distribution in front of a bucket with a site, and of a function."""

    def __init__(self, cloud: Cloud, aws: Aws, world: World, folder: Path) -> None:
        self.aws, self.world = aws, world
        bucket = world.make("aws.s3.Bucket", {"force_destroy": True})["name"]
        world.make("aws.s3.BucketPolicy", {"bucket": bucket, "policy": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "cloudfront.amazonaws.com"}, "Action": "s3:GetObject",
             "Resource": f"arn:aws:s3:::{bucket}/*",
             "Condition": {"StringEquals": {"aws:SourceAccount": aws.account()}}},
            {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*",
             "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}})
        store = world.make("aws.cloudfront.KeyValueStore", {})["arn"]
        self.bucket, self.store = bucket, store
        self.site = Managed(aws, folder, bucket, store)
        for name, content in PAGES.items():
            (self.site.folder / name).parent.mkdir(exist_ok=True)
            (self.site.folder / name).write_text(content)
        self.site.deploy(error_page="404.html", base="/site")
        world.provider.create(route(store, "/site", "site", "app-test-R-11111111"), note)
        address = url(cloud, function(cloud, ANSWERS))
        target = url_target(address, {})._eval(lambda urn, name: None)
        world.provider.create(route(store, "/api", target, "app-test-R-22222222"), note)
        policy = world.make("aws.cloudfront.AccountCachePolicy", {"name": "routed", "settings": POLICY})
        request = world.make("aws.cloudfront.Function", {"stores": [store], "code": request_code(
            "await route(q,host)", routes=True)})
        response = world.make("aws.cloudfront.Function", {"code": response_code()})
        made = world.make("aws.cloudfront.Distribution", {
            "aliases": ["example.com", "*.example.com"],
            **routed("placeholder.sst.dev", request=request["arn"], response=response["arn"],
                     cache_policy=policy["policy_id"])})
        self.id = made["distribution_id"]
        self.address = cloud.address("distribution", f"https://{made['domain_name']}")

    def get(self, path: str, method: str = "GET", **options: Any) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = fetch(f"{self.address}{path}", method, **options)
        return status, dict(headers), body


@pytest.fixture(scope="module")
def site(cloud: Cloud, aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    world = World(aws)
    yield Site(cloud, aws, world, tmp_path_factory.mktemp("site"))
    world.clear()


emulator = pytest.mark.emulator


@emulator
def test_pages_have_their_status_type_and_cache(site: Site) -> None:
    for path, status, body in (("/site/", 200, b"<h1>home</h1>"), ("/site/docs/", 200, b"docs"),
                               ("/site/nope", 404, b"<h1>no</h1>"), ("/site/404", 200, b"<h1>no</h1>"),
                               ("/site/a%20b.txt", 200, b"y" * 3000), ("/site/index.html", 200, b"<h1>home</h1>")):
        first, second = site.get(path), site.get(path)
        assert (first[0], first[2]) == (second[0], second[2]) == (status, body), path
        assert second[1]["x-cache"] == "Hit from cloudfront" and int(second[1]["age"]) >= 0
    status, headers, _ = site.get("/site/docs")
    assert status == 308 and headers["location"] == "/site/docs/"
    status, headers, body = site.get("/site/", "HEAD")
    assert (status, body, headers["content-length"]) == (200, b"", "13")
    assert headers["content-type"] == "text/html; charset=utf-8" and "s-maxage" in headers["cache-control"]
    assert site.get("/site/", "POST", body=b"x")[0] == 405


@emulator
def test_a_download_is_resumed(site: Site) -> None:
    whole = site.get("/site/big.bin")
    part = site.get("/site/big.bin", headers={"range": "bytes=299990-", "if-range": whole[1]["etag"]})
    assert part[0] == 206 and part[2] == b"z" * 10 and part[1]["content-range"] == "bytes 299990-299999/300000"


@emulator
def test_a_deploy_switches_at_once_without_an_invalidation(site: Site) -> None:
    assert site.get("/site/docs/")[2] == b"docs"
    (site.site.folder / "docs/index.html").write_text("new docs")
    site.site.deploy(error_page="404.html", base="/site")
    assert site.get("/site/docs/")[2] == b"new docs"
    (site.site.folder / "docs/index.html").write_text("docs")
    site.site.deploy(error_page="404.html", base="/site")
    assert site.get("/site/docs/")[2] == b"docs"


@emulator
def test_a_function_sees_the_request_of_the_viewer(site: Site) -> None:
    status, headers, body = site.get("/api/x%20y?a=1&b=%2F", "POST", body=b"form",
                                     headers={"cookie": "c=1; d=2", "content-type": "text/plain"})
    host = site.address.removeprefix("http://")
    assert status == 200 and json.loads(body) == ["POST", "/api/x%20y", "a=1&b=%2F", host, ["c=1", "d=2"], "form"]
    sent = fetch(f"{site.address}/api/")[1]
    assert [v for n, v in sent if n == "set-cookie"] == ["a=1; Path=/", "b=2"]
    assert headers["x-cache"] == "Miss from cloudfront"


@emulator
def test_answers_are_kept_as_their_headers_say(site: Site) -> None:
    assert site.get("/api/kept")[2] == site.get("/api/kept")[2] != site.get("/api/kept?other")[2]
    assert site.get("/api/private")[2] != site.get("/api/private")[2]
    kept = site.get("/api/kept")[2]
    site.world.make("aws.cloudfront.Invalidation", {"distribution_id": site.id, "version": "1", "paths": ["/api/*"]})
    assert site.get("/api/kept")[2] != kept


@emulator
def test_a_host_is_a_name_below_localhost(site: Site) -> None:
    port = site.address.rpartition(":")[2]
    for host, status in ((f"docs.example.com.localhost:{port}", 200), ("evil.example", 403)):
        assert site.get("/site/", headers={"host": host})[0] == status


@emulator
def test_a_redirect_to_a_name_of_the_distribution_leads_to_this_machine(site: Site) -> None:
    for n, to in enumerate(("https://docs.example.com", "https://elsewhere.test")):
        site.world.provider.create(route(site.store, f"/to{n}", {"to": to, "code": 301, "keep": 1},
                                         f"app-test-R-4444444{n}"), note)
    port = site.address.rpartition(":")[2]
    with_name = {"host": f"example.com.localhost:{port}"}
    assert site.get("/to0?a=1", headers=with_name)[1]["location"] == f"http://docs.example.com.localhost:{port}/to0?a=1"
    assert site.get("/to1")[1]["location"] == "https://elsewhere.test/to1"


@emulator
def test_what_is_too_long_is_refused(site: Site) -> None:
    assert site.get("/site/" + "a" * 8000)[0] == 404
    assert site.get("/site/" + "a" * 8200)[0] == 414


@emulator
def test_edge_code_that_can_not_be_loaded_is_not_deployed(site: Site) -> None:
    with pytest.raises(ProviderError, match="The function code can't be run: SyntaxError: expecting ';'"):
        site.world.make("aws.cloudfront.Function", {"code": request_code("await site('a')", own="}", routes=False)})


@emulator
def test_an_origin_that_is_not_there_is_502(site: Site) -> None:
    site.world.provider.create(route(site.store, "/gone", {"u": "127.0.0.1", "port": 1, "http": 1, "a": 1},
                                     "app-test-R-33333333"), note)
    status, _, body = site.get("/gone")
    assert status == 502 and b"127.0.0.1:1 can't be reached" in body


@emulator
@pytest.mark.parametrize("cuts", first_of([10, 100]))
def test_nobody_sees_a_mixed_page_while_deploys_are_cut_off(site: Site, cloud: Cloud, cuts: int) -> None:
    """A client asks for two pages all the time. Each is that of one deploy, and never an error."""
    ended, odd = Event(), []
    known = {b"<h1>home</h1>", *(b"<h1>%d</h1>" % n for n in range(cuts))}

    def poll() -> None:
        while not ended.is_set():
            for path in ("/site/", "/site/index"):
                status, _, body = site.get(path)
                if status != 200 or body not in known:
                    odd.append((status, body))

    client = Thread(target=poll)
    client.start()
    try:
        for n in range(cuts):
            (site.site.folder / "index.html").write_text(f"<h1>{n}</h1>")
            cut_off(site.site, after=n % 12, error_page="404.html", base="/site")
            site.site.deploy(error_page="404.html", base="/site")
            assert site.get("/site/")[2] == b"<h1>%d</h1>" % n
    finally:
        ended.set()
        client.join()
    assert not odd
