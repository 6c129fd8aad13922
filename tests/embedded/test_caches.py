"""ElastiCache on stage ``local``: real Valkey servers with TLS, passwords and the cluster protocol, with real kills."""
from __future__ import annotations

import os
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sst.embedded import cloud as embedded
from sst.embedded.cloud import Cloud

from .test_durability import crashed
from .test_emulator import client

pytestmark = pytest.mark.emulator
TOKEN, OTHER = "a-token-of-the-tests", "another-token-of-tests"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    embedded.reset(tmp_path)


def settled(cloud: Cloud, name: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while True:
        found = dict(client(cloud, "elasticache").describe_replication_groups(
            ReplicationGroupId=name)["ReplicationGroups"][0])
        if found["Status"] not in ("creating", "modifying"):
            return found
        assert time.monotonic() < deadline
        time.sleep(0.05)


def said(cloud: Cloud, endpoint: dict[str, Any], *commands: str, token: str = TOKEN) -> list[str]:
    """What a client is answered that trusts what functions trust."""
    context = ssl.create_default_context(cafile=cloud.trust["SSL_CERT_FILE"])
    answers = []
    with (socket.create_connection((endpoint["Address"], endpoint["Port"]), 5) as plain,
          context.wrap_socket(plain, server_hostname=endpoint["Address"]) as line):
        for command in (f"AUTH {token}", *commands):
            words = command.encode().split()
            line.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
            answers.append(line.recv(4096).decode().strip())
    return answers[1:] if answers[0] == "+OK" else answers


@pytest.mark.long
def test_a_cache_of_the_cluster_protocol_lives_through_kills_and_another_password(root: Path) -> None:
    cloud = embedded.start(root, environment=os.environ)
    cache = client(cloud, "elasticache")
    cache.create_cache_parameter_group(CacheParameterGroupName="on", CacheParameterGroupFamily="redis7",
                                       Description="x")
    cache.modify_cache_parameter_group(CacheParameterGroupName="on", ParameterNameValues=[
        {"ParameterName": "cluster-enabled", "ParameterValue": "yes"},
        {"ParameterName": "maxmemory-policy", "ParameterValue": "allkeys-lru"}])
    made = cache.create_replication_group(
        ReplicationGroupId="main", ReplicationGroupDescription="x", Engine="redis", CacheNodeType="cache.t4g.micro",
        NumNodeGroups=1, ReplicasPerNodeGroup=0, AutomaticFailoverEnabled=True, TransitEncryptionEnabled=True,
        AuthToken=TOKEN, CacheParameterGroupName="on")["ReplicationGroup"]
    assert made["Status"] == "creating" and "ConfigurationEndpoint" not in made
    where = settled(cloud, "main")["ConfigurationEndpoint"]
    assert said(cloud, where, "SET a 1", "CONFIG GET maxmemory-policy")[0] == "+OK"
    assert "allkeys-lru" in said(cloud, where, "CONFIG GET maxmemory-policy")[0]
    slots = said(cloud, where, "CLUSTER SLOTS")[0]
    assert "16383" in slots and f":{where['Port']}" in slots      # clients are sent to the port that speaks TLS
    assert said(cloud, where, "GET a", token=OTHER)[0].startswith("-WRONGPASS")
    with socket.create_connection((where["Address"], where["Port"]), 5) as plain:
        plain.sendall(b"PING\r\n")
        assert not plain.recv(100).startswith(b"+PONG")
    folder = cloud.folder / "services/valkey/main"
    pid = int((folder / "pid").read_text())
    assert TOKEN not in Path(f"/proc/{pid}/cmdline").read_text()

    cloud = crashed(cloud)
    assert int((folder / "pid").read_text()) == pid and said(cloud, where, "GET a") == ["$1\r\n1"]
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while True:
        try:
            if said(cloud, where, "GET a") == ["$1\r\n1"]:
                break
        except OSError:
            assert time.monotonic() < deadline

    client(cloud, "elasticache").modify_replication_group(
        ReplicationGroupId="main", AuthToken=OTHER, AuthTokenUpdateStrategy="ROTATE", ApplyImmediately=True)
    assert settled(cloud, "main")["ConfigurationEndpoint"] == where
    assert [said(cloud, where, "GET a", token=t) for t in (TOKEN, OTHER)] == [["$1\r\n1"]] * 2

    client(cloud, "elasticache").delete_replication_group(ReplicationGroupId="main")
    while client(cloud, "elasticache").describe_replication_groups()["ReplicationGroups"]:
        assert time.monotonic() < deadline + 30
    assert not folder.exists()
    with pytest.raises(OSError):
        said(cloud, where, "PING")


def test_the_authority_is_added_to_what_the_system_trusts(root: Path) -> None:
    cloud = embedded.start(root, environment=os.environ)
    assert cloud.trust == {}
    client(cloud, "elasticache").create_replication_group(
        ReplicationGroupId="one", ReplicationGroupDescription="x", Engine="valkey", CacheNodeType="cache.t4g.micro",
        NumCacheClusters=1, TransitEncryptionEnabled=True, AuthToken=TOKEN)
    where = settled(cloud, "one")["NodeGroups"][0]["PrimaryEndpoint"]
    assert said(cloud, where, "SET a 1", "GET a") == ["+OK", "$1\r\n1"]
    system, both = ssl.create_default_context(), ssl.create_default_context(cafile=cloud.trust["SSL_CERT_FILE"])
    assert len(both.get_ca_certs()) == len(system.get_ca_certs()) + 1
