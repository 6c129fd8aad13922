"""Real ``sst`` processes in a project of their own."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SST = Path(sys.executable).with_name("sst")

FILES = '''
"""Kinds of resources with a provider of their own: each thing is a JSON file in a folder."""
import json
import time
from pathlib import Path

from sst.core.provider import Absent, Change, Found, Provider, Result
from sst.core.resource import Arg, Resource, out, prop, schema_of
from sst.errors import ProviderError

FOLDER = Path(__file__).parent / "things"


class Files(Provider):
    def schema(self, type):
        return schema_of(Data if type == Data.type else File)

    def plan(self, type, prior, inputs):
        old = prior.inputs if prior else {}
        changed = frozenset(k for k in {*old, *inputs} if old.get(k) != inputs.get(k))
        return Change(changed, changed & {"shape"} if prior else frozenset())

    def _write(self, id, inputs, note):
        FOLDER.mkdir(exist_ok=True)
        if inputs.get("fail"):
            raise ProviderError("no such thing", code="Refused", operation="files write", request_id="r-1",
                                hint="don't ask for it")
        if inputs.get("slow"):
            note("writing slowly")
            until = FOLDER.parent / "go"
            while not until.exists():
                time.sleep(0.01)
        (FOLDER / id).write_text(json.dumps(dict(inputs)))

    def create(self, operation, note):
        self._write(operation.inputs["name"], operation.inputs, note)
        return Result(operation.inputs["name"], {"path": operation.inputs["name"] + ".json"})

    def read(self, state):
        file = FOLDER / state.id
        return Result(state.id, state.outputs, json.loads(file.read_text())) if file.exists() else None

    def update(self, operation, state, note):
        self._write(state.id, operation.inputs, note)
        return Result(state.id, state.outputs)

    def delete(self, state, note):
        (FOLDER / state.id).unlink(missing_ok=True)

    def find(self, operation):
        file = FOLDER / operation.inputs["name"]
        return Found(Result(operation.inputs["name"], {"path": file.name + ".json"})) if file.exists() else Absent()


class File(Resource, type="test.File"):
    provider = Files()
    name: Arg[str] = prop(limit=60, replace=True)
    text: Arg[str] = prop(default="")
    shape: Arg[str] = prop(default="x", replace=True)
    slow: Arg[bool] = prop(default=None)
    fail: Arg[bool] = prop(default=None)
    path = out("path")


class Data(File, type="test.Data", holds_data=True):
    """Holds the user's data."""
'''

CONFIG = '''
import sst
from files import Data, File

def config(input):
    return sst.Config(name="demo", home="local", region="us-east-1"{more})

def run():
'''


@dataclass
class Project:
    """A folder with a program, and a home and an environment of its own. ``run`` is one ``sst`` process."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def program(self, body: str, *, more: str = "") -> None:
        lines = "".join(f"    {line}\n" for line in body.strip("\n").split("\n"))
        self.write("sst_config.py", CONFIG.replace("{more}", more and f", {more}") + lines)

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen([str(SST), *words], cwd=self.root, env={**self.environment, **environment}, text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *words: str, stdin: str = "", code: int | None = 0, **environment: str) -> Said:
        process = self.start(*words, **environment)
        out, err = process.communicate(stdin, timeout=120)
        assert code is None or process.returncode == code, f"exit {process.returncode}\n{out}\n{err}"
        assert "/sst/" not in err or "Traceback" not in err, "no frame of the tool itself is ever shown"
        return Said(process.returncode, out, err)

    def fails(self, *words: str, code: int = 1, stdin: str = "", **environment: str) -> str:
        """What it says on standard error."""
        return self.run(*words, code=code, stdin=stdin, **environment).err

    @property
    def things(self) -> dict[str, dict[str, Any]]:
        """What is there, by the name in the program."""
        folder = self.root / "things"
        found = [json.loads(f.read_text()) for f in folder.iterdir()] if folder.is_dir() else []
        return {t["name"].split("-")[2]: t for t in found}


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An app on stage ``local`` whose resources are files: no cloud is needed, and none starts."""
    root = tmp_path / "app"
    root.mkdir()
    home = tmp_path / "home"
    home.mkdir()
    kept: Mapping[str, str] = {k: os.environ[k] for k in ("PATH", "LANG", "UV_CACHE_DIR") if k in os.environ}
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    made = Project(root, {**kept, "HOME": str(home), "XDG_CACHE_HOME": cache, "SST_STAGE": "dev",
                          "AWS_EC2_METADATA_DISABLED": "true"})
    made.write("files.py", FILES)
    made.program("pass")
    return made


@pytest.fixture
def cloud_stage(project: Project) -> Iterator[Project]:
    """The project on stage ``local``, whose cloud is stopped and wiped afterwards."""
    project.environment["SST_STAGE"] = "local"
    yield project
    project.run("local", "reset", "--yes", code=None)


def interrupt(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
