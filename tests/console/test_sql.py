"""Databases of stage ``local``: tables, rows, queries that change nothing, and changes that were agreed to."""
from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sst.clouds.aws.browse.browsers import BROWSERS
from sst.clouds.aws.browse.calls import Calls
from sst.clouds.aws.browse.database import ROWS
from sst.clouds.aws.client import Aws
from sst.clouds.aws.provider import AwsProvider
from sst.core.browse import Browser
from sst.core.model import State
from sst.embedded import statements
from sst.embedded.cloud import Cloud
from sst.errors import UserError
from tests.embedded.test_clusters import needs_mariadb

pytestmark = [pytest.mark.emulator, pytest.mark.long]
PASSWORD = "it's-secret-100%"
KINDS = ["postgres", "aurora-postgresql", pytest.param("mariadb", marks=needs_mariadb)]


@pytest.fixture(scope="module")
def aws(cloud: Cloud) -> Iterator[Aws]:
    with Aws(region=cloud.region, endpoint=cloud.endpoint, credentials=(cloud.access_key, cloud.secret_key),
             environment={}) as made:
        yield made


@pytest.fixture(scope="module", params=KINDS)
def database(request: pytest.FixtureRequest, aws: Aws, cloud: Cloud) -> Browser:
    """With 1,200 rows in ``shop.orders``."""
    engine, name = request.param, f"sql-{request.param}"
    cluster = engine.startswith("aurora")
    what = "cluster" if cluster else "instance"
    given: dict[str, Any] = {"Engine": engine, "MasterUsername": "root", "MasterUserPassword": PASSWORD}
    given |= {"DBClusterIdentifier": name, "DatabaseName": "shop"} if cluster else {
        "DBInstanceIdentifier": name, "DBName": "shop", "DBInstanceClass": "db.t4g.micro", "AllocatedStorage": 20}
    aws.call("rds", f"create_db_{what}", given)

    def state() -> State:
        found = aws.call("rds", f"describe_db_{what}s", {"DBClusterIdentifier" if cluster else "DBInstanceIdentifier":
                                                         name})[f"DB{what.title()}s"][0]
        assert found.get("Status", found.get("DBInstanceStatus")) == "available"
        return State("u", f"aws.rds.{what.title()}", name, {
            "engine": engine, "username": "root", "database": "shop", "password": PASSWORD}, {
            "arn": found[f"DB{what.title()}Arn"], "host": "127.0.0.1", "port": found.get("Port") or
            found["Endpoint"]["Port"]})

    known = eventually(state)
    made = BROWSERS[known.type](Calls(lambda: aws, None, cloud.sql), known)
    change = made.acts["change"]
    change("", {"sql": "create table orders (id integer primary key, note varchar(100))"})
    change("", {"sql": "insert into orders select seq, 'note' from seq_1_to_1200" if engine == "mariadb" else
                "insert into orders select v, 'note' from generate_series(1, 1200) v"})
    return made


