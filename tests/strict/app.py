"""``sst`` as a process of its own, on a stage whose AWS is the strict cloud."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from .cloud import StrictCloud

__all__ = ["App"]

SST = Path(sys.executable).with_name("sst")


@dataclass
class App:
    root: Path
    cloud: StrictCloud
    stage: str = "strict"
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SST_", "PYTEST_"))}
        self.environment = {**kept, "XDG_STATE_HOME": str(self.root.parent / "state"), "SST_STAGE": self.stage,
                            "AWS_ENDPOINT_URL": self.cloud.url, "AWS_ACCESS_KEY_ID": self.cloud.keys[0],
                            "AWS_SECRET_ACCESS_KEY": self.cloud.keys[1], "AWS_REGION": "us-east-1",
                            "AWS_EC2_METADATA_DISABLED": "true", **self.environment}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([SST, *words], cwd=self.root, env=self.environment, capture_output=True, text=True,
                              timeout=280, stdin=subprocess.DEVNULL)

    def sst(self, *words: str, code: int = 0) -> str:
        done = self.run(*words)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def outputs(self) -> dict[str, str]:
        return dict(json.loads(self.run("outputs", "--json").stdout))
