"""A ``Router`` on stage ``local``: a password, edge code, functions that nobody reaches around it, a service."""
from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator

import pytest

from tests.e2e.project import Answer, Project, call, project

pytestmark = [pytest.mark.emulator, pytest.mark.slow]

CONFIG = '''
import sst
from sst import aws


def config(input):
    return sst.Config(name="gate")


def run():
    password = sst.Secret("Password", "s3cret-7f3e9a51")
    web = aws.Router("Web", auth={"username": "team", "password": password.value}, edge={
        "viewer_request": {"injection": "if (q.uri === '/teapot') return {statusCode: 418};"
                                        "q.headers['x-edge'] = {value: host};"},
        "viewer_response": {"injection": "event.response.headers['x-frame-options'] = {value: 'DENY'};"}})
    made = {"web": web.url}
    for name, handler, more in (("Plain", "src/api.plain", {}), ("Flat", "flat.plain", {}), ("Wsgi", "src.api:app", {}),
                                ("Parts", "src.api:app", {"streaming": True}), ("Node", "src/node.handler", {}),
                                ("NodeParts", "src/node.parts", {"streaming": True})):
        fn = aws.Function(name, handler=handler, url={"router": {"instance": web, "path": f"/{name.lower()}"}}, **more)
        made[name] = fn.nodes.url.url
    open = aws.Function("Open", handler="src/api.plain",
                        url={"router": {"instance": web, "path": "/open"}, "protection": "none"})
    bare = aws.Cdn("Bare", origins=[{"Id": "open", "DomainName": open.nodes.url.url.apply(lambda u: u.split("/")[2]),
                                     "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443,
                                                            "OriginProtocolPolicy": "https-only"}}],
                   default_cache_behavior={"TargetOriginId": "open", "ViewerProtocolPolicy": "allow-all",
                                           "CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"})
    jobs = aws.Queue("Jobs")
    jobs.subscribe("src/api.plain")
    return {**made, "Open": open.nodes.url.url, "Bare": bare.url}
'''
API = '''
import json


def plain(event, context):
    return {"statusCode": 200, "body": json.dumps([event["requestContext"]["http"]["method"], event["rawPath"],
                                                   event.get("body"), event["headers"]])}


def app(environ, start):
    headers = {k[5:].lower().replace("_", "-"): v for k, v in environ.items() if k.startswith("HTTP_")}
    start("200 OK", [("content-type", "application/json")])
    body = environ["wsgi.input"].read().decode() or None
    return [json.dumps([environ["REQUEST_METHOD"], environ["PATH_INFO"], body, headers]).encode()]
'''
NODE = '''
const told = ({ requestContext, rawPath, body, headers }) =>
  JSON.stringify([requestContext.http.method, rawPath, body ?? null, headers]);

export const handler = async (event) => ({ statusCode: 200, body: told(event) });

export const parts = awslambda.streamifyResponse(async (event, stream) => {
  stream.write(told(event));
  stream.end();
});
'''
PASSWORD = {"authorization": "Basic " + b64encode(b"team:s3cret-7f3e9a51").decode()}


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with project(tmp_path_factory.mktemp("gate"), {"sst_config.py": CONFIG, "src/api.py": API,
                                                   "flat.py": API, "src/node.mjs": NODE}) as made:
        made.sst("deploy")
        yield made


@pytest.fixture(scope="module")
def urls(gate: Project) -> dict[str, str]:
    return gate.outputs()


def ask(url: str, method: str = "GET", **headers: str) -> Answer:
    return call(url, method=method, body=b"a=1" if method == "POST" else None,
                headers={**PASSWORD, "content-type": "text/plain", **headers})


def test_the_password_is_asked_for_and_goes_no_further(urls: dict[str, str]) -> None:
    for headers in ({}, {"authorization": "Basic dGVhbTp3cm9uZw=="}, {"authorization": ""}):
        refused = call(f"{urls['web']}/plain", headers=headers)
        assert refused.status == 401 and ("www-authenticate", "Basic") in refused.headers
    assert "authorization" not in ask(f"{urls['web']}/plain").json[3]


@pytest.mark.parametrize("name", ["Plain", "Flat", "Wsgi", "Parts", "Node", "NodeParts"])
def test_nobody_gets_around_the_router(urls: dict[str, str], name: str) -> None:
    path = f"/{name.lower()}/x"
    for method, body in (("GET", None), ("POST", "a=1")):
        answer = ask(f"{urls['web']}{path}", method)
        assert answer.json[:3] == [method, path, body]
        assert "x-sst-key" not in answer.json[3] and answer.json[3]["x-edge"].endswith(".cloudfront.net")
        for guess in ({}, {"x-sst-key": ""}, {"x-sst-key": "0" * 64}):
            refused = ask(f"{urls[name]}{path[1:]}", method, **guess)
            assert (refused.status, refused.body) == (403, "Forbidden")


def test_a_function_may_be_left_open(urls: dict[str, str]) -> None:
    assert ask(f"{urls['Open']}y").json[1] == "/y"
    assert ask(f"{urls['web']}/open/y").json[1] == "/open/y"


def test_a_plain_distribution_leads_to_a_function(urls: dict[str, str]) -> None:
    assert ask(f"{urls['Bare']}/z").json[1] == "/z"


def test_edge_code_sees_requests_and_answers(urls: dict[str, str]) -> None:
    assert ask(f"{urls['web']}/teapot").status == 418
    assert ("x-frame-options", "DENY") in ask(f"{urls['web']}/plain").headers
    assert ask(f"{urls['web']}/elsewhere").status == 404


def test_the_key_and_the_password_are_nowhere_in_plain_text(gate: Project) -> None:
    environment = gate.client("lambda").get_function_configuration(FunctionName=next(
        n for n in gate.leftovers()["functions"] if "Plain" in n or "plain" in n))["Environment"]["Variables"]
    key = environment["SST_ORIGIN_KEY"]
    shown = gate.sst("state", "export") + gate.sst("diff") + gate.sst("outputs") + gate.sst("deploy")
    assert gate.outputs()["Plain"] in shown, "the address behind the key is no secret"
    assert key not in shown and "s3cret-7f3e9a51" not in shown
    assert "no changes" in gate.sst("deploy")
