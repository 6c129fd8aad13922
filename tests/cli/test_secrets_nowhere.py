"""A full run with secret values, then a look for the plain values in everything that was written, printed or shown."""
from __future__ import annotations

import base64
import gzip
import json
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Project, Said

pytestmark = [pytest.mark.emulator, pytest.mark.slow]

VALUES = ("plain-xyzzy-1", "plain-xyzzy-2", "plain-xyzzy-shared", "plain-xyzzy-param")
MARK = "plain-xyzzy"

PROGRAM = """
import sst
from sst import aws
from sst.providers.aws import sqs, ssm

def config(input):
    return sst.Config(name="demo")

def run():
    word, shared, value = sst.Secret("Word"), sst.Secret("Shared"), sst.Secret("Param")
    fn = aws.Function("Api", handler="src/api.handler", link=[word, shared])
    ssm.Parameter("Held", value=value.value)
    sqs.Queue("Jobs", visibility_timeout=30{more})
    return {"word": word.value, "where": f"<{shared.value}>"}
"""

HANDLER = """
from sst import Resource

def handler(event, context):
    print("a log line with", Resource.Word.value)
    if event.get("bad"):
        raise ValueError("failed with " + Resource.Word.value)
    return {"length": len(Resource.Word.value + Resource.Shared.value)}
"""


def forms(text: str) -> list[bytes]:
    """A text as it is, and as base64 at each of its three alignments, without the ends that depend on the
    neighbours."""
    raw = text.encode()
    return [raw] + [base64.b64encode(b"\0" * n + raw)[4 if n else 0:-4] for n in range(3)]


def contents(file: Path) -> Iterator[bytes]:
    data = file.read_bytes()
    yield data
    for unpack in (gzip.decompress, zlib.decompress):
        try:
            yield unpack(data)
        except (OSError, zlib.error, EOFError):
            continue


def leaks(folder: Path) -> list[str]:
    return [str(f.relative_to(folder)) for f in sorted(folder.rglob("*")) if f.is_file() and not f.is_symlink()
            if any(form in data for data in contents(f) for form in forms(MARK))]


def open_to_others(folder: Path, name: str) -> bool:
    """Whether somebody else on this machine could read it: every folder down to it lets them pass."""
    path = folder / name
    if not path.stat().st_mode & 0o044:
        return False
    return all(p.stat().st_mode & 0o011 for p in path.parents if p != folder and folder in p.parents)


@pytest.mark.long
def test_no_plain_value_is_anywhere(cloud_stage: Project) -> None:
    p = cloud_stage
    said: list[Said] = []
    shown: set[str] = set()

    def run(*words: str, **options: object) -> Said:
        one = p.run(*words, **options)  # type: ignore[arg-type]  # what run takes
        said.append(Said(one.code, "", one.err) if words[0] == "invoke" else one)  # a function's answer is what it is
        shown.update(subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True,
                                    check=True).stdout.splitlines())
        return one

    def program(more: str = "") -> None:
        p.write("sst_config.py", PROGRAM.replace("{more}", more))

    p.write("src/api.py", HANDLER)
    program()
    run("secret", "set", "Word", stdin="plain-xyzzy-1\n")
    run("secret", "set", "Shared", "--fallback", stdin="plain-xyzzy-shared\n")
    run("secret", "set", "Param", stdin="plain-xyzzy-param\n")
    run("diff", "--verbose")
    run("diff", "-o", "plan.json")
    run("deploy", "plan.json", "--verbose")
    assert json.loads(run("invoke", "Api").out)["length"] == len("plain-xyzzy-1" + "plain-xyzzy-shared")
    run("invoke", "Api", "--event", '{"bad": true}', code=2)
    run("logs", "Api")
    run("secret", "set", "Word", stdin="plain-xyzzy-2\n")
    run("diff", "--json")
    program(", kms_key=value.value, delay_seconds=5000")
    run("deploy", "--on-failure", "rollback", code=2)
    program()
    run("deploy", "--json")
    run("refresh", "--json")
    for words in (("state", "export"), ("state", "list", "--json"), ("state", "diff", "1"), ("outputs", "--json"),
                  ("secret", "list")):
        run(*words)
    key = (p.root / ".sst/local/keys/demo/local.key").read_text()
    run("secret", "rotate-key")
    run("secret", "rotate-key", "--fallback")
    run("deploy")
    assert json.loads(run("invoke", "Api").out)["length"] == len("plain-xyzzy-2" + "plain-xyzzy-shared")

    for one in said:
        assert MARK not in one.out + one.err
    assert not [line for line in shown if MARK in line]
    root = p.root.parent
    found = leaks(root)
    ours = [f for f in found if not f.startswith("app/.sst/local/")
            or f.startswith(("app/.sst/local/state.db", "app/.sst/local/keys/"))]
    assert ours == [], "state, journal, plan, outputs, log, cache"
    readable = [f for f in found if open_to_others(root, f)]
    assert readable == [], "what the emulator holds of the account is for this user alone"
    now = json.loads((p.root / ".sst/local/keys/demo/local.key").read_text())
    assert len(now["keys"]) == 1 and now["current"] not in key, "the former key is forgotten"


@pytest.mark.long
def test_after_a_rotation_the_former_key_opens_nothing(cloud_stage: Project) -> None:
    p = cloud_stage
    del p.environment["SST_STAGE"]
    p.environment["SST_STAGE"] = "dev"
    p.run("secret", "set", "Word", stdin="plain-xyzzy-1\n")
    p.program('word = sst.Secret("Word")\nFile("A", text=word.value)')
    p.run("deploy")
    assert "is encrypted with a new key, k2" in p.run("secret", "rotate-key").out
    assert "no changes" in p.run("deploy").out and "plain-xyzzy-1" in p.run("secret", "list", "--values").out
    said = p.fails("state", "restore", "1", "--yes", code=3)
    assert "is not in" in said and "can't be read" in said
    assert "no changes" in p.run("deploy").out, "and nothing is lost by trying"
    p.run("secret", "rotate-key", "--keep-former")
    p.run("state", "restore", "2", "--yes")
    assert "--keep-former is for the key of a stage" in p.fails("secret", "rotate-key", "--fallback", "--keep-former")
