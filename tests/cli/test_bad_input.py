"""Every mistake gets its own words, and no traceback."""
from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sst.cli.commands.logs import _said
from sst.cli.dispatch import of_the_machine
from sst.dev.events import ProcessOutput

from .conftest import SST, Project


@pytest.mark.parametrize(("words", "text"), [
    (["deplyo"], '✗ there is no command "sst deplyo"\n  hint: did you mean "deploy"?\n'),
    (["xyzzy"], '✗ there is no command "sst xyzzy"\n  hint: known: '),
    (["deploy", "--tarjet", "A"], "✗ sst deploy has no option --tarjet\n  hint: did you mean --target?\n"),
    (["deploy", "--xyzzy"], "✗ sst deploy has no option --xyzzy\n  hint: see `sst deploy --help`\n"),
    (["deploy", "--stage"], "option '--stage' requires an argument\n"),
    (["deploy", "extra"], "✗ the plan extra can't be read: No such file or directory\n"),
    (["invoke"], "✗ sst invoke: missing argument 'NAME'\n"),
    (["secret", "sett", "A", "b"], '✗ there is no command "sst secret sett"\n  hint: did you mean "set"?\n'),
    pytest.param(["schema", ""], "✗ sst schema: the name of the type is empty\n", marks=pytest.mark.long),
    pytest.param(["trace", ""], "✗ sst trace: the ID is empty\n  hint: `sst invocations` lists",
                 marks=pytest.mark.long),
    pytest.param(["schema", "aws.sns"], "✗ aws.sns is not a resource type\n  hint: it has aws.sns.",
                 marks=pytest.mark.long),
    (["completion", "tcsh"], "✗ sst completion: invalid value for '{bash|zsh|fish}': 'tcsh' is not one of"),
    (["state", "restore", "x"], "✗ sst state restore: invalid value for 'SERIAL': 'x' is not a valid integer"),
    (["deploy", "--stage", "a_b"], '✗ "a_b" is not a valid stage name: it starts with a letter and holds letters, '
                                   'digits and hyphens only (--stage)\n  hint: "a-b" would do\n'),
    (["deploy", "--stage", ""], "✗ the stage name is empty (--stage)\n"),
    (["deploy", "--config", "nowhere.py"], "/nowhere.py (--config)\n"),
    (["deploy", "--config", "files.txt"], "✗ files.txt is not a Python file (--config)\n"),
    (["logs", "Api", "--since", "soon"], "✗ --since can't be 'soon'\n"),
    (["invoke", "Api", "--event", "{x"], "✗ the event is not JSON: "),
    (["invoke", "Api", "--event", "@nothing.json"],
     "✗ nothing.json can't be read: No such file or directory (--event)\n"),
    (["invoke", "Api"], '✗ stage "dev" is not deployed\n  hint: `sst deploy` first\n'),
    (["logs", "Api"], '✗ stage "dev" is not deployed\n'),
    (["state", "restore", "9", "--yes"], "✗ "),
    (["state", "restore", "9"], "✗ there is no version 9 of this state\n"),
    (["secret", "load", "nothing.env"], "✗ nothing.env can't be read: No such file or directory\n"),
    (["remove"], ""),
    (["state"], "Usage: sst state [OPTIONS] COMMAND [ARGS]...\n"),
])
def test_the_command_line(project: Project, words: list[str], text: str) -> None:
    project.write("files.txt", "")
    said = project.run(*words, code=None)
    assert said.code == (0 if not text else said.code) and said.code in (0, 1, 3) and text in said.err


def test_an_output_that_json_cant_hold_is_named_and_what_was_made_is_kept(project: Project) -> None:
    project.program('a = File("A")\nreturn {"load": a.path.apply(lambda path: float("nan"))}')
    said = project.fails("deploy")
    assert "✗ what the program returns can't be kept: outputs.load is nan, which JSON can't hold\n  hint: " in said
    assert "A" in project.things and "1 resource" in project.run("state", "list").out


BROKEN = """
import sys
from sst.cli.call import Call
from sst.cli.dispatch import run

class Broken(Call):
    def backend(self, project, **_):
        raise RuntimeError("a bug")

sys.exit(run(sys.argv[1:], Broken.here(sys.argv[1:])))
"""


def test_the_log_of_a_bug_has_no_secret_of_the_command_line(project: Project) -> None:
    said = subprocess.run([sys.executable, "-c", BROKEN, "secret", "set", "Key", "hunter2"], cwd=project.root,
                          env=project.environment, capture_output=True, text=True, check=False)
    (log,) = project.root.glob(".sst/log/*.log")
    assert said.returncode == 70 and "this is a bug in sst" in said.stderr
    assert "sst secret set Key ***" in log.read_text() and "hunter2" not in log.read_text() + said.stderr


def test_the_colours_of_a_program_are_not_in_a_file() -> None:
    line = ProcessOutput("Web", "\x1b[32mINFO\x1b[0m: started")
    assert _said(line, colour=False) == "Web INFO: started" and _said(line, colour=True) == f"Web {line.text}"


