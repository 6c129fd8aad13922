"""A migration in a session: it runs on start, and when a file of it is saved, new or deleted."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from .live import Dev, get, write

pytestmark = [pytest.mark.slow, pytest.mark.long]

CONFIG = '''
import sst
from sst import aws

def config(input):
    return sst.Config(name="live")

def run():
    db = aws.Postgres("Db", vpc=aws.Vpc("Net", az=2))
    one = aws.Function("One", handler="one.handler", url=True, link=[db])
    aws.Migration("Schema", handler="migrate.handler", files=["db/*.sql"], link=[db], before=[one])
    return {"one": one.url}
'''
ONE = '''
import json
import pg8000.dbapi
from sst import Resource

def cursor():
    db = Resource.Db
    connection = pg8000.dbapi.connect(user=db.username, password=db.password, host=db.host, port=db.port,
                                      database=db.database)
    connection.autocommit = True
    return connection.cursor()

def handler(event, context):
    found = cursor()
    found.execute("select tablename from pg_tables where schemaname = current_schema() order by 1")
    return {"statusCode": 200, "body": json.dumps([row[0] for row in found.fetchall()])}
'''
MIGRATE = '''
from pathlib import Path
from one import cursor

def handler(event, context):
    for file in sorted((Path(__file__).parent / "db").glob("*.sql")):
        cursor().execute(file.read_text())
'''


def test_a_saved_file_of_a_migration_runs_it(tmp_path: Path) -> None:
    dev = Dev(write(tmp_path, {"sst_config.py": CONFIG, "one.py": ONE, "migrate.py": MIGRATE,
                               "requirements.txt": "pg8000\n", "db/1.sql": "create table if not exists one (x int)"}))

    def there() -> list[str]:
        found: list[str] = json.loads(get(dev.url("one"))[1])
        return found

    try:
        dev.until("ready: 1 function", seconds=90)
        assert there() == ["one", "sst_migrations"]
        dev.save("db/2.sql", "create table if not exists two (x int)")
        dev.until(lambda: "two" in there(), seconds=60)
        since = dev.here
        dev.save("db/3.sql", "selekt 1")
        dev.until("syntax error", since=since, seconds=60)
        dev.save("db/3.sql", "create table if not exists three (x int)")
        dev.until(lambda: "three" in there(), seconds=60)
    finally:
        dev.close()
