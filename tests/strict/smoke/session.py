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
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

from sst.clouds.aws.client import Aws

from . import program

__all__ = ["Failed", "Session"]

SST = Path(sys.executable).with_name("sst")
INTERRUPTED = 130
"""The exit code of a command that ctrl-c ends in the middle of a deploy."""
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
    reserves: bool = False
    """Whether the account's quota lets a function reserve concurrency."""
    calls: Counter[str] = field(default_factory=Counter)
    refusals: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stage, self.app = f"smoke-{self.mark}", f"smoke-{self.mark}"
        self.domain = f"{self.app}.{self.zone}" if self.zone else ""
        self.aws = Aws(environment=self.environment)

    def command(self, *words: str) -> tuple[list[str], dict[str, str]]:
        env = {
            **self.environment,
            "SMOKE_PARTS": ",".join(self.parts),
            "SMOKE_APP": self.app,
            "SMOKE_ACCOUNT": self.account,
            "SMOKE_DOMAIN": self.domain,
            "SMOKE_RESERVED": "yes" if self.reserves else "",
            "SST_STAGE": self.stage,
        }
        return [str(SST), *words], env

    def sst(self, *words: str, code: int = 0, more: Mapping[str, str] | None = None) -> str:
        """What a command prints; its calls and each refusal of AWS are counted. ``more``: variables."""
        line, env = self.command(*words)
        done = subprocess.run(
            line, cwd=self.root, env={**env, **(more or {})}, capture_output=True, text=True, stdin=subprocess.DEVNULL
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
        lost = [name for part in sorted(left) for name in program.HOLDS_DATA.get(part, ())]
        consent = [word for name in lost for word in ("--allow-destroy", name)]
        self.sst("deploy", "--yes", "--json", *consent)
        return self.outputs()

    def outputs(self) -> dict[str, str]:
        line, env = self.command("outputs", "--json")
        said = subprocess.run(line, cwd=self.root, text=True, check=True, env=env, capture_output=True)
        return dict(json.loads(said.stdout))

    def both(self, *words: str) -> list[int]:
        """The exit codes of one command that is given twice at once."""
        line, env = self.command(*words)
        two = [subprocess.Popen(line, cwd=self.root, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL) for _ in range(2)]
        return [process.wait() for process in two]

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

    @contextmanager
    def dev(self) -> Iterator[subprocess.Popen[str]]:
        """``sst dev``, once it is ready; ended as by ctrl-c."""
        line, env = self.command("dev", "--mode", "mono")
        said: list[str] = []
        with subprocess.Popen(
            line, cwd=self.root, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, start_new_session=True
        ) as process:
            assert process.stdout
            reader = Thread(target=said.extend, args=(process.stdout,))
            reader.start()
            try:
                self.until("`sst dev` is connected", lambda: any("calls of functions come here" in t for t in said)
                           or process.poll() is not None)
                if process.poll() is not None:
                    raise Failed(f"`sst dev` ended with {process.returncode}\n{''.join(said)[-3000:]}")
                yield process
            finally:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
                reader.join()
        if process.returncode not in (0, INTERRUPTED):
            raise Failed(f"`sst dev` ended with {process.returncode} after ctrl-c\n{''.join(said)[-3000:]}")

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

    def until(self, what: str, look: Callable[[], bool], *, times: int = 1) -> None:
        """Ask until it is so: so many times as long as events may take."""
        end = time.monotonic() + self.patience * times
        while not look():
            if time.monotonic() > end:
                raise Failed(f"{what}: not after {self.patience * times:.0f} s")
            time.sleep(0.5)

    @property
    def dollars(self) -> float:
        both = self.calls + self.aws.counts
        return sum(n * PRICES.get(name.split("_")[0], 0.0) for name, n in both.items())

    def left(self) -> list[str]:
        """What still carries the stage's tag, and roles and log groups that are named after the app."""
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
                break
        groups = self.aws.call("logs", "describe_log_groups", {"logGroupNamePrefix": f"/aws/lambda/{self.app}"})
        found += [g["logGroupName"] for g in groups.get("logGroups", ())]
        return found + [name for name in self._roles() if name.startswith(self.app)]

    def _roles(self) -> Iterator[str]:
        page: dict[str, Any] = {}
        while True:
            page = self.aws.call("iam", "list_roles", {"Marker": page["Marker"]} if page else {})
            yield from (r["RoleName"] for r in page.get("Roles", ()))
            if not page.get("IsTruncated"):
                return

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
