"""Tracebacks as data: frames of the user's own files with the code around them, those of libraries by name alone."""
from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["is_traceback", "told_error"]

_START = "Traceback (most recent call last)"
_FRAME = re.compile(r'^(?P<indent>[ |+-]*)File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<name>.*))?$')
_NODE = re.compile(r"^ *at (?:(?P<name>.*) \()?(?:file://)?(?P<file>(?:/|node:)[^()]*?):(?P<line>\d+)(?::\d+)?\)?$")
_BETWEEN = re.compile(r"^[ |]*(The above exception was the direct cause|During handling of the above exception)")
_MEMBER = re.compile(r"^ *\+[-+]*-+ \d+ -+$")
_RAISED = re.compile(r"^(?P<indent> *\| |)(?P<type>[A-Za-z_][\w.]*)(?:: (?P<message>.*))?$")
_DEPLOYED = re.compile(r".*/\.sst/(?:local/code|dev/[^/]+/[^/]+|cache/[^/]+)/[^/]+/(?P<rest>.+)")
_FOREIGN = ("/site-packages/", "/dist-packages/", "/node_modules/", "/lib/python", "/sst/runtime/", "<frozen", "node:",
            "/_sst_entry", "runtime_client")
_AROUND = 4
_MOST = 60


def told_error(document: str, lines: Sequence[str], root: Path) -> dict[str, Any]:
    """Of a failed call: its error document, and the lines that it logged. ``sections`` are exceptions in the order in
    which they were raised: causes, then what they led to; members of a group follow it, at a greater ``depth``."""
    try:
        found = json.loads(document)
    except ValueError:
        found = {}
    found = found if isinstance(found, dict) else {}
    whole = str(found.get("causes") or "") or next((line for line in reversed(lines) if _START in line), "")
    trace = found.get("stackTrace") or found.get("trace") or found.get("stack") or []
    frames_alone = "\n".join(str(part).rstrip("\n") for part in trace) if isinstance(trace, list) else str(trace)
    kind, message = str(found.get("errorType", "")), str(found.get("errorMessage", ""))
    sections = _sections(whole or frames_alone, root)
    if not whole or not sections:
        frames = sections[0]["frames"] if sections else []
        sections = [{"type": kind, "message": message, "depth": 0, "frames": frames, "relation": ""}]
    sections[-1].update({"type": sections[-1]["type"] or kind, "message": sections[-1]["message"] or message})
    return {"type": kind, "message": message, "sections": sections}


def is_traceback(text: str) -> bool:
    return _START in text


def _sections(text: str, root: Path) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    frames: list[dict[str, Any]] = []
    relation, begins = "", False    # a member of a group that was never raised has no frames
    for line in text.split("\n"):
        if frame := _FRAME.match(line) or _NODE.match(line):
            frames.append(_frame(frame["file"], int(frame["line"]), frame["name"] or "", root))
        elif between := _BETWEEN.match(line):
            relation = "caused" if "direct cause" in between[0] else "while handling it"
        elif _MEMBER.match(line):
            begins = True
        elif (frames or begins) and (raised := _RAISED.match(line)):
            depth = max(0, len(raised["indent"]) // 2 - 2)     # "  | " is a group, "    | " a member of it
            made.append({"type": raised["type"], "message": raised["message"] or "", "depth": depth,
                         "frames": frames[-_MOST:], "relation": relation})
            frames, relation, begins = [], "", False
    if frames:
        made.append({"type": "", "message": "", "depth": 0, "frames": frames[-_MOST:], "relation": relation})
    return made


def _frame(file: str, line: int, name: str, root: Path) -> dict[str, Any]:
    own, ran = _own(file, root), Path(file)
    facts: dict[str, Any] = {"file": own or _short(file), "line": line, "name": name, "own": bool(own)}
    if own:
        source = ran if ran.is_file() else root / own
        try:
            text = source.read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            return facts
        first = max(1, line - _AROUND)
        facts |= {"first": first, "source": [s[:400] for s in text[first - 1:line + _AROUND]],
                  "path": str(root / own), "changed": _is_changed(ran, root / own)}
    return facts


def _own(file: str, root: Path) -> str:
    """The path in the project, of a file that is the user's; also as it was deployed."""
    found = _DEPLOYED.match(file)
    inside = found["rest"] if found else file.removeprefix(f"{root}/") if file.startswith(f"{root}/") else ""
    if not inside or any(part in f"/{inside}" for part in _FOREIGN) or ".." in Path(inside).parts:
        return ""
    return inside if (root / inside).is_file() else ""


def _is_changed(ran: Path, now: Path) -> bool:
    """Whether the project has another text by now than what ran."""
    try:
        return ran != now and ran.is_file() and ran.read_bytes() != now.read_bytes()
    except OSError:
        return False


def _short(file: str) -> str:
    for folder in ("/site-packages/", "/dist-packages/", "/node_modules/"):
        if folder in file:
            return file.rpartition(folder)[2]
    if found := _DEPLOYED.match(file):
        return found["rest"]
    return file.rpartition("/lib/")[2] if "/lib/python" in file else file
