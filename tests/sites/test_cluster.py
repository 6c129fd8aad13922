"""A site whose app runs in a service, on stage ``local``: replicas behind the CDN, and nobody gets around it."""
from __future__ import annotations

import urllib.request
from collections import Counter
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
    cluster = aws.Cluster("Cluster", vpc=aws.Vpc("Net"))
    bucket, token, pepper = aws.Bucket("Uploads"), sst.Secret("Token", "tok-7f3e9a51"), sst.Secret("Pepper", "pep-1c2d")
    router = aws.Router("Main")
    api = aws.FastApi("Api", app="api.main:app", static={"/assets": "files"}, link=[bucket, token], cluster=cluster,
                      scaling={"min": 2, "max": 2}, environment={"PEPPER": pepper.value, "PLAIN": "yes"},
                      router={"instance": router, "path": "/api"})
    admin = aws.Flask("Admin", app="api.flat:create_app()", cluster=cluster)
    web = aws.NodeServer("Web", path="web", entry="main.mjs", cluster=cluster, link=[bucket, token],
                         environment={"PEPPER": pepper.value}, router={"instance": router, "path": "/web"},
                         scaling={"min": 2, "max": 2}, memory="1 GB")
    plain = aws.Service("Plain", cluster=cluster, handler="api.main:create_app()",
                        load_balancer={"ports": [{"listen": "80/http", "forward": "8080/http"}]},
                        environment={"SST_HOSTS": "", "PEPPER": "", "PLAIN": ""}, link=[bucket, token])
    router.route("/plain", plain, rewrite={"regex": "^/plain", "to": "/seen"})
    return {"api": api.url, "admin": admin.url, "behind": api.nodes.balancer.url, "flat": admin.nodes.balancer.url,
            "web": web.url, "balancer": web.nodes.balancer.url, "plain": router.url.apply(lambda url: f"{url}/plain")}
'''
API = '''
import json
import os

