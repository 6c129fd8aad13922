"""Services, tasks and databases in a session: what runs in their place, with their links, and what its end leaves."""
from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .live import SST, Dev, environment, get, write

pytestmark = [pytest.mark.slow, pytest.mark.long]

CONFIG = '''
import sst
from sst import aws

def config(input):
    return sst.Config(name="live")

def run():
    bucket, token = aws.Bucket("Uploads"), sst.Secret("Token", "hush-hush")
    vpc = aws.Vpc("Net")
    db = aws.Postgres("Db", vpc=vpc, dev={"username": "me", "password": "mine", "database": "own", "port": 5544})
    cache = aws.Redis("Cache", vpc=vpc, dev={"host": "localhost"})
    cluster = aws.Cluster("Main", vpc=vpc)
    web = aws.Service("Web", cluster=cluster, handler="app/main.py:app", link=[bucket, token, db, cache],
                      environment={"WORD": "hello"}, load_balancer={"ports": [{"listen": "80/http"}]})
    aws.Service("Worker", cluster=cluster, command=["python", "worker.py"], link=[bucket])
    files = aws.Efs("Files", vpc=vpc)
    aws.Service("Own", cluster=cluster, command=["python", "worker.py"], link=[web],
                volumes=[{"efs": files, "path": "/mnt/sst-own"}],
                dev={"command": "echo own $SST_RESOURCE_Web; echo kept > /mnt/sst-own/word; pwd; sleep 600",
                     "directory": "app"})
    aws.Service("Reader", cluster=cluster, command=["python", "reader.py"],
                volumes=[{"efs": files, "path": "/mnt/sst-read"}])
    aws.Service("Idle", cluster=cluster, command=["python", "worker.py"], dev={"autostart": False})
    aws.Service("Deployed", cluster=cluster, command=["python", "worker.py"], dev=False)
    report = aws.Task("Report", cluster=cluster, command=["python", "report.py"], link=[bucket])
    shell = aws.Task("Shell", cluster=cluster, command=["python", "report.py"],
                     dev={"command": "pwd; exit 4", "directory": "app"})
    one = aws.Function("One", handler="src/one.handler", url=True, link=[web, report, shell])
    return {"one": one.url, "web": web.url}
'''
MAIN = '''
import json, os
from sst import Resource
from words import text

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = json.dumps({"text": text, "pid": os.getpid(), "bucket": Resource.Uploads.name, "word": os.environ["WORD"],
                       "token": Resource.Token.value[::-1], "db": Resource.Db.connectionString,
                       "cache": Resource.Cache.url}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
'''
ONE = '''
import json
from sst import Resource, task

def handler(event, context):
    name = event["rawPath"].strip("/")
    if name in ("Report", "Shell"):
        task.run(getattr(Resource, name), environment={"DAY": "monday"})
    return {"statusCode": 200, "body": json.dumps({"web": Resource.Web.url})}
'''
FILES = {
    "sst_config.py": CONFIG, "app/main.py": MAIN, "words.py": "text = 'first'\n", "src/one.py": ONE,
    "worker.py": "import time\nprint('working', 1, flush=True)\ntime.sleep(600)\n",
    "reader.py": """
import os, time
from pathlib import Path
word = Path("/mnt/sst-read/word")
while not word.exists() or not word.read_text():
    time.sleep(0.05)
print("read", word.read_text().strip(), os.path.samefile("/mnt/sst-read", os.environ["SST_VOLUME_MNT_SST_READ"]))
time.sleep(600)
""",
    "report.py": "import os\nfrom sst import Resource\nprint('report of', os.environ['DAY'], Resource.Uploads.name)\n",
    "requirements.txt": "uvicorn\nboto3\n",
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    dev = Dev(write(tmp_path_factory.mktemp("services"), FILES))
    try:
        dev.until("ready: 1 function", seconds=90)
        yield dev
    finally:
        dev.close()


def page(dev: Dev) -> dict[str, str]:
    found: dict[str, str] = json.loads(get(dev.url("web"))[1])
    return found


def test_a_web_app_runs_from_its_source_with_its_links(app: Dev) -> None:
    assert app.until("Web is ready").endswith(app.url("web"))
    said = page(app)
    assert (said["text"], said["word"], said["token"]) == ("first", "hello", "hsuh-hsuh")
    assert said["bucket"].startswith("live-local-uploads")
    assert json.loads(get(app.url("one"))[1]) == {"web": app.url("web")}, "a function is linked to it as well"
    assert "hush-hush" not in app.text


def test_databases_of_dev_are_the_users_own(app: Dev) -> None:
    said = page(app)
    assert said["db"] == "postgresql://me:mine@localhost:5544/own" and said["cache"] == "redis://localhost:6379"
    assert "Db/" not in app.text and "Cache/" not in app.text, "nothing of them was deployed"


def test_a_saved_file_is_live_and_a_broken_one_is_shown(app: Dev) -> None:
    before, since = page(app)["pid"], app.here
    app.save("words.py", "text = 'second'\n")
    app.until("Web is ready", since=since)
    assert page(app)["text"] == "second" and page(app)["pid"] != before
    since = app.here
    app.save("words.py", "text = (\n")
    app.until("SyntaxError", since=since)
    app.save("words.py", "text = 'third'\n")
    app.until("Web is ready", since=since)
    assert page(app)["text"] == "third"


def test_other_services_run_as_they_say(app: Dev) -> None:
    app.until("[Worker] working 1")
    app.until(f'[Own] own {{"url":"{app.url("web")}"')
    assert "[Idle] working" not in app.text and "Deployed/Service" in app.text
    assert "Web/Service" not in app.text and "Worker/Task" not in app.text
    since = app.here
    app.save("worker.py", "import time\nprint('working', 2, flush=True)\ntime.sleep(600)\n")
    app.until("[Worker] working 2", since=since)


def test_services_share_the_files_that_they_mount(app: Dev) -> None:
    app.until("[Reader] read kept True")
    app.until(f"[Own] {app.root / 'app'}")
    assert [f.read_text() for f in app.root.glob(".sst/local/efs/fs-*/word")] == ["kept\n"]


def test_tasks_run_from_their_source_and_are_shown(app: Dev) -> None:
    since = app.here
    app.save("report.py", FILES["report.py"].replace("report of", "newest report of"))
    get(app.url("one") + "/Report")
    assert "newest report of monday live-local-uploads" in app.until("[Tasks] Report", since=since)
    app.until("ended with exit code 0", since=since)
    since = app.here
    get(app.url("one") + "/Shell")
    assert app.until("[Tasks] Shell", since=since).endswith("/app")
    app.until("ended with exit code 4", since=since)


def test_the_end_leaves_no_process_and_a_deploy_brings_the_service(app: Dev) -> None:
    left = app.descendants()
    assert left and app.interrupt() == 0
    app.until(lambda: not [pid for pid in left if Path(f"/proc/{pid}").exists()], seconds=10)
    made = subprocess.run([SST, "deploy", "--json"], cwd=app.root, env=environment(), capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    outputs = json.loads((app.root / ".sst/outputs.json").read_text())
    assert json.loads(get(outputs["web"])[1])["text"] == "third"