def test_no_project(tmp_path: Path, project: Project) -> None:
    project.root = tmp_path
    assert "✗ no sst_config.py in " in project.fails("deploy") and "`sst init` writes one here" in project.fails("diff")
    (tmp_path / "sst.config.ts").touch()
    assert "there is a sst.config.ts" in project.fails("deploy")


def test_no_stage(project: Project) -> None:
    del project.environment["SST_STAGE"]
    assert project.fails("deploy", USER="jane").startswith("✗ no stage is named\n  hint: pass --stage NAME, set "
                                                           "SST_STAGE")
    project.write(".sst/stage", "x_y")
    assert "(.sst/stage)" in project.fails("deploy") and "(SST_STAGE)" in project.fails("deploy", SST_STAGE="x_y")


def test_a_bad_env_file(project: Project) -> None:
    project.write(".env", "A=1\nhunter2\n")
    said = project.fails("deploy")
    assert "✗ this line is not KEY=value (.env:2)" in said and "hunter2" not in said


@pytest.mark.parametrize(("body", "text"), [
    ('File("A")\nFile("A")', '✗ two resources are named "A" (sst_config.py:10)\n  hint: the other one is at '
                             'sst_config.py:9;'),
    ('File("A b")', "✗ test.File can't be named 'A b' (sst_config.py:9)\n"),
    ('File("A", txet="x")', "✗ test.File \"A\" has no option 'txet' (sst_config.py:9)\n  hint: did you mean "
                            "\"text\"?\n"),
    ('a = File("A")\nif a.path == "x":\n    pass', "(sst_config.py:10)"),
    ('a = File("A")\nfor c in a.path:\n    pass', "(sst_config.py:10)"),
    ('a = File("A")\nFile("B", text=a.path.apply(lambda p: File("C").name))', "can't be created inside .apply"),
    ('a = File("A", text="x")\na.text = "y"', "is set when the resource is declared"),
    ("raise ValueError('oops')", "✗ ValueError: oops (sst_config.py:9)\n"),
    ("return [1]", "✗ run() returned a list (sst_config.py:8)\n"),
    ("import nothing_like_this", "✗ ModuleNotFoundError: No module named 'nothing_like_this' (sst_config.py:9)\n"),
])
def test_the_program(project: Project, body: str, text: str) -> None:
    project.program(body)
    assert text in project.run("deploy", code=None).err


def test_all_problems_at_once(project: Project) -> None:
    project.program('File("A", txet="x")\nFile("B c")\nFile("D")\nFile("D")')
    said = project.fails("deploy")
    assert said.count("✗") == 3 and said.endswith("  3 problems; nothing was changed\n")
    facts = project.run("deploy", "--json", code=1).events[-1]
    assert facts["kind"] == "Problems" and len(facts["errors"]) == 3
    assert facts["errors"][0]["where"] == "sst_config.py:9"


def test_a_bug_of_ours_is_told_as_one(project: Project) -> None:
    project.write(
        "files.py",
        (project.root / "files.py").read_text().replace("def plan(self, type, prior, inputs):", "def plan(self):"),
    )
    project.program('File("A")')
    process = project.start("deploy")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 70 and "this is a bug in sst; the traceback is in " in err
    assert "Traceback" not in out + err
    log = next((project.root / ".sst/log").iterdir())
    assert "TypeError" in log.read_text() and log.stat().st_mode & 0o777 == 0o600


def test_a_foreign_sst_package_is_noticed(project: Project) -> None:
    project.write("sst.py", "")
    assert "✗ sst.py hides the sst package from your functions (sst.py)" in project.fails("deploy")


