"""A database, its migrations and a function that uses it, on stage ``local``: real servers, real `sst`."""
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

pytestmark = [pytest.mark.emulator, pytest.mark.slow]

CONFIG = '''
import sst
from sst import aws

def config(input):
    return sst.Config(name="shop")

def run():
    vpc = aws.Vpc("MyVpc", az=2)
    db = aws.Postgres("MyDB", vpc=vpc)
    api = aws.Function("Api", handler="app.handler", link=[db])
    aws.Migration("Schema", handler="migrate.handler", files=["steps/*.sql"], link=[db], before=[api])
'''
APP = '''
import pg8000.dbapi
from sst import Resource

def connected():
    db = Resource.MyDB
    return pg8000.dbapi.connect(user=db.username, password=db.password, host=db.host, port=db.port,
                                database=db.database)

def handler(event, context):
    cursor = connected().cursor()
    cursor.execute("select step from steps order by at")
    return {"version": 1, "steps": [row[0] for row in cursor.fetchall()]}
'''
MIGRATE = '''
import time
from pathlib import Path
from app import connected

def handler(event, context):
    connection = connected()
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("create table if not exists steps (step text, at timestamptz default clock_timestamp())")
    for file in sorted((Path(__file__).parent / "steps").glob("*.sql")):
        cursor.execute("select count(*) from steps where step = %s", (file.name,))
        if not cursor.fetchone()[0] or file.name == "slow.sql":
            cursor.execute("insert into steps (step) values (%s)", (file.name,))
            cursor.execute(file.read_text())
'''


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.write({"sst_config.py": CONFIG, "app.py": APP, "migrate.py": MIGRATE, "requirements.txt": "pg8000\n",
                "steps/1.sql": "select 1"})
    return made


@pytest.mark.long
def test_a_migration_comes_before_new_code_and_never_twice(shop: Project) -> None:
    try:
        shop.sst("deploy", "--stage", "local")
        assert shop.invoke("Api") == {"version": 1, "steps": ["1.sql"]}
        assert "no changes" in shop.sst("deploy", "--stage", "local")

        shop.write({"steps/2.sql": "selekt 1", "app.py": APP.replace('"version": 1', '"version": 2')})
        assert "steps/2.sql" in shop.sst("diff", "--stage", "local")
        failed = shop.run("deploy", "--stage", "local")
        assert failed.returncode == 2 and "syntax error" in failed.stdout + failed.stderr
        assert shop.invoke("Api")["version"] == 1       # the old code goes on serving

        shop.write({"steps/2.sql": "select 2", "steps/slow.sql": "select pg_sleep(8)"})
        kill_while_it_runs(shop)
        assert shop.invoke("Api")["version"] == 1
        deadline = time.monotonic() + 90
        while (last := shop.run("deploy", "--stage", "local")).returncode:
            assert "still running" in last.stdout + last.stderr and time.monotonic() < deadline
        assert shop.invoke("Api") == {"version": 2, "steps": ["1.sql", "2.sql", "slow.sql"]}
        assert "deleted" in shop.sst("remove", "--stage", "local", "--yes")
    finally:
        shop.run("local", "reset", "--yes")


MYSQL_APP = '''
import pymysql
from sst import Resource

def connected():
    db = Resource.MyDB
    return pymysql.connect(user=db.username, password=db.password, host=db.host, port=db.port, database=db.database,
                           autocommit=True)

def handler(event, context):
    cursor = connected().cursor()
    cursor.execute("select step from steps order by id")
    return [row[0] for row in cursor.fetchall()]
'''
MYSQL_MIGRATE = '''
from pathlib import Path
from app import connected

def main():
    cursor = connected().cursor()
    cursor.execute("create table if not exists steps (id int auto_increment primary key, step varchar(99))")
    for file in sorted((Path(__file__).parent / "steps").glob("*.sql")):
        cursor.execute(file.read_text())
        cursor.execute("insert into steps (step) values (%s)", (file.name,))

if __name__ == "__main__":
    main()
'''


