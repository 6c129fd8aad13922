"""Aurora and MySQL on stage ``local``: real servers, a real Data API, real kills."""
from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sst.embedded import cloud as embedded
from sst.embedded.cloud import Cloud
from sst.embedded.environment import ensure_packages
from sst.embedded.services.mariadb import find_mariadbd
from sst.errors import UserError

from .test_durability import crashed
from .test_emulator import client

pytestmark = pytest.mark.emulator
PASSWORD, OTHER = "it's-secret-100%", "another-password"


def has_mariadb() -> bool:
    try:
        return bool(find_mariadbd(os.environ))
    except UserError:
        return False


needs_mariadb = pytest.mark.skipif(not has_mariadb(), reason="mariadbd is not on this machine")


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    embedded.reset(tmp_path)


def settled(cloud: Cloud, name: str) -> dict[str, Any]:
    rds, deadline = client(cloud, "rds"), time.monotonic() + 60
    while True:
        found = dict(rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0])
        if found["Status"] not in ("creating", "modifying"):
            return found
        assert time.monotonic() < deadline
        time.sleep(0.05)


def create(cloud: Cloud, engine: str, **more: Any) -> dict[str, Any]:
    rds = client(cloud, "rds")
    rds.create_db_cluster(DBClusterIdentifier="main", Engine=engine, MasterUsername="root", DatabaseName="shop",
                          MasterUserPassword=PASSWORD, EnableHttpEndpoint=True, ServerlessV2ScalingConfiguration={
                              "MinCapacity": 0, "MaxCapacity": 4, "SecondsUntilAutoPause": 600}, **more)
    made = settled(cloud, "main")
    for name in ("writer", "copy"):
        rds.create_db_instance(DBInstanceIdentifier=name, DBClusterIdentifier="main", Engine=engine,
                               DBInstanceClass="db.serverless")
    return made


class Data:
    """The Data API of a cluster."""

    def __init__(self, cloud: Cloud, arn: str, password: str = PASSWORD) -> None:
        self.client = client(cloud, "rds-data")
        text = f'{{"username": "root", "password": "{password}"}}'
        secret = client(cloud, "secretsmanager").create_secret(Name=f"k-{time.monotonic_ns()}", SecretString=text)
        self.where = {"resourceArn": arn, "database": "shop", "secretArn": secret["ARN"]}

    def __call__(self, sql: str, transaction: str = "", **values: Any) -> list[Any]:
        kinds = {str: "stringValue", int: "longValue", bool: "booleanValue"}
        more = {"transactionId": transaction} if transaction else {}
        answer = self.client.execute_statement(**self.where, sql=sql, **more, parameters=[
            {"name": k, "value": {kinds[type(v)]: v}} for k, v in values.items()])
        return [[next(iter(field.values())) for field in row] for row in answer["records"]]


def check(cloud: Cloud, made: dict[str, Any]) -> None:
    data = Data(cloud, made["DBClusterArn"])
    assert data("create table t (id int primary key, name varchar(20))") == []
    data("insert into t values (:id, :name)", id=1, name="100% o'hara")
    assert data("select name from t where id = :id and name like '100%'", id=1) == [["100% o'hara"]]
    begun = data.client.begin_transaction(**data.where)["transactionId"]
    data("insert into t values (2, 'lost')", begun)
    data.client.rollback_transaction(transactionId=begun, **{k: data.where[k] for k in ("resourceArn", "secretArn")})
    assert data("select count(*) from t") == [[1]]
    with pytest.raises(ClientError, match=r"(?i)nothing_there"):
        data("select * from nothing_there")
    with pytest.raises(ClientError, match=r"(?i)denied|authentication"):
        Data(cloud, made["DBClusterArn"], OTHER)("select 1")


