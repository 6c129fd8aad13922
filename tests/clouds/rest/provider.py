"""A provider over a REST API: one type, one schema, five requests. The smallest that finds what a lost answer made."""
from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from sst.core.model import Operation, State
from sst.core.output import UNKNOWN
from sst.core.provider import Absent, Change, Found, Note, Provider, Result, Traits, Unsure
from sst.core.schema import Argument, Schema
from sst.errors import ProviderError, UserError

MONITOR = Schema("rest:Monitor", {"name": Argument(required=True, replace=True), "url": Argument(required=True),
                                  "interval": Argument(), "region": Argument(replace=True),
                                  "password": Argument(secret=True)},
                 secret_outputs=frozenset({"token"}), id_format="m<number>")


class RestProvider(Provider):
    traits = Traits(fingerprint="rest 1")

    def __init__(self, address: str) -> None:
        self._host = urlsplit(address).netloc

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        connection = http.client.HTTPConnection(self._host, timeout=30)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None)
            answer = connection.getresponse()
            text = answer.read()
        except OSError as e:
            raise ProviderError(str(e), code="NoAnswer", operation=f"{method} {path}") from e
        finally:
            connection.close()
        if answer.status == 404:
            return None
        found = json.loads(text) if text else {}
        if answer.status >= 400:
            raise ProviderError(found["message"], code=str(answer.status), status=answer.status,
                                operation=f"{method} {path}")
        return found

    def schema(self, type: str) -> Schema:
        if type != MONITOR.type:
            raise UserError(f"there is no type {type}")
        return MONITOR

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        if isinstance(every := inputs.get("interval"), int) and every < 30 and every is not UNKNOWN:
            raise UserError("interval is at least 30 seconds")
        if prior is None:
            return Change(frozenset(inputs))
        names = {*prior.inputs, *inputs}
        changed = frozenset(k for k in names if prior.inputs.get(k) != inputs.get(k))
        return Change(changed, changed & {k for k, a in MONITOR.arguments.items() if a.replace})

    def create(self, operation: Operation, note: Note) -> Result:
        return _result(self._send("POST", "/monitors", operation.inputs))

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        return _result(self._send("PATCH", f"/monitors/{state.id}", {k: operation.inputs.get(k)
                                                                     for k in operation.changed}))

    def delete(self, state: State, note: Note) -> None:
        self._send("DELETE", f"/monitors/{state.id}")

    def read(self, state: State) -> Result | None:
        found = self._send("GET", f"/monitors/{state.id}")
        return _result(found, read=True) if found else None

    def find(self, operation: Operation) -> Found | Absent | Unsure:
        found = [m for m in self._send("GET", f"/monitors?name={quote(operation.inputs['name'])}")
                 if m["id"] not in operation.known]
        return Found(_result(found[0])) if found else Absent()


def _result(monitor: Mapping[str, Any], *, read: bool = False) -> Result:
    outputs = {k: monitor[k] for k in ("id", "region", "token")}
    return Result(monitor["id"], outputs, inputs={k: v for k, v in monitor.items() if k in MONITOR.arguments}
                  if read else None)