def eventually(look: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return look()
        except AssertionError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def slow(database: Browser) -> str:
    return "select pg_sleep(60)" if vars(database)["_postgres"] else "select sleep(60) from orders"


def count(database: Browser) -> Any:
    return database.rows({"sql": "select count(*) from orders"}).rows[0].cells[0]


def test_tables_and_their_rows(database: Browser) -> None:
    [table] = [r for r in database.rows({}).rows if str(r.cells[0]).endswith("orders")]
    assert table.folder and table.cells[1] == "table"
    first = database.rows({"folder": table.id})
    assert [c.name for c in first.columns] == ["id", "note"] and len(first.rows) == 200 and first.next == "200"
    assert len(database.rows({"folder": table.id, "after": "1000"}).rows) == 200
    assert database.rows({"folder": table.id, "after": "1000"}).next == ""
    assert database.rows({"folder": "no-such-schema/"}).rows == ()


def test_a_query_shows_so_many_rows(database: Browser) -> None:
    found = database.rows({"sql": "select * from orders order by id desc; "})
    assert len(found.rows) == ROWS and "first 1,000 rows" in found.note and found.rows[0].cells == (1200, "note")
    assert database.rows({"sql": "select 1.50, null, 'ü%s', 12345678901234567890"}).rows[0].cells == (
        "1.50", None, "ü%s", "12345678901234567890")
    assert str(database.rows({"sql": "select repeat('x', 5000)"}).rows[0].cells[0]) == "x" * statements.CELL + "…"
    assert database.rows({"sql": "explain select * from orders"}).rows
    with pytest.raises(UserError, match="nothing_here"):
        database.rows({"sql": "select * from nothing_here"})


@pytest.mark.parametrize("statement", [
    "delete from orders", "commit; delete from orders", "select 1; delete from orders", "rollback; drop table orders",
    "insert into orders values (0, 'x') returning id",
    "with gone as (delete from orders returning id) select * from gone",
    "set transaction read write", "create table other (id integer)", "explain analyze delete from orders",
    "/* select */ delete from orders", "truncate orders", "select * from orders for update",
    "select 'x' into outfile '/tmp/sst-console-x'", "copy orders to '/tmp/sst-console-x'", "drop table orders",
    "prepare p as delete from orders", "call nothing()", "select set_config('transaction_read_only', 'off', false)"])
def test_a_query_changes_nothing(database: Browser, statement: str) -> None:
    try:
        database.rows({"sql": statement})
    except UserError as error:
        assert PASSWORD not in str(error)
    assert count(database) == 1200 and not [r for r in database.rows({}).rows if "other" in str(r.cells[0])]


def test_a_change_is_offered_with_what_it_may_lose(database: Browser) -> None:
    [change] = database.rows({}).actions
    assert change.loses and not change.reads and PASSWORD not in change.command
    assert database.acts["change"]("", {"sql": "update orders set note = 'new' where id < 3"})["changed"] == 2
    assert database.rows({"sql": "select note from orders where id = 2"}).rows[0].cells == ("new",)
    with pytest.raises(UserError, match="no statement"):
        database.acts["change"]("", {"sql": " "})


def test_what_runs_is_stopped(database: Browser) -> None:
    failed: list[str] = []

    def run() -> None:
        try:
            failed.append(f"ended: {database.rows({'sql': slow(database)}).rows}")
        except UserError as error:
            failed.append(error.message)

    began = time.monotonic()
    running = threading.Thread(target=run)
    running.start()

    def offered() -> None:
        assert "stop" in [a.verb for a in database.rows({}).actions]

    eventually(offered, 20)
    assert database.acts["stop"]("", {}) == {"stopped": 1}
    running.join(10)
    assert not running.is_alive() and failed and not failed[0].startswith("ended"), time.monotonic() - began
    assert "stop" not in [a.verb for a in database.rows({}).actions]


def test_it_may_take_so_long(database: Browser, cloud: Cloud) -> None:
    began = time.monotonic()
    arn = vars(database)["_arn"]
    try:
        cloud.sql(arn, {"statement": slow(database), "limit": 1, "seconds": 1})
    except UserError as error:
        assert "timeout" in error.message or "max_statement_time" in error.message
    assert time.monotonic() - began < 30, "it would take a minute"


def test_no_answer_has_the_password(database: Browser, cloud: Cloud) -> None:
    told = [database.rows({}), database.rows({"sql": "select current_user"})]
    assert PASSWORD not in repr(told)
    with pytest.raises(UserError, match="not available"):
        cloud.sql("arn:aws:rds:us-east-1:000000000000:db:gone", {"statement": "select 1"})


def test_on_a_stage_in_aws_it_is_not_shown(aws: Aws) -> None:
    far = AwsProvider(aws, app="a", stage="far", lineage="l")
    assert far.browser(State("u", "aws.rds.Instance", "x", {"engine": "postgres"})) is None
