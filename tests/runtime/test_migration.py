"""Migrations that begin at the same moment, in one real database."""
from __future__ import annotations

import asyncio
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sst.embedded.environment import ensure_packages, ensure_program
from sst.embedded.services import LocalService, Supervisor
from sst.embedded.services.mariadb import MariaDb, find_mariadbd
from sst.embedded.services.postgres import Postgres
from sst.errors import UserError

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.long]

WORK = '''
import os, sys, time
alone = os.path.join(sys.argv[1], os.environ["NAME"])
os.close(os.open(alone, os.O_CREAT | os.O_EXCL))      # fails beside another one of its name
time.sleep(0.2)
os.unlink(alone)
with open(os.path.join(sys.argv[1], "done"), "a") as file:
    file.write(os.environ["NAME"] + "\\n")
'''


def postgres() -> LocalService:
    return Postgres("postgres/Races", ensure_program("postgres", os.environ), "me", "secret", "shop")


def mariadb() -> LocalService:
    return MariaDb("mariadb/Races", find_mariadbd(os.environ), "me", "secret", "shop")


@contextmanager
def running(service: LocalService, folder: Path) -> Iterator[str]:
    """The address for clients of a server that runs inside of ``with``."""
    supervisor = Supervisor(folder / "services")
    with asyncio.Runner() as runner:
        try:
            scheme, _, where = runner.run(supervisor.start(service)).partition("://")
            yield f"{scheme}://me:secret@{where}/shop"
        finally:
            runner.run(supervisor.remove(service.name))


def begin(address: str, folder: Path, name: str, key: str) -> subprocess.Popen[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ensure_packages("data_api", os.environ)), "NAME": name,
                   "SST_MIGRATION_DATABASE": "Db", "SST_RESOURCE_Db": json.dumps({"connectionString": address}),
                   "SST_RESOURCE_App": json.dumps({"name": "shop", "stage": "test"}),
                   "SST_MIGRATION_RUN": f"python {folder / 'work.py'} {folder}", "SST_MIGRATION_NAME": name,
                   "SST_MIGRATION_KEY": key, "SST_MIGRATION_ATTEMPT": os.urandom(4).hex()}
    return subprocess.Popen([sys.executable, "-m", "sst.runtime.migration"], env=environment, text=True,
                            cwd=Path(__file__).parents[2] / "src", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.parametrize("server", [postgres, mariadb])
def test_one_runs_and_the_others_wait_or_see_its_mark(server: Callable[[], LocalService], tmp_path: Path) -> None:
    try:
        service = server()
    except UserError as missing:
        pytest.skip(str(missing))
    (tmp_path / "work.py").write_text(WORK)
    with running(service, tmp_path) as address:
        for turn, wanted in (("the first of the database", [("a", "1"), ("a", "1"), ("b", "1")]),
                             ("of two stages", [("a", "2"), ("a", "3"), ("a", "2")])):
            (tmp_path / "done").unlink(missing_ok=True)
            runners = [begin(address, tmp_path, name, key) for name, key in wanted]
            said = [(runner.communicate(timeout=60)[0], runner.returncode) for runner in runners]
            assert [code for _, code in said] == [0] * len(wanted), (turn, said)
            assert sorted((tmp_path / "done").read_text().split()) == sorted(name for name, _ in set(wanted)), turn


def test_migrations_of_two_names_make_the_table_of_their_marks_at_once(tmp_path: Path,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ensure_packages("data_api", os.environ)))
    (tmp_path / "work.py").write_text(WORK)
    names = ["a", "b", "c", "d"]
    with running(postgres(), tmp_path) as address:
        line = importlib.import_module("psycopg2").connect(address)
        line.autocommit = True
        cursor, deadline = line.cursor(), time.monotonic() + 60
        for name in names:
            cursor.execute("select pg_advisory_lock(7566196, hashtext(%s))", (name,))
        runners = [begin(address, tmp_path, name, "1") for name in names]
        waiting = 0
        while waiting < len(names):
            assert time.monotonic() < deadline
            cursor.execute("select count(*) from pg_locks where locktype = 'advisory' and not granted")
            waiting = cursor.fetchone()[0]
        cursor.execute("select pg_advisory_unlock_all()")
        said = [(runner.communicate(timeout=60)[0], runner.returncode) for runner in runners]
        line.close()
    assert [code for _, code in said] == [0] * len(names), said