@pytest.mark.long
def test_a_cluster_is_a_server_and_its_data_api_is_real(root: Path) -> None:
    cloud = embedded.start(root, environment=os.environ)
    made = create(cloud, "aurora-postgresql", EngineVersion="17")
    assert made["Endpoint"] == made["ReaderEndpoint"] == "127.0.0.1"
    assert made["ServerlessV2ScalingConfiguration"]["SecondsUntilAutoPause"] == 600
    for one in client(cloud, "rds").describe_db_instances()["DBInstances"]:
        assert one["Endpoint"]["Port"] == made["Port"]
    check(cloud, made)
    cloud = crashed(cloud)
    os.kill(int((cloud.folder / "services/aurora/main/pid").read_text()), signal.SIGKILL)
    cloud = crashed(cloud)
    again = settled(cloud, "main")
    assert again["Port"] == made["Port"] and Data(cloud, made["DBClusterArn"])("select id from t") == [[1]]
    rds = client(cloud, "rds")
    rds.modify_db_cluster(DBClusterIdentifier="main", MasterUserPassword=OTHER, ApplyImmediately=True)
    settled(cloud, "main")
    assert Data(cloud, made["DBClusterArn"], OTHER)("select id from t") == [[1]]
    for name in ("copy", "writer"):
        rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
    rds.delete_db_cluster(DBClusterIdentifier="main", SkipFinalSnapshot=True)
    assert not (cloud.folder / "services/aurora/main").exists()


@needs_mariadb
@pytest.mark.long
def test_aurora_for_mysql_is_mariadb(root: Path) -> None:
    cloud = embedded.start(root, environment=os.environ)
    check(cloud, create(cloud, "aurora-mysql", EngineVersion="8.0.mysql_aurora.3.08.0"))


@needs_mariadb
@pytest.mark.long
def test_mysql_lives_through_kills_and_another_password(root: Path) -> None:
    cloud = embedded.start(root, environment=os.environ)
    rds = client(cloud, "rds")
    rds.create_db_instance(DBInstanceIdentifier="main", Engine="mysql", EngineVersion="8.4", AllocatedStorage=20,
                           DBInstanceClass="db.t4g.micro", MasterUsername="admin_of_it", MasterUserPassword=PASSWORD,
                           DBName="shop")
    made = instance(cloud)
    assert sql(made, "create table t (v json); insert into t values ('[1]'); select v from t") == "[1]"
    assert "denied" in sql(made, "select 1", OTHER) and "denied" in sql(made, "select 1", "", user="root")
    folder = cloud.folder / "services/mysql/main"
    assert PASSWORD not in Path(f"/proc/{(folder / 'pid').read_text().strip()}/cmdline").read_text()
    os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
    cloud = crashed(cloud)
    assert sql(instance(cloud), "select v from t") == "[1]"
    client(cloud, "rds").modify_db_instance(DBInstanceIdentifier="main", MasterUserPassword=OTHER,
                                            ApplyImmediately=True)
    assert sql(instance(cloud), "select v from t", OTHER) == "[1]" and "denied" in sql(instance(cloud), "select 1")
    client(cloud, "rds").delete_db_instance(DBInstanceIdentifier="main", SkipFinalSnapshot=True)
    assert not folder.exists()


def test_without_its_program_mysql_is_refused_with_the_name_of_the_package() -> None:
    with pytest.raises(UserError) as raised:
        find_mariadbd({"PATH": "/nowhere"}, folders=())
    assert "mariadbd" in raised.value.message and "mariadb-server-core" in str(raised.value.hint)


def instance(cloud: Cloud) -> dict[str, Any]:
    rds, deadline = client(cloud, "rds"), time.monotonic() + 60
    while True:
        found = dict(rds.describe_db_instances(DBInstanceIdentifier="main")["DBInstances"][0])
        if found["DBInstanceStatus"] not in ("creating", "modifying"):
            assert found["DBInstanceStatus"] == "available", found
            return found
        assert time.monotonic() < deadline
        time.sleep(0.05)


_QUERY = """
import sys
import pymysql
port, user, password, text = sys.argv[1:]
try:
    with pymysql.connect(host="127.0.0.1", port=int(port), user=user, password=password, database="shop",
                         autocommit=True) as line, line.cursor() as cursor:
        for one in text.split(";"):
            cursor.execute(one)
        print(*[row[0] for row in cursor.fetchall()])
except pymysql.Error as error:
    print(error)
"""


def sql(made: dict[str, Any], text: str, password: str = PASSWORD, user: str = "admin_of_it") -> str:
    folder = ensure_packages("data_api", os.environ)
    ran = subprocess.run(["python3", "-c", _QUERY, str(made["Endpoint"]["Port"]), user, password, text],
                         env={"PYTHONPATH": str(folder), "PATH": os.environ["PATH"]}, capture_output=True, text=True,
                         check=True)
    return ran.stdout.strip()
