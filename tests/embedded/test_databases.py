"""RDS on stage ``local``: real PostgreSQL servers, with real kills."""
from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sst.embedded import cloud as embedded
from sst.embedded.cloud import Cloud
from sst.embedded.environment import ensure_program
from sst.embedded.services import unprivileged

from .test_durability import crashed
from .test_emulator import client

pytestmark = pytest.mark.emulator
PASSWORD = "it's \"secret\" 100%"
OTHER = "another-password"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    embedded.reset(tmp_path)


def create(cloud: Cloud, name: str, **more: Any) -> dict[str, Any]:
    client(cloud, "rds").create_db_instance(
        DBInstanceIdentifier=name, Engine="postgres", EngineVersion="17", DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20, MasterUsername="postgres", MasterUserPassword=PASSWORD, DBName="shop", **more)
    return settled(cloud, name)


def settled(cloud: Cloud, name: str) -> dict[str, Any]:
    rds, deadline = client(cloud, "rds"), time.monotonic() + 60
    while True:
        found = dict(rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0])
        if found["DBInstanceStatus"] not in ("creating", "modifying"):
            return found
        assert time.monotonic() < deadline
        time.sleep(0.05)


def sql(database: dict[str, Any], statement: str, password: str = PASSWORD) -> str:
    psql = ensure_program("postgres", os.environ) / "pginstall/bin/psql"
    where = database["Endpoint"]
    ran = subprocess.run([psql, "-h", where["Address"], "-p", str(where["Port"]), "-U", "postgres", "-d", "shop",
                          "-qAtc", statement], env={"PGPASSWORD": password, "PATH": os.environ["PATH"]},
                         capture_output=True, text=True, check=False)
    return (ran.stdout + ran.stderr).strip()


def pid(cloud: Cloud, name: str) -> int:
    return int((cloud.folder / "services/postgres" / name / "pid").read_text())


@pytest.mark.long
def test_a_database_lives_through_kills_and_another_password(root: Path) -> None:
    cloud = embedded.start(root, environment=os.environ)
    made = create(cloud, "main")
    assert made["Endpoint"]["Address"] == "127.0.0.1"
    assert sql(made, "create extension vector; create table t (v vector(2)); insert into t values ('[1,2]')") == ""
    assert "password authentication failed" in sql(made, "select 1", OTHER)
    assert PASSWORD not in Path(f"/proc/{pid(cloud, 'main')}/cmdline").read_text()
    assert PASSWORD.encode() not in Path(f"/proc/{pid(cloud, 'main')}/environ").read_bytes()

    before = pid(cloud, "main")
    cloud = crashed(cloud)      # the server outlives it, and is taken over
    assert pid(cloud, "main") == before and sql(settled(cloud, "main"), "select count(*) from t") == "1"

    os.kill(before, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while sql(made, "select v from t") != "[1,2]":      # on its port
        assert time.monotonic() < deadline
    assert pid(cloud, "main") != before

    client(cloud, "rds").modify_db_instance(DBInstanceIdentifier="main", MasterUserPassword=OTHER,
                                            ApplyImmediately=True)
    again = settled(cloud, "main")
    assert again["Endpoint"] == made["Endpoint"] and sql(again, "select v from t", OTHER) == "[1,2]"
    assert "password authentication failed" in sql(again, "select 1")

    embedded.stop(root)
    cloud = embedded.start(root, environment=os.environ)
    assert sql(settled(cloud, "main"), "select v from t", OTHER) == "[1,2]"
    last = pid(cloud, "main")
    client(cloud, "rds").delete_db_instance(DBInstanceIdentifier="main", SkipFinalSnapshot=True)
    assert not Path(f"/proc/{last}").exists() and not (cloud.folder / "services/postgres/main").exists()
    kept = [x for x in unprivileged.BASE.glob("*.of") if x.read_text().startswith(str(cloud.folder))]
    assert kept == []


@pytest.mark.long
def test_parameters_reach_the_server_and_wrong_ones_fail_the_creation(root: Path) -> None:
    cloud = embedded.start(root, environment=os.environ)
    rds = client(cloud, "rds")
    for name, key, value in (("good", "work_mem", "8192"), ("bad", "shared_preload_libraries", "pg_nothing")):
        rds.create_db_parameter_group(DBParameterGroupName=name, DBParameterGroupFamily="postgres17", Description="x")
        rds.modify_db_parameter_group(DBParameterGroupName=name, Parameters=[
            {"ParameterName": key, "ParameterValue": value, "ApplyMethod": "pending-reboot"}])
    failed = create(cloud, "failing", DBParameterGroupName="bad")
    assert failed["DBInstanceStatus"] == "failed" and "Endpoint" not in failed
    assert "pg_nothing" in failed["StatusInfos"][0]["Message"]
    made = create(cloud, "tuned", DBParameterGroupName="good")
    assert sql(made, "show work_mem") == "8MB"
    rds.modify_db_parameter_group(DBParameterGroupName="good", Parameters=[
        {"ParameterName": "work_mem", "ParameterValue": "16384", "ApplyMethod": "pending-reboot"}])
    assert sql(made, "show work_mem") == "16MB", "once the call is answered"
    replica = rds.create_db_instance_read_replica(DBInstanceIdentifier="copy", SourceDBInstanceIdentifier="tuned")
    assert replica["DBInstance"]["Endpoint"] == made["Endpoint"]
    if os.geteuid() == 0:
        user = subprocess.run(["ps", "-o", "user=", "-p", str(pid(cloud, "tuned"))], capture_output=True, text=True,
                              check=True).stdout.strip()
        assert user == "nobody"
