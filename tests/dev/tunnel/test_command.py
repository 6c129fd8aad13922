"""``sst tunnel`` on a stage in AWS, for which the embedded cloud stands: a real Postgres behind a real SSH server."""
from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import asyncssh
import pytest

from sst.embedded.cloud import Cloud

from ...clouds.aws.stand_in import Answer, StandIn, stand_in
from ..live import SST, Dev, environment, write
from .bastion import bastion

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.emulator]

AT = "127.0.0.77"
"""Stands for the bastion's public address."""
CONFIG = '''
import sst
from sst import aws

def config(input):
    return sst.Config(name="tunnelled", region="us-east-1", removal="remove")

def run():
    vpc = aws.Vpc("MyVpc", bastion=True)
    db = aws.Postgres("MyDB", vpc=vpc)
    sst.DevCommand("Ask", dev={"command": "python3 ask.py"}, link=[db])
    return {"host": db.host, "port": db.port}
'''
ASK = '''
import json, os
link = json.loads(os.environ["SST_RESOURCE_MyDB"])
print(link["host"], link["port"])
os.execvp("psql", ["psql", link["connectionString"], "-Atc", "select current_database(), 6 * 7"])
'''


@dataclass
class Aws:
    """What EC2 says of the bastion, and what EC2 Instance Connect was given."""

    host_key: str
    keys: list[str] = field(default_factory=list)

    def answer(self, body: bytes) -> Answer:
        xml = {"Content-Type": "text/xml"}
        if body.startswith(b"{"):
            self.keys.append(json.loads(body)["SSHPublicKey"])
            return Answer(body={"RequestId": "r", "Success": True})
        if parse_qs(body.decode())["Action"] == ["GetConsoleOutput"]:
            text = f"cloud-init: -----BEGIN SSH HOST KEY KEYS-----\r\nci: {self.host_key} root@ip\r\n" \
                   "-----END SSH HOST KEY KEYS-----\r\n"
            return Answer(body=f"<GetConsoleOutputResponse><output>{b64encode(text.encode()).decode()}</output>"
                               "</GetConsoleOutputResponse>".encode(), headers=xml)
        return Answer(body="<DescribeInstancesResponse><reservationSet><item><instancesSet><item>"
                           f"<instanceState><name>running</name></instanceState><ipAddress>{AT}</ipAddress>"
                           "</item></instancesSet></item></reservationSet></DescribeInstancesResponse>".encode(),
                      headers=xml)


@contextlib.contextmanager
def behind(host: str, port: int, key: asyncssh.SSHKey, aws: Aws) -> Iterator[None]:
    """A bastion at port 22 of its address, from which ``host`` is reached."""
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    failed: list[Exception] = []

    async def serve() -> None:
        try:
            async with bastion({(host, port): port}, port=22, address=AT, key=key, allowed=lambda: aws.keys):
                ready.set()
                await stop.wait()
        except OSError as error:
            failed.append(error)
            ready.set()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        ready.wait(10)
        if failed:
            pytest.skip(f"port 22 of {AT} can't be bound here: {failed[0]}")
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


@pytest.fixture(scope="module")
def deployed(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    root = write(tmp_path_factory.mktemp("app"), {"sst_config.py": CONFIG, "ask.py": ASK})
    given = environment(SST_STAGE="dev", AWS_ENDPOINT_URL=cloud.endpoint, AWS_ACCESS_KEY_ID=cloud.access_key,
                        AWS_SECRET_ACCESS_KEY=cloud.secret_key)

    def sst(*words: str) -> None:
        made = subprocess.run([SST, *words], cwd=root, env=given, capture_output=True, text=True, timeout=200)
        assert made.returncode == 0, made.stdout + made.stderr

    sst("deploy")
    yield root, given
    sst("remove", "--yes")


@pytest.fixture
def there(deployed: tuple[Path, dict[str, str]]) -> Iterator[tuple[Path, dict[str, str], Aws]]:
    root, given = deployed
    outputs = json.loads((root / ".sst/outputs.json").read_text())
    key = asyncssh.generate_private_key("ssh-ed25519")
    aws = Aws(key.export_public_key().decode().strip())
    service: list[StandIn] = []
    with stand_in(lambda n: aws.answer(service[0].requests[n][3])) as made, \
            behind(outputs["host"], outputs["port"], key, aws):
        service.append(made)
        (root / ".sst/tunnel/dev/hosts.json").unlink(missing_ok=True)
        yield root, {**given, "AWS_ENDPOINT_URL_EC2": made.url, "AWS_ENDPOINT_URL_EC2_INSTANCE_CONNECT": made.url}, aws


def test_a_command_reaches_the_database_by_its_links(there: tuple[Path, dict[str, str], Aws]) -> None:
    root, given, aws = there
    made = subprocess.run([SST, "tunnel", "--", "python3", "ask.py"], cwd=root, env=given, capture_output=True,
                          text=True, timeout=60)
    assert made.returncode == 0, made.stdout + made.stderr
    address, answer = made.stdout.splitlines()
    assert re.fullmatch(r"127\.0\.0\.1 \d+", address) and answer == "tunnelled|42"
    assert "MyDB: " in made.stderr and len(aws.keys) == 1


def test_it_shows_what_leads_where_until_it_is_ended(there: tuple[Path, dict[str, str], Aws]) -> None:
    root, given, _ = there
    process = subprocess.Popen([SST, "tunnel", "--json"], cwd=root, env=given, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    with process:
        opened: dict[str, Any] = json.loads(process.stdout.readline())
        assert opened["networks"][0]["address"] == AT and "10.0.0.0/22" in opened["networks"][0]["ranges"]
        forward, = opened["forwards"]
        assert forward["name"] == "MyDB" and opened["socks"].startswith("socks5h://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_a_session_opens_it_by_itself(there: tuple[Path, dict[str, str], Aws]) -> None:
    root, given, _ = there
    dev = Dev(root, **given)
    try:
        dev.until("MyVpc: connected to the bastion at")
        dev.until("tunnelled|42")
        assert dev.interrupt() == 0
    finally:
        dev.kill()
