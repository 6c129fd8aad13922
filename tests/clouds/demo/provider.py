"""The engine's side of the demo provider: schemas that exist only at run time, a process that starts when it is
needed."""
from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import Any

from sst.core.model import Operation, State
from sst.core.output import UNKNOWN
from sst.core.provider import Change, Note, PartlyMade, Provider, Result, Traits
from sst.core.schema import Argument, Schema
from sst.errors import ProviderError, UserError

SERVER = Path(__file__).with_name("server.py")


class DemoProvider(Provider):
    """``version`` is that of the schema; the cached one is used until a call is needed."""

    def __init__(self, folder: Path, version: int = 1) -> None:
        self.folder, self.version = folder, version
        self.traits = Traits(fingerprint=f"demo {version}")
        self.starts = 0
        self._process: subprocess.Popen[str] | None = None
        self._lock = RLock()
        (folder / "log").touch()

    def _ask(self, op: str, **given: Any) -> dict[str, Any]:
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen([sys.executable, str(SERVER), str(self.folder), str(self.version)],
                                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                self.starts += 1
            assert self._process.stdin and self._process.stdout
            self._process.stdin.write(json.dumps({"op": op, **given}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
            if not line:
                self.close()
                raise ProviderError("the provider died before it answered", code="NoAnswer", operation=f"demo {op}")
        answer: dict[str, Any] = json.loads(line)
        if text := answer.get("error"):
            if answer.get("user"):
                raise UserError(text)
            error = ProviderError(text, code=answer.get("code", "Refused"), status=400, operation=f"demo {op}")
            raise PartlyMade(error, _result(answer["left"])) if "left" in answer else error
        return answer

    def schema(self, type: str) -> Schema:
        return Schema(type, {"name": Argument(replace=True, required=True), "size": Argument(),
                             "password": Argument(secret=True), "order": Argument(), "mode": Argument()},
                      secret_outputs=frozenset({"token"}), version=self.version, id_format="t<number>")

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        known = {k: v for k, v in inputs.items() if v is not UNKNOWN}
        told = self._ask("plan", prior={"inputs": dict(prior.inputs)} if prior else None, inputs=known)
        return Change(frozenset(told["changed"]), frozenset(told.get("replace", ())), told.get("order", ""),
                      frozenset(told.get("unknown", ())), handle=dict(inputs))

    def create(self, operation: Operation, note: Note) -> Result:
        assert operation.change.handle == operation.inputs, "the plan is that of exactly these inputs"
        return _result(self._ask("create", inputs=dict(operation.inputs)))

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        assert json.loads(state.private)["note"] == "private notes"
        return _result(self._ask("update", id=state.id, inputs=dict(operation.inputs)))

    def read(self, state: State) -> Result | None:
        found = self._ask("read", id=state.id)
        return replace(_result(found), inputs=found["inputs"]) if found else None

    def delete(self, state: State, note: Note) -> None:
        self._ask("delete", id=state.id)

    def upgrade(self, state: State) -> State:
        return replace(state, outputs={**state.outputs, "serial": int(state.outputs["serial"])}, version=self.version)

    def close(self) -> None:
        with self._lock:
            if self._process:
                assert self._process.stdin and self._process.stdout
                self._process.stdin.close()
                self._process.stdout.close()
                self._process.wait(10)
                self._process = None

    @property
    def calls(self) -> list[str]:
        return (self.folder / "log").read_text().split()


def _result(answer: Mapping[str, Any]) -> Result:
    return Result(answer["id"], answer["outputs"], private=answer["private"], version=answer["version"])