class _Aws(BaseHTTPRequestHandler):
    """Answers every call with one error, or with one account."""

    answer: tuple[int, str] = (403, "ExpiredToken")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        status, code = self.answer
        body = (f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>said the "
                "cloud</Message></Error></ErrorResponse>"
                if status >= 300 else "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>" + code
                + "</Account>"
                "<Arn>arn:aws:iam::1:user/x</Arn><UserId>x</UserId></GetCallerIdentityResult></GetCallerIdentityResponse>").encode()
        self.send_response(status)
        self.send_header("content-type", "text/xml")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def aws(project: Project) -> Iterator[Project]:
    """The project on a stage in AWS that is this very process."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Aws)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    project.environment |= {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}", "AWS_ACCESS_KEY_ID": "AKIAX",
                            "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "t"}
    project.write("sst_config.py", 'import sst\nfrom sst.providers.aws import sqs\ndef config(input):\n    return '
                                   'sst.Config('
                  'name="demo", home="local", region="us-east-1")\ndef run():\n    sqs.Queue("Jobs")\n')
    yield project
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(("answer", "text"), [
    ((403, "ExpiredToken"), "✗ the AWS credentials have expired\n"),
    ((403, "InvalidClientTokenId"), "✗ AWS does not accept the credentials\n"),
    ((403, "AccessDenied"), "AccessDenied: said the cloud"),
])
def test_credentials_that_aws_refuses(aws: Project, answer: tuple[int, str], text: str) -> None:
    _Aws.answer = answer
    said = aws.run("deploy", code=None)
    assert said.code in (1, 2) and text in said.err


def test_another_account_than_the_one_that_is_allowed(aws: Project) -> None:
    _Aws.answer = (200, "111111111111")
    file = aws.root / "sst_config.py"
    file.write_text(file.read_text().replace('home="local"', 'home="local", account="222222222222"'))
    wanted = "✗ these credentials are for account 111111111111; the config allows 222222222222 alone"
    assert wanted in aws.fails("deploy")


@pytest.mark.long
def test_no_credentials_no_profile_no_region_no_network(aws: Project) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        del aws.environment[name]
    none = aws.fails("deploy")
    assert "✗ no AWS credentials were found\n" in none and "`--stage local` needs no account" in none
    assert '✗ the AWS profile "nope" does not exist' in aws.fails("deploy", AWS_PROFILE="nope")
    keys = {"AWS_ACCESS_KEY_ID": "AKIAX", "AWS_SECRET_ACCESS_KEY": "x"}
    assert "AWS_SECRET_ACCESS_KEY is not" in aws.fails("deploy", AWS_ACCESS_KEY_ID="AKIAX")
    assert "can't be reached" in aws.fails("deploy", code=2, AWS_ENDPOINT_URL="http://127.0.0.1:9", **keys)
    file = aws.root / "sst_config.py"
    file.write_text(file.read_text().replace('region="us-east-1"', ""))
    assert '✗ no AWS region is set for stage "dev"\n' in aws.fails("deploy")


def test_state_that_belongs_to_another_account(aws: Project) -> None:
    _Aws.answer = (200, "111111111111")
    aws.run("deploy", code=None)
    _Aws.answer = (200, "333333333333")
    said = aws.fails("deploy", code=3)
    assert '✗ stage "dev" was deployed to account 111111111111, not to 333333333333' in said


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams(project: Project, closed: str) -> None:
    project.program('File("A")')
    code = subprocess.run(["sh", "-c", f"{SST} deploy {closed}"], cwd=project.root, env=project.environment,
                          capture_output=True,
                          check=True)
    assert b"Traceback" not in code.stdout + code.stderr and "A" in project.things


def test_damaged_state_is_said_and_left_alone(project: Project) -> None:
    project.program('File("A")')
    project.run("deploy")
    (file,) = Path(project.environment["HOME"]).rglob("state.db")
    for other in file.parent.glob("state.db-*"):
        other.unlink()
    file.write_bytes(b"nonsense" * 500)
    said = project.fails("deploy", code=3)
    assert "state.db can't be used: file is not a database" in said and file.read_bytes() == b"nonsense" * 500


def test_errors_as_json(project: Project) -> None:
    assert json.loads(project.run("deploy", "--stage", "a_b", "--json",
                                  code=1).out)["message"].startswith('"a_b" is not a valid stage name')
    assert project.run("deplyo", "--json", code=1).json["kind"] == "UserError"


@pytest.mark.parametrize(("body", "text"), [
    ('aws.Function("Api", handler="src/nope.handler")',
     '✗ Handler not found: "src/nope.handler" (sst_config.py:10)\n  hint: there is no src/nope.py in'),
    ('aws.Function("Api", handler="api.handler", tiemout=3)',
     "✗ Function \"Api\" has no option 'tiemout' (sst_config.py:10)\n"
                                                              '  hint: did you mean "timeout"?\n'),
    ('aws.Function("Api", handler="api.handler", link=[None])', "✗ link holds None (sst_config.py:10)\n"),
    ('aws.Function("Api", handler="api.handler", timeout="3 fortnights")',
     "✗ timeout can't be '3 fortnights' (sst_config.py:10)\n"),
    ('aws.Bucke("B")', "has no component 'Bucke'; did you mean \"Bucket\"? (sst_config.py:10)"),
    ('sst.Secert("B")', "has no attribute 'Secert'; did you mean \"Secret\"? (sst_config.py:10)"),
    ('from sst.providers.aws import sqss', "(sst_config.py:10)\n  hint: did you mean \"sqs\"?"),
    ('from sst.providers import aws as a\na.sqss', "has no service 'sqss'; did you mean \"sqs\"?"),
    ('b = aws.Bucket("B")\naws.Bucket("b")', '✗ two components are named "b" (sst_config.py:11)\n'),
])
def test_components(project: Project, body: str, text: str) -> None:
    project.write("api.py", "def handler(event, context): ...\n")
    project.program(f"from sst import aws\n{body}")
    assert text in project.fails("diff")


@pytest.mark.parametrize(("number", "file", "hint"), [
    (errno.ENOSPC, None, "free some space"), (errno.ENOSPC, "/x/.sst/state.db", "free some space"),
    (errno.EACCES, "/home/ann/.cache/sst", "XDG_CACHE_HOME"), (errno.EROFS, "/srv/app/.sst", "make it writable"),
    (errno.ENOTDIR, "/srv/file/x", "")])
def test_what_is_wrong_with_the_machine_is_no_bug(number: int, file: str | None, hint: str) -> None:
    told = of_the_machine(OSError(number, os.strerror(number), file))
    assert told and hint in told.hint and (file or "") in told.message
    assert of_the_machine(OSError("odd")) is None
