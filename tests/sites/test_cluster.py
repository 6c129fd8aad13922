"""A site whose app runs in a service, on stage ``local``: replicas behind the CDN, and nobody gets around it."""
from __future__ import annotations

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
    admin = aws.Flask("Admin", app="api.flat:app", cluster=cluster)
    plain = aws.Service("Plain", cluster=cluster, handler="api.main:app",
                        load_balancer={"ports": [{"listen": "80/http", "forward": "8080/http"}]},
                        environment={"SST_HOSTS": "", "PEPPER": "", "PLAIN": ""}, link=[bucket, token])
    router.route("/plain", plain, rewrite={"regex": "^/plain", "to": "/seen"})
    return {"api": api.url, "admin": admin.url, "behind": api.nodes.balancer.url, "flat": admin.nodes.balancer.url,
            "plain": router.url.apply(lambda url: f"{url}/plain")}
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
'''
FLAT = '''
import json


def app(environ, start):
    names = ("PATH_INFO", "HTTP_HOST", "HTTP_X_FORWARDED_PROTO", "wsgi.url_scheme", "REMOTE_ADDR")
    start("200 OK", [("content-type", "application/json")])
    return [json.dumps({**{n: environ.get(n) for n in names}, "key": "HTTP_X_SST_KEY" in environ}).encode()]
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
             "files/logo.svg": "<svg/>", "pyproject.toml": PYPROJECT}
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


@pytest.mark.parametrize("name", ["behind", "flat"])
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
