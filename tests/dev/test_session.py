"""The life of a session: what it starts, restarts, refuses, and that nothing is left of it."""
from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .live import CONFIG, FILES, SST, WITH_WEB, Dev, config, descendants, environment, get, web, write

pytestmark = pytest.mark.slow

def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_change_of_the_program_deploys_the_difference(start: Callable[..., Dev]) -> None:
    dev = start(FILES).ready()
    assert get(dev.url("one")) == (200, "first")
    since = dev.here
    dev.save("sst_config.py", config('aws.Queue("Jobs")').replace("url=True, link",
                                                                  'timeout="3 seconds", url=True, link'))
    dev.until("Jobs/Queue", since=since)
    dev.until("updated", since=since)
    assert "One/Function" in "\n".join(dev.said[since:]) and "Two/Function" not in "\n".join(dev.said[since:])
    assert get(dev.url("one")) == (200, "first")


def test_an_error_in_the_program_keeps_what_runs(start: Callable[..., Dev]) -> None:
    dev = start(FILES).ready()
    since = dev.here
    dev.save("sst_config.py", CONFIG.replace("aws.Bucket(", "aws.Buckett("))
    dev.until("sst.aws has no component 'Buckett'", since=since)
    assert get(dev.url("one")) == (200, "first")
    dev.save("sst_config.py", CONFIG.replace('"Uploads"', '"Uploads", oops=1'))
    dev.until('no option \'oops\'', since=since)
    since = dev.here
    dev.save("sst_config.py", CONFIG + "\n")
    dev.until("no changes", since=since)


@pytest.mark.long
def test_a_missing_module_of_the_program_is_found_when_it_is_made(start: Callable[..., Dev]) -> None:
    dev = start(FILES).ready()
    since = dev.here
    dev.save("sst_config.py", "import infra.names\n" + CONFIG.replace('"Uploads"', "infra.names.bucket"))
    dev.until("No module named 'infra'", since=since)
    since = dev.here
    dev.save("infra/names.py", "bucket = 'Uploads'\n")
    dev.until("live/local: 4 updated", since=since)  # the new file is in the bundles
    since = dev.here
    dev.save("infra/names.py", "bucket = 'Pictures'\n")
    dev.until("this would delete Uploads with what is in it", since=since)


@pytest.mark.long
def test_dotenv_is_part_of_the_program(start: Callable[..., Dev]) -> None:
    program = "import os\n" + CONFIG.replace('"src/two.handler"',
                                             '"src/two.handler", environment={"WORD": os.environ.get("WORD", "")}')
    dev = start({**FILES, "sst_config.py": program, ".env": "WORD=one\n",
                 "src/two.py": "import os\n\ndef handler(event, context):\n    return os.environ['WORD']\n"}).ready()
    assert get(dev.url("two")) == (200, "one")
    since = dev.here
    dev.save(".env", "WORD=two\n")
    dev.until("updated", since=since)
    assert get(dev.url("two")) == (200, "two")


@pytest.mark.long
def test_after_kill_nine_the_deployed_code_runs_and_nothing_is_left(start: Callable[..., Dev]) -> None:
    dev = start(WITH_WEB).ready()
    dev.until("Web is ready")
    url = dev.url("one")
    dev.save("src/shared.py", "text = 'only here'\n")
    assert get(url) == (200, "only here")
    left = dev.descendants()
    assert left
    second = Dev(dev.root)
    second.until("[Deploy] ready")
    os.kill(dev.process.pid, signal.SIGKILL)
    dev.process.wait()
    assert second.process.wait(10) == 1
    second.until(lambda: f"the session (process {dev.process.pid}) was killed" in second.text)
    second.kill()
    dev.until(lambda: not [p for p in left if alive(p)], seconds=5)
    assert get(url) == (200, "first")
    again = Dev(dev.root).ready()  # and the next session finds its place free
    try:
        assert get(url) == (200, "only here")
    finally:
        again.close()


def test_a_call_that_runs_when_the_session_dies_is_an_error_and_not_run_twice(
    start: Callable[..., Dev], tmp_path: Path
) -> None:
    slow = ("import time\n\ndef handler(event, context):\n"
            f"    open({str(tmp_path / 'ran')!r}, 'a').write('x')\n    time.sleep(30)\n")
    dev = start({**FILES, "src/one.py": slow}).ready()
    client = subprocess.Popen(["curl", "-s", dev.url("one")], stdout=subprocess.PIPE)
    dev.until(lambda: (tmp_path / "ran").exists())
    os.kill(dev.process.pid, signal.SIGKILL)
    answer, _ = client.communicate(timeout=10)
    assert b"Internal Server Error" in answer and (tmp_path / "ran").read_text() == "x"


