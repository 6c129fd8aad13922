"""What ``sst init`` writes: the least that makes a folder deployable, around what is there already."""
from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .find import CONFIG
from .stage import LOCAL

__all__ = ["Found", "Write", "look", "starter"]


@dataclass(frozen=True)
class Found:
    """What the folder holds. ``handler`` is the web app's place, if one was found."""

    name: str
    kind: str
    """``FastAPI``, ``Django``, ``Flask``, ``Starlette``, ``Python``, ``Node`` or ``empty``."""
    handler: str = ""


@dataclass(frozen=True)
class Write:
    """A file to write, or text to add to one."""

    path: Path
    text: str
    adds: bool = False


_APPS = {"FastAPI": "FastAPI(", "Flask": "Flask(", "Starlette": "Starlette("}
_PLACES = ("main.py", "app.py", "app/main.py", "app/app.py", "app/__init__.py", "src/main.py", "src/app.py",
           "api/main.py",
           "wsgi.py", "asgi.py")


def look(root: Path) -> Found:
    """What kind of project is in ``root``. Reads a handful of files by name; walks nothing."""
    project, package = _toml(root / "pyproject.toml").get("project", {}), _json(root / "package.json")
    name = _app_name(str(project.get("name") or package.get("name") or root.resolve().name))
    if (root / "manage.py").is_file() and (module := _django(root)):
        return Found(name, "Django", f"{module}:application")
    for file in _candidates(root):
        text = _text(root / file)
        for kind, call in _APPS.items():
            if found := re.search(rf"^(\w+)(?::[^=\n]+)?\s*=\s*(?:\w+\.)?{re.escape(call)}", text, re.MULTILINE):
                module = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
                return Found(name, kind, f"{module}:{found[1]}")
    if project or any((root / f).is_file() for f in ("requirements.txt", "setup.py", "setup.cfg")):
        return Found(name, "Python")
    return Found(name, "Node" if package else "empty")


def _candidates(root: Path) -> Iterator[str]:
    yield from (p for p in _PLACES if (root / p).is_file())
    for package in sorted(root.glob("src/*/__init__.py"))[:10]:
        for name in ("main.py", "app.py", "__init__.py"):
            if (file := package.parent / name).is_file():
                yield file.relative_to(root).as_posix()


def _django(root: Path) -> str:
    found = re.search(r"DJANGO_SETTINGS_MODULE['\"],\s*['\"]([\w.]+)\.settings", _text(root / "manage.py"))
    if not found:
        return ""
    folder = root / found[1].replace(".", "/")
    return next((f"{found[1]}.{m}" for m in ("asgi", "wsgi") if (folder / f"{m}.py").is_file()), "")


def starter(root: Path, found: Found) -> list[Write]:
    """The files that are missing; nothing that exists is changed, but for a line in ``.gitignore``."""
    writes: list[Write] = []
    handler, sample = found.handler, None
    if not handler:
        handler, sample = ("src/api.handler", Write(root / "src" / ("api.mjs" if found.kind == "Node" else "api.py"),
                                                    _NODE if found.kind == "Node" else _PYTHON))
    if not (root / CONFIG).exists():
        writes.append(Write(root / CONFIG, _CONFIG.format(name=found.name, handler=handler)))
        if sample and not sample.path.exists():
            writes.append(sample)
    if not (root / ".sst" / "stage").exists():
        writes.append(Write(root / ".sst" / "stage", LOCAL + "\n"))
    ignore = root / ".gitignore"
    if ignore.exists() or _in_git(root):
        text = _text(ignore)
        if not any(line.strip().strip("/") == ".sst" for line in text.splitlines()):
            writes.append(Write(ignore, ("" if not text or text.endswith("\n") else "\n") + ".sst/\n", adds=True))
    return writes


def _in_git(root: Path) -> bool:
    return any((folder / ".git").exists() for folder in (root.resolve(), *root.resolve().parents))


def _app_name(text: str) -> str:
    clean = re.sub(r"[^A-Za-z0-9]+", "-", text.rpartition("/")[2]).strip("-").lower().lstrip("0123456789-")
    return clean[:40].rstrip("-") or "my-app"


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(file))
    except tomllib.TOMLDecodeError:
        return {}


def _json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(_text(file) or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


_CONFIG = '''\
import sst
from sst import aws


def config(input: sst.AppInput) -> sst.Config:
    production = input.stage == "production"
    return sst.Config(
        name="{name}",
        removal="retain" if production else "remove",
        protect=production,
    )


def run() -> dict[str, object]:
    api = aws.Function("Api", handler="{handler}", url=True)
    return {{"url": api.url}}
'''

_PYTHON = '''\
def handler(event, context):
    return {"statusCode": 200, "body": "Hello from Python"}
'''

_NODE = '''\
export async function handler(event) {
  return { statusCode: 200, body: "Hello from Node" };
}
'''
