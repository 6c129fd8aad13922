"""What the page may do: each thing is what a command does, and says which one."""
from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..embedded.cloud import status
from ..errors import UserError
from .permission import Permission
from .server import NotThere
from .source import Source

__all__ = ["Actions"]

Body = Mapping[str, Any]
_EVENT_LIMIT = 6 * 1024 * 1024


class Actions:
    def __init__(self, source: Source, permission: Permission) -> None:
        self._source, self._permission = source, permission

    def replay(self, body: Body) -> dict[str, Any]:
        """Send the event of a recorded call again, or another one (``event``, a text of JSON)."""
        self._permission.check()
        row = self._row(body)
        event = body.get("event")
        if event is not None:
            try:
                json.loads(str(event))
            except ValueError as error:
                raise UserError(f"the event is not JSON: {error}", code="bad-event") from error
            if len(str(event)) > _EVENT_LIMIT:
                raise UserError("the event is over 6 MB", code="bad-event")
        running = status(self._source.project.place or self._source.project.root)
        if running is None:
            raise UserError("the local cloud does not run", hint="`sst deploy --stage local` starts it",
                            code="not-running")
        return running.cloud.replay(row["request"], str(event) if event is not None else None)

    def save_test(self, body: Body) -> dict[str, Any]:
        """A test of the user's that sends this event. Without ``write`` it is only shown."""
        self._permission.check()
        row, root = self._row(body), self._source.project.root
        try:
            event = json.loads(row["event"])
        except ValueError as error:
            raise UserError("only the beginning of this event is recorded", hint="events over 64 KB are cut",
                            code="bad-event") from error
        name = re.sub(r"\W+", "_", str(body.get("name") or row["trigger"])).strip("_").lower()[:60] or "call"
        function = self._source.seen().titles.get(row["function"], row["function"])
        files = {f"tests/events/{name}.json": json.dumps(event, indent=2) + "\n",
                 f"tests/test_{name}.py": _test(name, function, row)}
        if body.get("write"):
            if taken := [file for file in files if (root / file).exists()]:
                raise UserError(f"{taken[0]} exists", hint="choose another name")
            for file, text in files.items():
                (root / file).parent.mkdir(parents=True, exist_ok=True)
                Path(root, file).write_text(text, encoding="utf-8")
        return {"files": files, "written": bool(body.get("write")), "command": f"pytest tests/test_{name}.py"}

    def _row(self, body: Body) -> dict[str, Any]:
        row = self._source.records.one(str(body.get("id", "")))
        if row is None:
            raise NotThere(f"call {body.get('id')} is not recorded")
        return row


def _test(name: str, function: str, row: Mapping[str, Any]) -> str:
    if row["error"]:
        check = f"    assert made.error and made.error.type == {str(row['error'])!r}"
    elif row["status"]:
        check = f"    assert made.result[\"statusCode\"] == {int(row['status'])}"
    else:
        check = "    assert made.error is None"
    has_secrets = "[secret " in row["event"]
    fill = ("    for name, value in sst_program(sst_app.stage).secrets.items():  # values of tests: none is recorded\n"
            "        text = text.replace(f\"[secret {name}]\", json.dumps(value)[1:-1])\n") if has_secrets else ""
    hint = "    # a header that is [masked] was not recorded: if the function needs it, write it into the file\n"
    return (f'"""Saved from a recorded call: {row["trigger"]}"""\n'.replace('\\"', '"')
            + "import json\nfrom pathlib import Path\n\nEVENT = Path(__file__).parent / "
            + f'"events" / "{name}.json"\n\n\ndef test_{name}(sst_app{", sst_program" if has_secrets else ""}):\n'
            + '    text = EVENT.read_text(encoding="utf-8")\n' + (hint if "[masked]" in row["event"] else "") + fill
            + f"    made = sst_app.invoke({function!r}, json.loads(text))\n{check}\n")
