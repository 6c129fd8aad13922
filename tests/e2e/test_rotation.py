"""New passwords of databases and caches on stage ``local``: real servers, a real `sst`, a kill in the middle."""
from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from sst.embedded.services.mariadb import find_mariadbd
from sst.errors import UserError

from .project import SST, Project, project

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.long]

CONFIG = '''
import sst
from sst import aws

def config(input):
    return sst.Config(name="shop")

def run():
    vpc = aws.Vpc("MyVpc", az=2)
    db = aws.Postgres("MyDB", vpc=vpc)
    cache = aws.Redis("MyCache", vpc=vpc, engine="valkey", version="8.1", cluster=False)
    aws.Function("Api", handler="app.handler", link=[db, cache])
'''
APP = '''
import socket, ssl
import pg8000.dbapi
from sst import Resource

def postgres(password):
    db = Resource.MyDB
    try:
        pg8000.dbapi.connect(user=db.username, password=password, host=db.host, port=db.port,
                             database=db.database).close()
    except pg8000.dbapi.DatabaseError as error:
        return error.args[0]["M"]
    return "ok"

def valkey(password):
    cache = Resource.MyCache
    with socket.create_connection((cache.host, cache.port), 5) as plain, ssl.create_default_context().wrap_socket(
            plain, server_hostname=cache.host) as line:
        line.sendall(f"AUTH {password}\\r\\n".encode())
        return line.recv(100).decode().strip()

def handler(event, context):
    """What the servers say to the function's own passwords, and to those in the event."""
    own = [Resource.MyDB.password, Resource.MyCache.password]
    tried = [own, *(event or [])]
    return {"passwords": own, "db": [postgres(db) for db, _ in tried], "cache": [valkey(cache) for _, cache in tried]}
'''


REFUSED = 'password authentication failed for user "postgres"'
WRONG = "-WRONGPASS invalid username-password pair or user is disabled."


def test_a_rotation_reaches_all_users_and_ends_the_former_password(tmp_path: Path) -> None:
    with project(tmp_path, {"sst_config.py": CONFIG, "app.py": APP, "requirements.txt": "pg8000\n"}) as shop:
        shop.sst("deploy")
        first = shop.invoke("Api")
        assert (first["db"], first["cache"]) == (["ok"], ["+OK"])

        said = shop.run("rotate", "MyDB")
        assert said.returncode == 0, said.stdout + said.stderr
        second = shop.invoke("Api", [first["passwords"]])
        assert second["db"] == ["ok", REFUSED] and second["passwords"][1] == first["passwords"][1]
        assert second["passwords"][0] not in said.stdout + said.stderr
        assert "no changes" in shop.sst("deploy"), "the next deploy keeps it"
        back = shop.run("rollback", "--yes")
        assert "MyDB keeps its present password" in back.stderr

        shop.sst("rotate", "MyCache", "--keep-former")
        third = shop.invoke("Api", [first["passwords"]])
        assert third["db"] == ["ok", REFUSED] and third["cache"] == ["+OK", "+OK"]
        assert "no longer takes its former password" in shop.run("rotate", "MyCache").stderr

        kill_once_the_server_changes(shop)
        shop.sst("deploy")
        last = shop.invoke("Api", [first["passwords"], third["passwords"]])
        assert last["db"] == ["ok", REFUSED, REFUSED] and last["cache"] == ["+OK", WRONG, WRONG]

        for name, words in (("Api", 'no password was generated for "Api"'), ("MyDb", 'did you mean "MyDB"')):
            refused = shop.run("rotate", name)
            assert refused.returncode == 1 and words in refused.stderr


def kill_once_the_server_changes(shop: Project) -> None:
    """``kill -9`` of a rotation while the server gets its new password."""
    process = subprocess.Popen([SST, "rotate", "MyDB", "--verbose"], cwd=shop.root, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True,
                               env={k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SST_"))}
                               | {"SST_STAGE": "local"})
    rds, deadline = shop.client("rds"), time.monotonic() + 60
    while rds.describe_db_instances()["DBInstances"][0]["DBInstanceStatus"] != "modifying":
        assert time.monotonic() < deadline and process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


SQL_CONFIG = '''
import sst
from sst import aws

def config(input):
    return sst.Config(name="shop")

def run():
    vpc = aws.Vpc("MyVpc", az=2)
    one = aws.Mysql("One", vpc=vpc)
    two = aws.Aurora("Two", engine="mysql", vpc=vpc)
    three = aws.Aurora("Three", engine="postgres", vpc=vpc)
    aws.Function("Api", handler="app.handler", link=[one, two, three])
'''
SQL_APP = '''
import pg8000.dbapi
import pymysql
from sst import Resource

NAMES = ("One", "Two", "Three")

def connects(name, password):
    db = Resource[name]
    module = pg8000.dbapi if db.port == 5432 or "postgresql" in db.connectionString else pymysql
    try:
        module.connect(user=db.username, password=password, host=db.host, port=db.port, database=db.database).close()
    except module.Error:
        return False
    return True

def handler(event, context):
    """The function's own passwords, and whether the servers take these, and those in the event."""
    own = [Resource[n].password for n in NAMES]
    return {"passwords": own, "own": [connects(n, p) for n, p in zip(NAMES, own)],
            "given": [connects(n, p) for n, p in zip(NAMES, event or ())]}
'''


def test_mysql_and_aurora_take_the_new_password_and_refuse_the_former(tmp_path: Path) -> None:
    try:
        find_mariadbd(os.environ)
    except UserError as missing:
        pytest.skip(str(missing))
    with project(tmp_path, {"sst_config.py": SQL_CONFIG, "app.py": SQL_APP,
                            "requirements.txt": "pymysql\npg8000\n"}) as shop:
        shop.sst("deploy")
        before = shop.invoke("Api")
        assert before["own"] == [True] * 3
        for name in ("One", "Two", "Three"):
            shop.sst("rotate", name)
        after = shop.invoke("Api", before["passwords"])
        assert all(a != b for a, b in zip(after["passwords"], before["passwords"], strict=True))
        assert after["own"] == [True] * 3 and after["given"] == [False] * 3
        assert "no changes" in shop.sst("deploy")
