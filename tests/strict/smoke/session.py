"""One run: the project, the account, what was called, what AWS refused, what it cost."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sst.clouds.aws.client import Aws

from . import program

__all__ = ["Failed", "Session"]

SST = Path(sys.executable).with_name("sst")
PRICES = {"s3.put": 5.0e-6, "s3.list": 5.0e-6, "s3.create": 5.0e-6, "s3.get": 4.0e-7, "s3.head": 4.0e-7}
"""US dollars for a request; what is not listed is free, or free at this size. https://aws.amazon.com/s3/pricing/"""


class Failed(Exception):
    """A step found something that is not as it should be."""


@dataclass
class Session:
    """``reach`` maps an address to where it is reached: itself, but in tests. ``patience`` is how long events may take,
    in seconds."""

    root: Path
    account: str
    environment: Mapping[str, str]
    zone: str = ""
    strict: bool = False
    """The cloud is the strict one: what only AWS has is not run."""
    reach: Callable[[str], str] = lambda url: url
    patience: float = 120
    say: Callable[[str], None] = print
    mark: str = field(default_factory=lambda: secrets.token_hex(4))
    parts: tuple[str, ...] = ()
    calls: Counter[str] = field(default_factory=Counter)
    refusals: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stage, self.app = f"smoke-{self.mark}", f"smoke-{self.mark}"
        self.aws = Aws(environment=self.environment)

    def command(self, *words: str) -> tuple[list[str], dict[str, str]]:
        env = {
            **self.environment,
            "SMOKE_PARTS": ",".join(self.parts),
            "SMOKE_APP": self.app,
            "SMOKE_ACCOUNT": self.account,
            "SST_STAGE": self.stage,
        }
        return [str(SST), *words], env

    def sst(self, *words: str, code: int = 0, **more: str) -> str:
        """What a command prints; its calls and each refusal of AWS are counted."""
        line, env = self.command(*words)
        done = subprocess.run(
            line, cwd=self.root, env={**env, **more}, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        self._learn(done.stdout)
        if done.returncode != code:
            raise Failed(
                f"`sst {' '.join(words)}` ended with {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
            )
        return done.stdout + done.stderr

    def deploy(self, *parts: str) -> dict[str, str]:
        left = set(self.parts) - set(parts or self.parts)
        self.parts = parts or self.parts
        buckets = [name for part in sorted(left) for name in program.BUCKETS.get(part, ())]
        consent = [word for name in buckets for word in ("--allow-destroy", name)]
        self.sst("deploy", "--yes", "--json", *consent)
        return dict(
            json.loads(
                subprocess.run(
                    self.command("outputs", "--json")[0],
                    cwd=self.root,
                    text=True,
                    check=True,
                    env=self.command()[1],
                    capture_output=True,
                ).stdout
            )
        )

    def killed(self) -> None:
        """A deploy that is killed after its first step."""
        line, env = self.command("deploy", "--yes", "--json")
        process = subprocess.Popen(
            line,
            cwd=self.root,
            env=env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert process.stdout
        for text in process.stdout:
            if '"step_done"' in text:
                break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()

    def _learn(self, text: str) -> None:
        for event in _events(text):
            if event.get("event") == "finished":
                self.calls.update({k: n for k, n in (event.get("calls") or {}).items() if isinstance(n, int)})
            note = str(event.get("text", ""))
            if event.get("event") == "step_note" and note.startswith(("retrying", "slowed")):
                self.refusals.append(f"{event.get('key', '')}: {note}")
                self.say(f"      {self.refusals[-1]}")

    def get(self, url: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.reach(url), timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode(errors="replace")

    def until(self, what: str, look: Callable[[], bool]) -> None:
        end = time.monotonic() + self.patience
        while not look():
            if time.monotonic() > end:
                raise Failed(f"{what}: not after {self.patience:.0f} s")
            time.sleep(0.5)

    @property
    def dollars(self) -> float:
        both = self.calls + self.aws.counts
        return sum(n * PRICES.get(name.split("_")[0], 0.0) for name, n in both.items())

    def left(self) -> list[str]:
        """What still carries the stage's tag."""
        found: list[str] = []
        page: dict[str, Any] = {}
        while True:
            page = self.aws.call(
                "resourcegroupstaggingapi",
                "get_resources",
                {
                    "TagFilters": [{"Key": "sst:stage", "Values": [self.stage]}],
                    **({"PaginationToken": page["PaginationToken"]} if page else {}),
                },
            )
            found += [r["ResourceARN"] for r in page.get("ResourceTagMappingList", ())]
            if not page.get("PaginationToken"):
                return found

    def write(self, text: str = "first") -> None:
        program.write(self.root, text=text)


def _events(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found
