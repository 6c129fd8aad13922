"""A project in a temporary folder, worked on with the real ``sst`` on the embedded cloud."""
from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Answer", "Project", "call", "eventually", "project"]

SST = Path(sys.executable).with_name("sst")


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    headers: list[tuple[str, str]]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Project:
    root: Path

    def sst(self, *words: str, check: bool = True, **environment: str) -> str:
        """What a command of ``sst`` prints on standard output."""
        made = self.run(*words, **environment)
        assert made.returncode == 0 or not check, made.stdout + made.stderr
        return made.stdout

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([SST, *words], cwd=self.root, capture_output=True, text=True, timeout=240,
                              env=_environment() | environment, stdin=subprocess.DEVNULL)

    def outputs(self) -> dict[str, str]:
        return dict(json.loads(self.sst("outputs", "--json")))

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            place = self.root / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)

    def invoke(self, name: str, event: object = None) -> Any:
        return json.loads(self.sst("invoke", name, "--event", json.dumps(event)))

    def client(self, service: str) -> Any:
        """The cloud itself, asked as root past everything of ours."""
        import boto3

        keys = json.loads((self.root / ".sst/local/keys.json").read_text())
        return boto3.client(service, endpoint_url=f"http://127.0.0.1:{keys['port']}", region_name="us-east-1",
                            aws_access_key_id=keys["access_key"], aws_secret_access_key=keys["secret_key"])

    def leftovers(self) -> dict[str, list[str]]:
        """Everything that is in the cloud, by kind."""
        found = {
            "functions": [f["FunctionName"] for f in self.client("lambda").list_functions()["Functions"]],
            "mappings": [m["UUID"] for m in self.client("lambda").list_event_source_mappings()["EventSourceMappings"]],
            "buckets": [b["Name"] for b in self.client("s3").list_buckets()["Buckets"]
                        if not b["Name"].startswith("sst-py-assets-")],  # stays, as on AWS
            "queues": self.client("sqs").list_queues().get("QueueUrls", []),
            "tables": self.client("dynamodb").list_tables()["TableNames"],
            "roles": [r["RoleName"] for r in self.client("iam").list_roles()["Roles"]],
            "groups": [g["logGroupName"] for g in self.client("logs").describe_log_groups()["logGroups"]],
            "apis": [a["ApiId"] for a in self.client("apigatewayv2").get_apis()["Items"]],
            "schedules": [s["Name"] for s in self.client("scheduler").list_schedules()["Schedules"]],
        }
        return {kind: names for kind, names in found.items() if names}


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SST_"))} | {"SST_STAGE": "local"}


@contextmanager
def project(root: Path, files: Mapping[str, str]) -> Iterator[Project]:
    made = Project(root)
    made.write(files)
    try:
        yield made
    finally:
        made.run("local", "reset", "--yes")


def call(url: str, *, method: str = "GET", body: bytes | None = None,
         headers: Mapping[str, str] | None = None, context: ssl.SSLContext | None = None) -> Answer:
    """One request; an error status is an answer too."""
    request = urllib.request.Request(url, body, dict(headers or {}), method=method)
    try:
        with urllib.request.urlopen(request, timeout=60, context=context) as answer:
            return Answer(answer.status, answer.read().decode(), answer.headers.items())
    except urllib.error.HTTPError as e:
        with e:
            return Answer(e.code, e.read().decode(), e.headers.items())


def eventually(look: Callable[[], bool], *, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)
