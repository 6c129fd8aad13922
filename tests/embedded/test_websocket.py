"""A WebSocket API through its front door, with a client of the test's own."""
from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sst.embedded.cloud import Cloud

from .functions import function, permit
from .test_emulator import client

pytestmark = pytest.mark.emulator

CHAT = """
import json, os, time
def handler(event, context):
    context_of = event["requestContext"]
    print("route", context_of["routeKey"])
    if context_of["routeKey"] == "$connect":
        return {"statusCode": 200 if (event.get("queryStringParameters") or {}).get("name") else 401}
    if context_of["eventType"] == "MESSAGE":
        if event["body"].startswith("meet"):
            _, folder, mine = event["body"].split()
            open(os.path.join(folder, mine), "w").close()
            while len(os.listdir(folder)) < 4:
                time.sleep(0.01)
        return {"statusCode": 200, "body": event["body"].upper()}
    return {"statusCode": 200}
"""


class Line:
    """As much of RFC 6455 as a test needs: short text frames."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        assert parts.hostname and parts.port
        self._socket = socket.create_connection((parts.hostname, parts.port), 30)
        wanted = (f"GET {parts.path}?{parts.query} HTTP/1.1", f"host: {parts.netloc}", "upgrade: websocket",
                  "connection: Upgrade",
                  "sec-websocket-version: 13", "sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==", "", "")
        self._socket.sendall("\r\n".join(wanted).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n") and (byte := self._socket.recv(1)):
            head += byte
        self.status = int(head.split(b" ")[1])

    def send(self, text: str) -> None:
        mask, data = os.urandom(4), text.encode()
        self._socket.sendall(struct.pack("!BB", 0x81, 0x80 | len(data)) + mask
                             + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def receive(self) -> str:
        _, length = self._exactly(2)
        return self._exactly(length).decode()

    def close(self) -> None:
        self._socket.close()

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            chunk = self._socket.recv(count - len(data))
            assert chunk, "the line was closed"
            data += chunk
        return data


@pytest.fixture
def chat(cloud: Cloud) -> Iterator[tuple[str, str, str]]:
    """The loopback URL of a chat, its function's name, its API's id."""
    name = function(cloud, CHAT, Timeout=20)
    apis = client(cloud, "apigatewayv2")
    arn = permit(cloud, name, "apigateway")
    api = apis.create_api(Name=name, ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")["ApiId"]
    target = apis.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn)["IntegrationId"]
    for route in ("$connect", "$default", "$disconnect"):
        apis.create_route(ApiId=api, RouteKey=route, Target=f"integrations/{target}")
    apis.create_stage(ApiId=api, StageName="live", AutoDeploy=True)
    yield cloud.address("websocket", f"wss://{api}.execute-api.us-east-1.amazonaws.com/live"), name, api


def test_messages_are_answered_and_do_not_wait_for_each_other(cloud: Cloud, chat: tuple[str, str, str],
                                                              tmp_path: Path) -> None:
    address, name, _ = chat
    assert address.startswith("ws://127.0.0.1:") and address.endswith("/live")
    refused = Line(address)
    assert refused.status == 403
    refused.close()
    line = Line(f"{address}?name=me")
    assert line.status == 101
    line.send("hello")
    assert line.receive() == "HELLO"
    for number in range(4):     # each is answered once all four have come
        line.send(f"meet {tmp_path} {number}")
    assert {line.receive() for _ in range(4)} == {f"MEET {tmp_path} {n}".upper() for n in range(4)}
    line.close()
    logs = client(cloud, "logs")
    deadline, seen = time.monotonic() + 15, ""
    while "$disconnect" not in seen:
        assert time.monotonic() < deadline
        seen = json.dumps([e["message"] for e in logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]])
        time.sleep(0.05)
    assert "$connect" in seen and "$default" in seen
