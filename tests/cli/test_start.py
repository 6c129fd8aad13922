"""What a command costs before it does anything."""
from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from .conftest import SST, Project

HEAVY = ("asyncio", "ssl", "botocore", "boto3", "sqlite3", "http", "email", "subprocess", "cryptography", "sst.core",
         "sst.aws",
         "sst.engine", "sst.state", "sst.project")


@pytest.mark.parametrize("words", [["version"], ["--help"], ["deploy", "--help"], []])
def test_nothing_heavy_is_imported_to_say_the_version_or_the_help(words: list[str]) -> None:
    code = (f"import sys; from sst.cli.main import run; code = run({words!r}); "
            f"print([m for m in {HEAVY!r} if m in sys.modules]); sys.exit(code)")
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "[]"


def loaded(code: str, project: Project | None = None) -> list[str]:
    """The modules that some code imports, in a Python of its own."""
    said = subprocess.run([sys.executable, "-c", f"import sys; {code}; print(sorted(sys.modules))"], check=True,
                          capture_output=True, text=True, cwd=project.root if project else None,
                          env=project.environment if project else None)
    return list(ast.literal_eval(said.stdout.splitlines()[-1]))


def test_a_no_op_deploy_loads_no_client_of_a_cloud_and_nothing_that_only_a_change_needs(project: Project) -> None:
    project.program('File("A")')
    project.run("deploy")
    modules = loaded("from sst.cli.main import run; run(['deploy'])", project)
    assert not {"asyncio", "botocore", "boto3", "ssl", "cryptography", "concurrent.futures", "logging", "subprocess",
                "tempfile", "shutil", "html", "traceback"} & {*modules}
    assert len([m for m in modules if m.startswith("sst.")]) <= 120, "fewer is better: each costs half a millisecond"


STARTED = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system", "socket.connect")
"""Events of Python by which a process starts, or a connection."""


def started(project: Project, *words: str) -> list[str]:
    """Which of `STARTED` a command does, in order."""
    code = (f"import sys; seen = []; sys.addaudithook(lambda e, _: seen.append(e) if e in {STARTED!r} else None); "
            f"from sst.cli.main import run; code = run({words!r}); print(seen); sys.exit(code)")
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=project.root,
                          env=project.environment)
    return list(ast.literal_eval(said.stdout.splitlines()[-1]))


def test_a_no_op_deploy_starts_no_process_and_connects_to_nothing(project: Project) -> None:
    """One that changes something asks git for the commit, which stands in the history."""
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.com", *words], cwd=project.root,
                       env=project.environment, check=True)
    project.program('File("A")')
    assert "subprocess.Popen" in started(project, "deploy")
    assert started(project, "deploy") == []
    assert started(project, "diff") == []


def test_a_site_that_is_deployed_needs_nothing_of_functions_and_builds() -> None:
    """It would be a third of the time of a deploy that changes nothing."""
    modules = loaded("import sst.aws; sst.aws.StaticSite")
    assert not {"sst.aws.function", "sst.aws.vpc", "sst.aws.router", "sst.clouds.aws.lambda_", "sst.clouds.aws.acm",
                "sst.build.artefact", "sst.build.python", "sst.build.node", "concurrent.futures", "subprocess",
                "tempfile", "zipfile", "mimetypes", "html"} & {*modules}
    assert len([m for m in modules if m.startswith("sst.")]) <= 84, "fewer is better: each costs half a millisecond"


def test_the_version_is_the_packages() -> None:
    import tomllib
    from pathlib import Path

    import sst

    facts = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert facts["project"]["version"] == sst.__version__
    said = subprocess.run([SST, "version"], capture_output=True, text=True, check=True)
    assert said.stdout == f"sst {sst.__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    assert "_SST_COMPLETE" in subprocess.run([SST, "completion", shell], capture_output=True, text=True,
                                             check=True).stdout


def test_ctrl_c_while_modules_are_imported_is_no_traceback() -> None:
    program = ("import sys\n"
               "class Pressed:\n"
               "    def find_spec(self, name, path, target=None):\n"
               "        if name == 'sst.cli.dispatch':\n"
               "            raise KeyboardInterrupt\n"
               "sys.meta_path.insert(0, Pressed())\n"
               "from sst.cli.main import main\n"
               "sys.argv = ['sst', 'deploy']\n"
               "main()\n")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 130 and not done.stderr.strip() and not done.stdout