@pytest.mark.long
def test_a_command_migrates_mysql_and_a_rollback_says_what_stays(tmp_path: Path) -> None:
    try:
        find_mariadbd(os.environ)
    except UserError as missing:
        pytest.skip(str(missing))
    run = 'run="python migrate.py", files=["steps/*.sql", "migrate.py"]'
    with project(tmp_path, {"sst_config.py": CONFIG.replace("aws.Postgres", "aws.Mysql").replace(
            'handler="migrate.handler", files=["steps/*.sql"]', run), "app.py": MYSQL_APP, "migrate.py": MYSQL_MIGRATE,
            "requirements.txt": "pymysql\n", "steps/1.sql": "do 1"}) as shop:
        shop.sst("deploy")
        assert shop.invoke("Api") == ["1.sql"]
        assert "no changes" in shop.sst("deploy")

        shop.write({"steps/2.sql": "selekt 1"})
        failed = shop.run("deploy")
        assert failed.returncode == 2 and "SQL syntax" in failed.stdout + failed.stderr
        assert shop.invoke("Api") == ["1.sql", "1.sql"], "what was done before the error stays, as in any command"
        shop.write({"steps/2.sql": "do 2", "app.py": MYSQL_APP + "# new\n"})
        shop.sst("deploy")
        assert shop.invoke("Api")[-2:] == ["1.sql", "2.sql"]

        back = shop.run("rollback", "--yes")
        assert back.returncode == 0 and "Schema stays done, and a rollback does not undo it: steps/2.sql" in back.stderr
        assert shop.invoke("Api")[-2:] == ["1.sql", "2.sql"]


COMMAND = """
import sys
from pathlib import Path
from app import connected

def main():
    connection = connected()
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("create table if not exists steps (step text, at timestamptz default clock_timestamp())")
    for file in sorted((Path(__file__).parent / "steps").glob("*.sql")):
        cursor.execute("select count(*) from steps where step = %s", (file.name,))
        if not cursor.fetchone()[0]:
            cursor.execute("insert into steps (step) values (%s)", (file.name,))
            cursor.execute(file.read_text())
    if (Path(__file__).parent / "steps/bad.sql").exists():
        print("this will not do", flush=True)
        sys.exit(3)

if __name__ == "__main__":
    main()
"""


@pytest.mark.long
def test_a_command_is_a_task_that_runs_once_and_its_failure_is_told(tmp_path: Path) -> None:
    run = 'run="python migrate.py", files=["steps/*.sql", "migrate.py"]'
    with project(tmp_path, {"sst_config.py": CONFIG.replace('handler="migrate.handler", files=["steps/*.sql"]', run),
                            "app.py": APP, "migrate.py": COMMAND, "requirements.txt": "pg8000\n",
                            "steps/1.sql": "select 1"}) as shop:
        shop.sst("deploy")
        assert shop.invoke("Api")["steps"] == ["1.sql"]
        assert "no changes" in shop.sst("deploy")

        shop.write({"steps/bad.sql": "select 1", "app.py": APP.replace('"version": 1', '"version": 2')})
        failed = shop.run("deploy")
        assert failed.returncode == 2 and "failed with exit code 3" in failed.stdout + failed.stderr
        assert "this will not do" in failed.stdout + failed.stderr
        assert shop.invoke("Api")["version"] == 1       # the old code goes on serving

        (tmp_path / "steps/bad.sql").unlink()
        shop.write({"steps/slow.sql": "select pg_sleep(8)"})
        kill_while_it_runs(shop)
        deadline = time.monotonic() + 90
        while (last := shop.run("deploy")).returncode:
            assert "still running" in last.stdout + last.stderr and time.monotonic() < deadline
        assert shop.invoke("Api") == {"version": 2, "steps": ["1.sql", "bad.sql", "slow.sql"]}


def kill_while_it_runs(shop: Project) -> None:
    """``kill -9`` of a deploy once its migration is under way."""
    process = subprocess.Popen([SST, "deploy", "--stage", "local"], cwd=shop.root, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True,
                               env={k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SST_"))})
    deadline = time.monotonic() + 90
    while process.poll() is None and "slow.sql" not in shop.run("invoke", "Api").stdout:
        assert time.monotonic() < deadline
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