from sst import Resource


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    headers = {k.decode(): v.decode() for k, v in scope["headers"]}
    body = (await receive()).get("body", b"").decode()
    told = {"path": scope["path"], "host": headers["host"], "scheme": scope["scheme"], "hosts": os.environ["SST_HOSTS"],
            "cookie": headers.get("cookie"), "bucket": Resource.Uploads.name, "token": len(Resource.Token.value),
            "key": "x-sst-key" in headers, "pid": os.getpid(), "query": scope["query_string"].decode(), "body": body,
            "pepper": len(os.environ["PEPPER"]), "plain": os.environ["PLAIN"], "method": scope["method"]}
    await send({"type": "http.response.start", "status": 200, "headers": [
        (b"content-type", b"application/json"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})


def create_app():
    return app
'''
FLAT = '''
import json


def app(environ, start):
    names = ("PATH_INFO", "HTTP_HOST", "HTTP_X_FORWARDED_PROTO", "wsgi.url_scheme", "REMOTE_ADDR")
    start("200 OK", [("content-type", "application/json")])
    return [json.dumps({**{n: environ.get(n) for n in names}, "key": "HTTP_X_SST_KEY" in environ}).encode()]


def create_app():
    return app
'''
WEB = '''
import http from "node:http";

http.createServer(async (request, response) => {
  if (request.url.endsWith("/slow")) {
    response.write("first".padEnd(4096));
    return setTimeout(() => response.end("last"), 700);
  }
  let size = 0;
  for await (const part of request) size += part.length;
  const { host, cookie, "x-sst-key": key } = request.headers;
  response.setHeader("set-cookie", ["a=1", "b=2"]);
  response.end(JSON.stringify({ path: request.url, host, cookie, key, size, method: request.method, pid: process.pid,
    node: process.version, scheme: request.socket.encrypted ? "https" : "http", address: request.socket.remoteAddress,
    pepper: process.env.PEPPER.length, token: JSON.parse(process.env.SST_RESOURCE_Token).value.length,
    bucket: JSON.parse(process.env.SST_RESOURCE_Uploads).name }));
}).listen(3000);
'''
PYPROJECT = '''
[project]
name = "shop"
version = "1"
requires-python = ">=3.11"
dependencies = ["uvicorn", "gunicorn"]
'''


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    files = {"sst_config.py": CONFIG, "api/main.py": API, "api/flat.py": FLAT, "api/__init__.py": "",
             "files/logo.svg": "<svg/>", "pyproject.toml": PYPROJECT, "web/main.mjs": WEB,
             "web/package.json": '{"scripts": {"build": "true"}}', "web/package-lock.json": "{}",
             "web/node_modules/.package-lock.json": "{}"}
    with project(tmp_path_factory.mktemp("shop"), files) as made:
        made.sst("deploy")
        yield made


def test_replicas_see_what_the_visitor_sent(shop: Project) -> None:
    api = shop.outputs()["api"]
    answers = [call(f"{api}/items?n={n}", headers={"cookie": "x=1", "x-sst-key": "guessed"}) for n in range(8)]
    assert len(Counter(a.json["pid"] for a in answers)) == 2
    host = api.removeprefix("http://").removesuffix("/api")
    for n, seen in enumerate(a.json for a in answers):
        assert seen["host"] == seen["hosts"] == host
        assert (seen["path"], seen["scheme"], seen["query"]) == ("/api/items", "http", f"n={n}")
        assert (seen["cookie"], seen["key"], seen["plain"]) == ("x=1", False, "yes")
        assert (seen["token"], seen["pepper"]) == (12, 8) and seen["bucket"].startswith("shop-local-uploads")
    posted = call(f"{api}/items", method="POST", body=b"a=1").json
    assert (posted["method"], posted["body"]) == ("POST", "a=1")
    assert [v for k, v in answers[0].headers if k == "set-cookie"] == ["a=1", "b=2"]
    logo = call(f"{api}/assets/logo.svg")
    assert logo.body == "<svg/>" and "image/svg+xml" in dict(logo.headers)["content-type"]


def test_an_app_of_wsgi_is_served_too(shop: Project) -> None:
    admin = shop.outputs()["admin"]
    assert call(f"{admin}/a/b").json == {
        "PATH_INFO": "/a/b", "HTTP_HOST": admin.removeprefix("http://"), "HTTP_X_FORWARDED_PROTO": "http",
        "wsgi.url_scheme": "http", "REMOTE_ADDR": "127.0.0.1", "key": False}


def test_a_server_of_node_is_served_too(shop: Project) -> None:
    web = shop.outputs()["web"]
    host = web.removeprefix("http://").removesuffix("/web")
    answers = [call(f"{web}/items%20a?n={n}", headers={"cookie": "x=1", "x-sst-key": "guessed"}) for n in range(8)]
    assert len(Counter(a.json["pid"] for a in answers)) == 2
    seen = answers[0].json
    assert (seen["path"], seen["host"], seen["scheme"]) == ("/web/items%20a?n=0", host, "http")
    assert (seen["cookie"], "key" in seen, seen["address"]) == ("x=1", False, "127.0.0.1")
    assert (seen["token"], seen["pepper"]) == (12, 8) and seen["bucket"].startswith("shop-local-uploads")
    assert [v for k, v in answers[0].headers if k == "set-cookie"] == ["a=1", "b=2"]
    sent = call(f"{web}/upload", method="PUT", body=bytes(8 * 1024 * 1024)).json
    assert (sent["method"], sent["size"]) == ("PUT", 8 * 1024 * 1024)
    with urllib.request.urlopen(f"{web}/slow", timeout=30) as answer:
        first = answer.read1(65536)
        assert first.startswith(b"first") and b"last" not in first
        assert answer.read().endswith(b"last")


@pytest.mark.parametrize("name", ["behind", "flat", "balancer"])
def test_nobody_gets_around_the_cdn(shop: Project, name: str) -> None:
    url = shop.outputs()[name]
    for path in ("", "/api/items", "/_sst/health"):
        for method, body in (("GET", None), ("POST", b"x=1")):
            for headers in ({}, {"x-sst-key": ""}, {"x-sst-key": "0" * 64, "x-forwarded-host": "a.example"}):
                refused = call(f"{url}{path}", method=method, body=body, headers=headers)
                assert (refused.status, refused.body) == (403, "Forbidden")


def test_a_router_leads_to_a_service(shop: Project) -> None:
    seen = call(f"{shop.outputs()['plain']}/a%20b?q=1", method="POST", body=b"x=1", headers={"cookie": "c=1"}).json
    assert (seen["method"], seen["path"], seen["query"], seen["body"]) == ("POST", "/seen/a b", "q=1", "x=1")
    assert (seen["cookie"], seen["key"], seen["token"]) == ("c=1", False, 12)


def test_nothing_changed_nothing_done(shop: Project) -> None:
    assert "no changes" in shop.sst("deploy")


def test_no_secret_is_in_a_task_definition_or_in_the_files_of_the_stage(shop: Project) -> None:
    ecs = shop.client("ecs")
    for arn in ecs.list_task_definitions()["taskDefinitionArns"]:
        text = str(ecs.describe_task_definition(taskDefinition=arn))
        assert "pep-1c2d" not in text and "tok-7f3e9a51" not in text
    key = next(v for rule in shop.client("elbv2").describe_rules(
        ListenerArn=_listener(shop))["Rules"] for c in rule["Conditions"] for v in c["HttpHeaderConfig"]["Values"])
    for file in (shop.root / ".sst").rglob("*"):
        if file.is_file() and "local" not in file.relative_to(shop.root / ".sst").parts:
            assert key.encode() not in file.read_bytes()


def _listener(shop: Project) -> str:
    elb = shop.client("elbv2")
    balancers = elb.describe_load_balancers()["LoadBalancers"]
    found = next(b for b in balancers if "api" in b["LoadBalancerName"].lower())
    return str(elb.describe_listeners(LoadBalancerArn=found["LoadBalancerArn"])["Listeners"][0]["ListenerArn"])
