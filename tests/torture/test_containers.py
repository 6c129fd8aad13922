"""SIGKILL in an app of services and databases on stage ``local``: of the command at any of its events, and of any
process behind the app while it deploys. Then the command is run again, and that is all."""
from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.project import SST, Project, eventually

from .conftest import ROUNDS, full

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.timeout(3600), full]

SEED = int(os.environ.get("SST_TORTURE_SEED", "1"))
CONFIG = '''
import os
import sst
from sst import aws

def config(input):
    return sst.Config(name="kept", removal="remove")

def run():
    vpc = aws.Vpc("Net")
    db = aws.Postgres("DB", vpc=vpc)
    cache = aws.Redis("Cache", vpc=vpc, cluster=False)
    web = aws.Service("Web", cluster=aws.Cluster("Main", vpc=vpc), command=["python", "serve.py"], link=[db, cache],
                      environment={"WORD": os.environ["WORD"]}, scaling={"min": 2, "max": 2}, load_balancer={
                          "ports": [{"listen": "80/http", "forward": "8080/http"}],
                          "health": {"8080/http": {"path": "/", "interval": "5 seconds"}}})
    return {"url": web.url}
'''
SERVE = '''
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["WORD"].encode())

ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
'''
ASK = '''
import json, os, sys
os.execvp("psql", ["psql", json.loads(os.environ["SST_RESOURCE_DB"])["connectionString"], "-Atc", sys.argv[1]])
'''


def behind(root: Path) -> dict[int, str]:
    """The processes whose command names the project: its cloud, its databases, its replicas."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            where = str((folder / "cwd").readlink())
            if int(folder.name) != os.getpid() and str(root) in f"{words} {where}":
                found[int(folder.name)] = words.strip()
    return found


def died(app: Project, words: list[str], word: str, chosen: random.Random, figures: Counter[str]) -> None:
    """Run a command, and kill it, or something behind the app, when it has told of so many events."""
    process = subprocess.Popen([SST, *words, "--json"], cwd=app.root, stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.DEVNULL, start_new_session=True, env={
                                   **{k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SST_"))},
                                   "SST_STAGE": "local", "WORD": word})
    assert process.stdout
    after = chosen.randrange(8)      # an update of a service tells of some more
    with process:
        for number, _ in enumerate(process.stdout):
            if number == after:
                victims = [pid for pid in sorted(behind(app.root)) if pid != process.pid]
                if victims and chosen.random() < 0.5:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(chosen.choice(victims), signal.SIGKILL)
                    figures["processes behind a deploy killed"] += 1
                else:
                    os.killpg(process.pid, signal.SIGKILL)
                    figures["deploys of services killed"] += 1
    process.wait()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    made.write({"sst_config.py": CONFIG, "serve.py": SERVE, "ask.py": ASK, "requirements.txt": ""})
    yield made
    made.run("local", "reset", "--yes", WORD="x")


def test_nothing_is_lost_and_nothing_is_left(app: Project, figures: Counter[str]) -> None:
    chosen = random.Random(SEED)
    app.sst("deploy", WORD="first")

    def ask(statement: str) -> str:
        return app.sst("shell", "--", "python3", "ask.py", statement, WORD="x").strip()

    def says(word: str) -> bool:
        url = json.loads(app.sst("outputs", "--json", WORD="x"))["url"]
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=10) as answer:
            return bool(answer.read().decode() == word)
        return False

    ask("create table kept (n int)")
    for turn in range(4 * ROUNDS):
        ask(f"insert into kept values ({turn})")
        died(app, ["deploy"], f"word-{turn}", chosen, figures)
        again = app.run("deploy", WORD=f"word-{turn}")
        assert again.returncode == 0, again.stdout + again.stderr
        eventually(lambda turn=turn: says(f"word-{turn}"))  # type: ignore[misc]
        assert ask("select count(*) from kept") == str(turn + 1), "what was written is there"
    assert figures["deploys of services killed"] + figures["processes behind a deploy killed"] > ROUNDS
    died(app, ["remove", "--yes"], "x", chosen, figures)
    assert app.run("remove", "--yes", WORD="x").returncode == 0
    app.sst("local", "stop", WORD="x")
    deadline = time.monotonic() + 30
    while left := behind(app.root):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
    assert not [f for f in (app.root / ".sst/local/services").rglob("*") if f.is_file()]