def test_ctrl_c_ends_everything_and_the_stage_goes_on(start: Callable[..., Dev]) -> None:
    dev = start(WITH_WEB).ready()
    dev.until("Web is ready")
    left, url = dev.descendants(), dev.url("one")
    assert get(url) == (200, "first")
    second = Dev(dev.root)
    second.until("[Deploy] ready")
    assert dev.interrupt() == 0 and second.process.wait(10) == 0
    second.kill()
    assert not [p for p in left if alive(p)]
    assert not list((dev.root / ".sst/dev/local").glob("session.json")) and get(url) == (200, "first")
    assert "Traceback" not in dev.text and "Exception" not in dev.text


def test_ctrl_c_in_the_first_deploy(start: Callable[..., Dev]) -> None:
    dev = start(FILES)
    dev.until("created")
    assert dev.interrupt() == 130  # it was cut short
    assert "Traceback" not in dev.text and "waiting for " in dev.text
    again = Dev(dev.root).ready()
    try:
        assert get(again.url("one")) == (200, "first")
    finally:
        again.close()


def test_a_command_is_linked_restarted_and_ended(start: Callable[..., Dev]) -> None:
    dev = start(WITH_WEB).ready()
    url = dev.until("Web is ready").split("ready: ")[1]
    assert "live-local-uploadsbucket" in get(url)[1]
    since = dev.here
    dev.save("sst_config.py", web().replace('aws.Bucket("Uploads"', 'aws.Bucket("Uploads", versioning=True'))
    dev.until("live/local: 1 created", since=since)
    assert get(url)[0] == 200  # nothing of its link has changed
    dev.save("sst_config.py", web(', environment={"AA": "b"}'))
    dev.until("Web restarts", since=since)
    url = dev.until("Web is ready", since=since).split("ready: ")[1]
    assert get(url)[0] == 200
    before = dev.descendants()
    since = dev.here
    dev.save("sst_config.py", CONFIG)
    dev.until("no changes", since=since)
    dev.until(lambda: len(dev.descendants()) < len(before))


@pytest.mark.long
def test_a_second_session_looks_on_and_a_command_joins(start: Callable[..., Dev]) -> None:
    dev = start(WITH_WEB).ready()
    second = Dev(dev.root)
    try:
        second.until("attached")
        second.until("[Deploy] ready")
        get(dev.url("one"))
        second.until("[Functions] One  GET /")
        assert second.interrupt() == 0
    finally:
        second.kill()
    for folder, wanted in ((dev.root, "Uploads"), (dev.root / "web", "Uploads")):
        program = "import os; print(os.environ['SST_RESOURCE_Uploads']); raise SystemExit(7)"
        made = subprocess.run([SST, "dev", "--", "python3", "-c", program], cwd=folder, env=environment(),
                              capture_output=True, text=True,
                              timeout=30)
        assert made.returncode == 7 and json.loads(made.stdout)["name"].startswith("live-local-uploads"), (made, wanted)
    assert dev.process.poll() is None


