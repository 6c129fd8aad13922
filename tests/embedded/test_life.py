"""Start, stop, crash, reset: with real processes."""
from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sst.embedded import cloud as embedded
from sst.embedded import environment
from sst.errors import UserError

from .test_emulator import client, raw

pytestmark = pytest.mark.emulator


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    embedded.reset(tmp_path)


def gone(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 20
    while not gone(pid):
        assert time.monotonic() < deadline, "the process did not end"
        time.sleep(0.02)


def test_a_cloud_that_nobody_waited_for_is_found(root: Path) -> None:
    """A command may end, or be killed, while the cloud starts."""
    code = "import os, sys; from pathlib import Path; from sst.embedded import cloud; " \
           "cloud.start(Path(sys.argv[1]), environment=os.environ)"
    starter = subprocess.Popen([sys.executable, "-c", code, str(root)])
    while not (embedded.folder_of(root) / "run.lock").exists():
        assert starter.poll() is None
    starter.kill()
    starter.wait()
    made = embedded.start(root, environment=os.environ)
    assert (found := embedded.status(root)) and found.cloud == made


def test_start_status_stop_reset(root: Path) -> None:
    assert embedded.status(root) is None
    assert embedded.stop(root) is False
    first = embedded.start(root, environment=os.environ)
    client(first, "sqs").create_queue(QueueName="kept")
    found = embedded.status(root)
    assert found and found.cloud == first and found.current and found.iam
    said: list[str] = []
    assert embedded.start(root, environment=os.environ, note=said.append) == first and said == []
    assert embedded.stop(root) is True
    assert gone(first.pid) and embedded.status(root) is None
    second = embedded.start(root, environment=os.environ)
    assert (second.endpoint, second.access_key) == (first.endpoint, first.access_key)
    assert client(second, "sqs").list_queues()["QueueUrls"]
    embedded.reset(root)
    assert gone(second.pid) and not first.folder.exists()
    third = embedded.start(root, environment=os.environ)
    assert third.access_key != first.access_key
    assert not client(third, "sqs").list_queues().get("QueueUrls")


def test_two_starts_at_once_give_one_cloud(root: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        clouds = list(pool.map(lambda _: embedded.start(root, environment=os.environ), range(4)))
    assert len(set(clouds)) == 1


def test_another_region_restarts_it_with_everything_there(root: Path) -> None:
    first = embedded.start(root, environment=os.environ)
    client(first, "ssm").put_parameter(Name="/kept", Value="1", Type="String")
    second = embedded.start(root, region="eu-west-1", environment=os.environ)
    assert gone(first.pid) and second.region == "eu-west-1"


def test_permission_checks_can_be_switched_off(root: Path) -> None:
    cloud = embedded.start(root, iam=False, environment=os.environ)
    found = embedded.status(root)
    assert found and not found.iam
    client(cloud, "sqs", access_key="AKIAANYBODY", secret_key="x").create_queue(QueueName="open")
    assert raw(cloud, "POST", "/_ministack/reset", {})[0] == 403
    assert raw(cloud, "GET", "/", {"origin": "http://evil.example"})[0] == 403


def test_it_ends_when_its_folder_is_deleted(root: Path) -> None:
    cloud = embedded.start(root, environment=os.environ)
    shutil.rmtree(cloud.folder)
    wait_until_gone(cloud.pid)


@pytest.mark.slow
@pytest.mark.long
def test_nothing_answered_is_lost_by_kill_9_under_load(root: Path) -> None:
    cloud = embedded.start(root, environment=os.environ)
    answered: list[str] = []
    enough = threading.Event()
    client(cloud, "s3").create_bucket(Bucket="load")
    client(cloud, "dynamodb").create_table(
        TableName="load", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])

    def work(number: int) -> None:
        sqs, iam, table, s3 = (client(cloud, name) for name in ("sqs", "iam", "dynamodb", "s3"))
        for step in range(1000):
            name = f"x{number}-{step}"
            try:
                sqs.create_queue(QueueName=name)
                iam.create_role(RoleName=name, AssumeRolePolicyDocument='{"Version":"2012-10-17","Statement":[]}')
                table.put_item(TableName="load", Item={"id": {"S": name}})
                s3.put_object(Bucket="load", Key=name, Body=name.encode())
            except Exception:
                return
            answered.append(name)
            if len(answered) > 60:
                enough.set()

    workers = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for worker in workers:
        worker.start()
    assert enough.wait(60)
    os.kill(cloud.pid, signal.SIGKILL)
    for worker in workers:
        worker.join()
    again = embedded.start(root, environment=os.environ)
    assert again.endpoint == cloud.endpoint and again.pid != cloud.pid

    def pages(service: str, call: str, **arguments: str) -> list[dict[str, Any]]:
        return list(client(again, service).get_paginator(call).paginate(**arguments))

    queues = {url.rsplit("/", 1)[1] for page in pages("sqs", "list_queues") for url in page["QueueUrls"]}
    roles = {role["RoleName"] for page in pages("iam", "list_roles") for role in page["Roles"]}
    items = {item["id"]["S"] for page in pages("dynamodb", "scan", TableName="load") for item in page["Items"]}
    keys = {found["Key"] for page in pages("s3", "list_objects_v2", Bucket="load") for found in page["Contents"]}
    for kept in (queues, roles, items, keys):
        assert set(answered) <= kept


@pytest.mark.long
@pytest.mark.parametrize("place", [0, 0.5, 0.97], ids=["head", "middle", "end"])
def test_damaged_state_is_never_overwritten(root: Path, place: float) -> None:
    cloud = embedded.start(root, environment=os.environ)
    for n in range(20):
        client(cloud, "sqs").create_queue(QueueName=f"kept{n}")
    embedded.stop(root)
    file = cloud.folder / "state" / "state.db"
    whole = file.read_bytes()
    at = int(len(whole) * place) // 4096 * 4096
    broken = whole[:at] + os.urandom(4096) + whole[at + 4096:]
    file.write_bytes(broken)
    with pytest.raises(UserError, match=r"state\.db is damaged"):
        embedded.start(root, environment=os.environ)
    assert file.read_bytes() == broken
    file.write_bytes(whole[:-4096])
    with pytest.raises(UserError, match=r"state\.db is damaged"):
        embedded.start(root, environment=os.environ)
    file.write_bytes(whole)
    assert client(embedded.start(root, environment=os.environ), "sqs").list_queues()["QueueUrls"]


@pytest.mark.long
def test_state_of_a_newer_version_is_refused(root: Path) -> None:
    cloud = embedded.start(root, environment=os.environ)
    embedded.stop(root)
    file = cloud.folder / "state" / "state.db"
    with contextlib.closing(sqlite3.connect(file)) as line, line:
        line.execute("update meta set value = '2' where name = 'format'")
    whole = file.read_bytes()
    with pytest.raises(UserError, match="newer version"):
        embedded.start(root, environment=os.environ)
    assert file.read_bytes() == whole


@pytest.mark.slow
def test_offline_without_the_environment_says_what_is_missing(tmp_path: Path) -> None:
    nowhere = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "UV_OFFLINE": "1",
               "UV_CACHE_DIR": str(tmp_path / "empty")}
    with pytest.raises(UserError) as raised:
        environment.ensure(nowhere, note=lambda text: None)
    assert "embedded cloud" in raised.value.message
    assert "sst deploy --stage local" in raised.value.hint
