"""Services behind a shared load balancer on stage ``local``: rules, a domain, WebSockets and streams."""
from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.e2e.project import Project, call, eventually, project

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.long]

CONFIG = '''
import sst
from sst import aws

def config(input):
    return sst.Config(name="shared", home="local")

def run():
    vpc = aws.Vpc("Net")
    cluster = aws.Cluster("Cluster", vpc=vpc)
    alb = aws.Alb("Shared", vpc=vpc, domain="shared.example.com",
                  listeners=[{"port": 443, "protocol": "https"}, {"port": 80, "protocol": "http"}])

    def rule(priority, **conditions):
        return {"listen": "443/https", "forward": "8080/http", "priority": priority, "conditions": conditions}

    def service(name, *rules):
        aws.Service(name, cluster=cluster, handler="main.py:app", environment={"NAME": name},
                    load_balancer={"instance": alb, "rules": rules})

    service("Header", rule(10, header={"name": "X-Version", "values": ["2*"]}),
            rule(20, query=[{"key": "v", "value": "2"}, {"value": "beta*"}]))
    service("Host", rule(30, host=["api.example.com", "*.shop.example.com"]),
            {"listen": "443/https", "redirect": "443/https", "priority": 40, "conditions": {"path": "/old"}})
    service("Rest", rule(50, path="/*"))
    return {"url": alb.url}
'''
MAIN = '''
import asyncio, os

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": os.environ["NAME"] + " " + message["text"]})
        print("closed", message.get("code"), flush=True)
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    if scope["path"] == "/stream":
        for number in range(3):
            await send({"type": "http.response.body", "body": b"part %d;" % number, "more_body": True})
            await asyncio.sleep(0.3)
    await send({"type": "http.response.body", "body": os.environ["NAME"].encode()})
'''
PYPROJECT = ('[project]\nname = "shared"\nversion = "1"\nrequires-python = ">=3.11"\n'
             'dependencies = ["uvicorn", "wsproto"]\n')


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    files = {"sst_config.py": CONFIG, "main.py": MAIN, "pyproject.toml": PYPROJECT}
    with project(tmp_path_factory.mktemp("shared"), files) as made:
        made.sst("deploy")
        yield made


def ask(app: Project, path: str, **headers: str) -> tuple[int, str]:
    answer = call(app.outputs()["url"].replace("shared.example.com.localhost", "127.0.0.1") + path,
                  headers={k.replace("_", "-"): v for k, v in headers.items()})
    return answer.status, answer.body


def test_each_rule_leads_to_its_service(app: Project) -> None:
    assert urlsplit(app.outputs()["url"]).hostname == "shared.example.com.localhost"
    assert ask(app, "/") == (200, "Rest")
    assert ask(app, "/", X_Version="2.1") == (200, "Header") and ask(app, "/", X_Version="1") == (200, "Rest")
    assert ask(app, "/?v=2") == (200, "Header") and ask(app, "/?v=3") == (200, "Rest")
    assert ask(app, "/?any=beta7") == (200, "Header")
    assert ask(app, "/", Host="api.example.com.localhost") == (200, "Host")
    assert ask(app, "/", Host="one.shop.example.com.localhost") == (200, "Host")


def test_answers_are_streamed(app: Project) -> None:
    url = urlsplit(app.outputs()["url"])
    assert url.port
    with socket.create_connection(("127.0.0.1", url.port), 20) as line:
        line.sendall(b"GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        got = b""
        while b"part 0;" not in got:
            more = line.recv(4096)
            assert more, got
            got += more
        assert b"part 2;" not in got, "the first part comes before the last one is made"
        while more := line.recv(4096):
            got += more
    assert b"part 2;" in got and b"Rest" in got


def test_a_websocket_goes_through(app: Project) -> None:
    import websockets

    async def talk() -> list[str]:
        url = app.outputs()["url"].replace("http://shared.example.com.localhost", "ws://127.0.0.1")
        async with websockets.connect(url + "/socket", additional_headers={"X-Version": "2"}) as line:
            said = []
            for text in ("one", "two" * 20_000):
                await line.send(text)
                said.append(str(await line.recv()))
        return said

    first, second = asyncio.run(talk())
    assert first == "Header one" and second == "Header " + "two" * 20_000
    eventually(lambda: "closed 1000" in " ".join(
        e["message"] for g in app.client("logs").describe_log_groups()["logGroups"]
        if g["logGroupName"].endswith("/Header/Header")
        for e in app.client("logs").filter_log_events(logGroupName=g["logGroupName"])["events"]))


def test_removal_leaves_nothing(app: Project) -> None:
    app.sst("remove", "--yes")
    elb = app.client("elbv2")
    assert elb.describe_load_balancers()["LoadBalancers"] == [] and elb.describe_target_groups()["TargetGroups"] == []