@pytest.mark.long
def test_a_joined_command_is_restarted_when_its_links_change_and_ends_with_the_session(
    start: Callable[..., Dev],
) -> None:
    dev = start(WITH_WEB).ready()
    joined = subprocess.Popen([SST, "dev", "--", "python3", "-u", "-c",
                               "import os, time; print(os.environ.get('AA')); time.sleep(600)"],
                              cwd=dev.root / "web", env=environment(), stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    assert joined.stdout
    assert joined.stdout.readline() == "None\n"
    dev.save("sst_config.py", web(', environment={"AA": "b"}'))
    assert joined.stdout.readline() == "b\n"
    inner = descendants(joined.pid)
    dev.interrupt()
    assert joined.wait(20) == 1
    joined.stdout.close()
    assert not [p for p in inner if alive(p)]


@pytest.mark.long
def test_what_is_refused(tmp_path: Path) -> None:
    root = write(tmp_path, {**FILES, "sst_config.py": CONFIG.replace('name="live"', 'name="live", protect=True')})

    def said(*words: str) -> str:
        made = subprocess.run([SST, "dev", *words], cwd=root, env=environment(), capture_output=True, text=True,
                              timeout=30)
        assert made.returncode == 1 and "Traceback" not in made.stderr
        return made.stderr

    assert 'stage "local" is protected' in said()
    write(root, FILES)
    assert "no `sst dev` runs for stage" in said("--", "true")
    write(root, {"sst_config.py": "import sst\nx = (\n"})
    assert "sst_config.py:2" in said()


@pytest.mark.long
def test_the_cloud_is_restarted_under_the_session(start: Callable[..., Dev]) -> None:
    dev = start(FILES).ready()
    dev.save("src/shared.py", "text = 'live'\n")
    assert get(dev.url("one")) == (200, "live")
    subprocess.run([SST, "local", "stop"], cwd=dev.root, env=environment(), check=True, capture_output=True)
    # starts it again
    subprocess.run([SST, "invoke", "Two"], cwd=dev.root, env=environment(), check=True, capture_output=True)
    dev.until(lambda: get(dev.url("one")) == (200, "live"))


@pytest.mark.long
def test_dependencies_that_are_added_are_there(start: Callable[..., Dev]) -> None:
    dev = start({**FILES, "requirements.txt": ""}).ready()
    since = dev.here
    dev.save("src/one.py", "import idna\n\ndef handler(event, context):\n    return idna.__version__\n")
    assert get(dev.url("one"))[0] == 502
    dev.save("requirements.txt", "idna==3.10\n")
    dev.until("One/Code", since=since)
    dev.until(lambda: get(dev.url("one")) == (200, "3.10"))


@pytest.mark.long
def test_basic_mode_starts_no_commands(start: Callable[..., Dev]) -> None:
    dev = start(WITH_WEB, "--mode", "basic").ready()
    assert get(dev.url("one")) == (200, "first") and "Web" not in dev.text


@pytest.mark.long
def test_a_command_is_shown_what_is_wrong_with_it(start: Callable[..., Dev]) -> None:
    dev = start({**FILES, "sst_config.py": config('sst.DevCommand("Web", dev={"directory": "nowhere"})')})
    dev.until('Web should run in "nowhere", which is not a folder (sst_config.py:')
    since = dev.here
    dev.save("nowhere/x.txt", "")
    dev.save("sst_config.py", config('sst.DevCommand("Web", dev={"directory": "nowhere", "command": "echo '
                                     '$SST_STAGE"})'))
    dev.until("[Web] local", since=since)


@pytest.mark.long
def test_a_secret_that_is_set_is_deployed_at_once(start: Callable[..., Dev]) -> None:
    program = CONFIG.replace('"src/two.handler"', '"src/two.handler", link=[sst.Secret("Word", placeholder="none")]')
    two = "from sst import Resource\n\ndef handler(event, context):\n    return Resource.Word.value[::-1]\n"
    dev = start({**FILES, "sst_config.py": program, "src/two.py": two}).ready()
    assert get(dev.url("two")) == (200, "enon")
    made = subprocess.run([SST, "secret", "set", "Word", "hush-hush"], cwd=dev.root, env=environment(),
                          capture_output=True, text=True)
    assert "`sst dev` deploys it now" in made.stdout
    dev.until(lambda: get(dev.url("two")) == (200, "hsuh-hsuh"))
    assert "hush-hush" not in dev.text


@pytest.mark.long
def test_a_cloud_that_dies_is_started_again(start: Callable[..., Dev]) -> None:
    dev = start(FILES).ready()
    dev.save("src/shared.py", "text = 'live'\n")
    assert get(dev.url("one")) == (200, "live")
    os.kill(json.loads((dev.root / ".sst/local/cloud.json").read_text())["pid"], signal.SIGKILL)

    def answers() -> bool:
        try:
            return get(dev.url("one")) == (200, "live")
        except OSError:
            return False

    dev.until(answers, seconds=40)


@pytest.mark.long
def test_code_and_folders_outside_of_the_project_are_watched(tmp_path: Path) -> None:
    write(tmp_path / "core", {"pyproject.toml": '[project]\nname = "core"\nversion = "1"\n[build-system]\nrequires = '
                                                '["hatchling"]\n'
                                                'build-backend = "hatchling.build"\n',
                                                "src/core/__init__.py": "text = 'one'\n"})
    write(tmp_path / "words", {"word.txt": "first"})
    program = CONFIG.replace('name="live"', 'name="live", watch=["../words"]').replace(
        "    return {", '    word = open("../words/word.txt").read()\n    return {"word": word, ')
    root = write(tmp_path / "app", {**FILES, "sst_config.py": program, "requirements.txt": "../core\n",
                                    "src/one.py": "import core\n\ndef handler(event, context):\n    return "
                                                  "core.text\n"})
    dev = Dev(root)
    try:
        dev.ready()
        assert get(dev.url("one")) == (200, "one")
        since = dev.here
        (tmp_path / "core/src/core/__init__.py").write_text("text = 'two'\n")
        dev.until("One reloaded:", since=since)
        assert get(dev.url("one")) == (200, "two")
        (tmp_path / "words/word.txt").write_text("second")
        dev.until("word: second", since=since)
    finally:
        dev.close()


@pytest.mark.long
def test_a_program_knows_that_it_is_run_by_dev(start: Callable[..., Dev]) -> None:
    program = CONFIG.replace("def run():", "def run(app):").replace("    return {", '    return {"dev": app.dev, ')
    dev = start({**FILES, "sst_config.py": program}).ready()
    dev.until("dev: true")


def test_nobody_gets_in_without_the_token(start: Callable[..., Dev]) -> None:
    dev = start(FILES).ready()
    file = dev.root / ".sst/dev/local/session.json"
    assert file.stat().st_mode & 0o777 == 0o600 and file.parent.stat().st_mode & 0o777 == 0o700
    facts = json.loads(file.read_text())
    for first in ({"token": "x" * len(facts["token"]), "want": "environment"}, {"want": "lines"},
                  {"token": facts["token"], "want": "all"}):
        with socket.create_connection(("127.0.0.1", facts["port"]), 10) as line:
            line.sendall(json.dumps(first).encode() + b"\n")
            assert line.recv(1000) == b""
    for odd in (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"[1]\n", b"\0" * 5000 + b"\n"):
        with socket.create_connection(("127.0.0.1", facts["port"]), 10) as line:
            line.sendall(odd)
            try:
                assert line.recv(1000) == b""
            except ConnectionResetError:
                continue
    assert get(dev.url("one")) == (200, "first") and "Traceback" not in dev.text


@pytest.mark.long
def test_json_is_an_event_a_line(tmp_path: Path) -> None:
    program = CONFIG.replace("def run():", "def run():\n    print('from the program')").replace(
        '"src/two.handler"', '"src/two.handler", environment={"AA": sst.Secret("Word").value}')
    two = "import os\n\ndef handler(event, context):\n    print(os.environ['AA'])\n    raise ValueError('no luck')\n"
    root = write(tmp_path, {**WITH_WEB, "sst_config.py": program, "src/two.py": two})
    subprocess.run([SST, "secret", "set", "Word", "hush-hush"], cwd=root, env=environment(), check=True,
                   capture_output=True)
    with subprocess.Popen([SST, "dev", "--json"], cwd=root, env=environment(), stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        events = list[dict[str, Any]]()
        for line in process.stdout:
            events.append(json.loads(line))
            match events[-1]:
                case {"event": "deploy_ended", "outputs": outputs}:
                    url = outputs["two"]
                case {"event": "ready"}:
                    assert get(url)[0] == 502
                case {"event": "call_ended"}:
                    told = [subprocess.run([SST, "logs", "--dev", *words], cwd=root, env=environment(), text=True,
                                           capture_output=True, check=True).stdout for words in (["--json"], ["Two"])]
                    process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    subprocess.run([SST, "local", "stop"], cwd=root, env=environment(), capture_output=True, check=False)
    kinds = [e["event"] for e in events]
    assert kinds[0] == "deploy_began" and {"planned", "step_started", "step_done", "finished", "log_line"} <= set(kinds)
    ended = next(e for e in events if e["event"] == "call_ended")
    assert ended["error"] == "Unhandled" and json.loads(ended["response"])["errorMessage"] == "no luck"
    assert "hush-hush" not in json.dumps(events) + "".join(told)
    assert [json.loads(line)["event"] for line in told[0].splitlines()][:len(kinds)] == kinds
    assert "Two #1 Unhandled" in told[1] and "Web" not in told[1]


@pytest.mark.long
def test_a_deployed_site_makes_way_for_its_own_server_unasked(tmp_path: Path) -> None:
    program = '''
import sst
from sst import aws

def config(input):
    return sst.Config(name="live")

def run():
    return {"url": aws.StaticSite("Docs", path="docs", dev={"command": "sleep 600"}).url}
'''
    write(tmp_path, {"sst_config.py": program, "docs/index.html": "<h1>Docs"})
    subprocess.run([SST, "deploy"], cwd=tmp_path, env=environment(), capture_output=True, check=True)
    dev = Dev(tmp_path).ready()
    try:
        assert "would delete" not in "\n".join(dev.said) and any("Docs/Assets/Bucket" in line for line in dev.said)
    finally:
        dev.close()
