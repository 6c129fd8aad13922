"""A small app with a test-suite of its own, run by a real pytest in a process of its own."""
from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["APP", "Suite"]

APP = {
    "sst_config.py": '''
import sst
from sst import aws

import names

def config(input):
    return sst.Config(name="small", removal="retain" if input.stage == "production" else "remove")

def run():
    bucket = aws.Bucket(names.BUCKET)
    token = sst.Secret("Token")
    api = aws.Function("Api", handler="src/api.handler", link=[bucket, token])
    aws.Cron("Daily", schedule="rate(1 day)", job={"handler": "src/api.daily"},
             event={"at": "<aws.scheduler.scheduled-time>", "n": 1})
    return {"bucket": bucket.name, "token": token.value}
''',
    "names.py": 'BUCKET = "Files"\n',
    "src/api.py": '''
from sst import Resource

def handler(event, context):
    print("got", event)
    if event.get("fail"):
        raise ValueError("no such thing")
    return {"bucket": Resource.Files.name, "token": Resource.Token.value, "event": event}

def daily(event, context):
    return event
''',
    "pytest.ini": "[pytest]\nfilterwarnings = error\n",
}


@dataclass(frozen=True)
class Suite:
    root: Path

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)

    def pytest(self, *words: str, cwd: str = ".") -> tuple[int, str]:
        """Exit code and output of ``pytest``."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SST_", "PYTEST_"))}
        done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
                              cwd=self.root / cwd,
                              env=environment, capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout + done.stderr

    def passes(self, *words: str, cwd: str = ".") -> str:
        code, told = self.pytest(*words, cwd=cwd)
        assert code == 0, told
        return told

    def fails(self, *words: str, cwd: str = ".") -> str:
        code, told = self.pytest(*words, cwd=cwd)
        assert code == 1, told
        return told

    def places(self) -> list[Path]:
        """Where clouds of tests are, or were left."""
        folder = self.root / ".sst/testing"
        return [p for p in folder.iterdir() if p.is_dir()] if folder.is_dir() else []

    def sst(self, *words: str) -> str:
        environment = {k: v for k, v in os.environ.items()
                       if not k.startswith(("AWS_", "SST_"))} | {"SST_STAGE": "local"}
        done = subprocess.run([Path(sys.executable).with_name("sst"), *words], cwd=self.root, env=environment,
                              capture_output=True,
                              text=True, timeout=240, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
