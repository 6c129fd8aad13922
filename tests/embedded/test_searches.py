"""OpenSearch on stage ``local``: a real engine with TLS and a password, whose data outlives kills."""
from __future__ import annotations

import base64
import json
import os
import signal
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sst.embedded import cloud as embedded
from sst.embedded.cloud import Cloud

from .test_durability import crashed
from .test_emulator import client

pytestmark = [pytest.mark.emulator, pytest.mark.long]
FIRST, SECOND = "Password-of-tests-1", "Password-of-tests-2"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    embedded.reset(tmp_path)


def settled(cloud: Cloud) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while True:
        found = dict(client(cloud, "opensearch").describe_domain(DomainName="main")["DomainStatus"])
        if not found["Processing"]:
            return found
        assert time.monotonic() < deadline
        time.sleep(0.05)


def said(cloud: Cloud, domain: dict[str, Any], method: str, path: str, body: str = "",
         password: str = FIRST) -> tuple[int, Any]:
    login = base64.b64encode(f"admin:{password}".encode()).decode()
    request = urllib.request.Request(f"https://{domain['Endpoint']}{path}", body.encode() or None, method=method,
                                     headers={"Authorization": f"Basic {login}", "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30, context=ssl.create_default_context(
                cafile=cloud.trust["SSL_CERT_FILE"])) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def found(cloud: Cloud, domain: dict[str, Any], password: str = FIRST) -> dict[str, Any]:
    answer = said(cloud, domain, "POST", "/books/_search", json.dumps({"query": {"match": {"title": "sea"}}}), password)
    assert answer[0] == 200, answer
    return {hit["_id"]: hit["_source"]["title"] for hit in answer[1]["hits"]["hits"]}


def test_a_domain_lives_through_kills_and_another_password(root: Path) -> None:
    cloud = embedded.start(root, environment=os.environ)
    service = client(cloud, "opensearch")
    made = service.create_domain(
        DomainName="main", EngineVersion="OpenSearch_2.17", ClusterConfig={"InstanceType": "t3.small.search"},
        AdvancedSecurityOptions={"Enabled": True, "InternalUserDatabaseEnabled": True,
                                 "MasterUserOptions": {"MasterUserName": "admin", "MasterUserPassword": FIRST}})
    assert made["DomainStatus"]["Processing"] and "Endpoint" not in made["DomainStatus"]
    domain = settled(cloud)
    assert said(cloud, domain, "GET", "/", password=SECOND)[0] == 401
    assert said(cloud, domain, "PUT", "/books", json.dumps({"mappings": {"properties": {
        "title": {"type": "text"}}}}))[0] == 200
    _, first = said(cloud, domain, "POST", "/books/_doc?refresh=true", json.dumps({"title": "the sea"}))
    lines = [{"index": {}}, {"title": "a sea of ice"}, {"create": {"_id": "own"}}, {"title": "sea and sky"},
             {"delete": {"_id": "none"}}]
    _, many = said(cloud, domain, "POST", "/books/_bulk?refresh=true", "".join(f"{json.dumps(x)}\n" for x in lines))
    wanted = {first["_id"]: "the sea", many["items"][0]["index"]["_id"]: "a sea of ice", "own": "sea and sky"}
    assert found(cloud, domain) == wanted
    for body in ({"mappings": {"properties": {"v": {"type": "knn_vector", "dimension": 2}}}},
                 {"query": {"knn": {"v": {"vector": [1, 2], "k": 1}}}}):
        status, why = said(cloud, domain, "PUT" if "mappings" in body else "POST",
                           "/vectors" if "mappings" in body else "/books/_search", json.dumps(body))
        assert status == 400 and "k-NN does not run on stage local" in why

    folder = cloud.folder / "services/opensearch/main"
    pid = int((folder / "pid").read_text())
    assert FIRST not in Path(f"/proc/{pid}/cmdline").read_text()
    assert FIRST.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
    cloud = crashed(cloud)      # the engine outlives it, and is taken over
    assert int((folder / "pid").read_text()) == pid and found(cloud, settled(cloud)) == wanted
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while True:
        try:
            if found(cloud, domain) == wanted:      # at its address, with the ids that it had
                break
        except OSError:
            assert time.monotonic() < deadline

    service = client(cloud, "opensearch")
    service.update_domain_config(DomainName="main", AdvancedSecurityOptions={"MasterUserOptions": {
        "MasterUserName": "admin", "MasterUserPassword": SECOND}})
    domain = settled(cloud)
    assert found(cloud, domain, SECOND) == wanted and said(cloud, domain, "GET", "/")[0] == 401
    service.delete_domain(DomainName="main")
    assert not folder.exists() and service.list_domain_names()["DomainNames"] == []
