"""The ``sst`` script on a stage of AWS, whose way to the cloud leads through a proxy."""
from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sst.clouds.aws.client import Aws
from sst.core.model import Snapshot
from sst.embedded.cloud import Cloud
from sst.state.holder import here
from sst.state.home import StateHome

from .apps import APP, write_app
from .census import Thing, census, same, whole
from .proxy import Proxy

__all__ = ["Said", "Stage"]

SST = Path(sys.executable).with_name("sst")


@dataclass(frozen=True)
class Said:
    code: int
    text: str


@dataclass
class Stage:
    """``home`` is where the state is: ``local`` in a folder of the user, ``aws`` in a bucket, behind the same proxy."""

    root: Path
    cloud: Cloud
    aws: Aws
    way: Proxy
    figures: Counter[str]
    home: str = "local"
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None
    """The one that signals are meant for."""

    def __post_init__(self) -> None:
        kept = {k: os.environ[k] for k in ("PATH", "LANG") if k in os.environ}
        self.environment = {**kept, "HOME": str(self.root / "home"), "SST_STAGE": "prod",
                            "AWS_ENDPOINT_URL": self.way.url,
                            "AWS_ACCESS_KEY_ID": self.cloud.access_key, "AWS_SECRET_ACCESS_KEY": self.cloud.secret_key,
                            "AWS_REGION": self.cloud.region, "AWS_EC2_METADATA_DISABLED": "true"}
        (self.root / "home").mkdir()

    @property
    def folder(self) -> Path:
        return self.root / "app"

    def write(self, generation: str) -> None:
        write_app(self.folder, generation, home=self.home)

    def start(self, *words: str, before: Callable[[], Any] | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen([str(SST), *words], cwd=self.folder, env=self.environment, text=True,
                                stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
                                preexec_fn=before)

    def end(self, process: subprocess.Popen[str], timeout: float = 600) -> Said:
        out, _ = process.communicate(timeout=timeout)
        assert "Traceback" not in out, out
        return Said(process.returncode, out)

    def sst(self, *words: str, code: int | None = 0) -> Said:
        said = self.end(self.start(*words))
        assert code is None or said.code == code, f"exit {said.code}\n{said.text}"
        return said

    def deploy(self, generation: str, code: int | None = 0) -> Said:
        self.write(generation)
        return self.sst("deploy", "--yes", "--allow-destroy", "Files", code=code)

    def command(self, generation: str, code: int | None = 0) -> Said:
        return self.sst("remove", "--yes", code=code) if generation == "remove" else self.deploy(generation, code)

    def world(self) -> list[Thing]:
        return census(self.aws)

    def state(self) -> Snapshot:
        if self.home == "aws":
            home = StateHome.aws(lambda region: lambda s, op, params: self.aws.call(s, op, params, region=region),
                                 self.cloud.region, APP)
        else:
            home = StateHome.local(self.root / "home/.local/state/sst", APP)
        try:
            return home.stage("prod", here("census")).load()
        finally:
            home.close()

    def check(self, then: list[Thing]) -> None:
        """The world is that one, and the state knows it."""
        now = self.world()
        self.figures["worlds compared after faults"] += 1
        problem = same(now, then) or whole(self.state(), now)
        assert not problem, problem

    def calm(self, generation: str = "deploy") -> list[Thing]:
        """The undisturbed world."""
        self.way.decide, self.way.reached = lambda r: None, lambda r, when: None
        self.deploy(generation)
        return self.world()

    def remove(self) -> None:
        self.way.decide, self.way.reached = lambda r: None, lambda r, when: None
        self.sst("remove", "--yes")
        self.check([])

    def count(self) -> None:
        for name, n in self.way.injected.items():
            self.figures[f"faults injected: {name}"] += n
        self.way.injected.clear()
