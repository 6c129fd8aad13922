"""What ``sst init`` writes: the least that makes a folder deployable, around what is there already."""
from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from .apps import App, apps_of, read_json, read_text, read_toml
from .find import CONFIG
from .stage import LOCAL

__all__ = ["Found", "Write", "look", "starter"]


@dataclass(frozen=True)
class Found:
    """What the folder holds."""

    name: str
    kind: str
    """The frameworks of its apps, or ``Python``, ``Node`` or ``empty``."""
    apps: list[App] = field(default_factory=list)


@dataclass(frozen=True)
class Write:
    """A file to write, or text to add to one."""

    path: Path
    text: str
    adds: bool = False


def look(root: Path) -> Found:
    """What kind of project is in ``root``. ``UserError`` if a folder holds two frameworks."""
    project, package = read_toml(root / "pyproject.toml").get("project", {}), read_json(root / "package.json")
    name = _app_name(str(project.get("name") or package.get("name") or root.resolve().name))
    if apps := apps_of(root):
        return Found(name, " and ".join(dict.fromkeys(a.kind for a in apps)), apps)
    if project or any((root / f).is_file() for f in ("requirements.txt", "setup.py", "setup.cfg")):
        return Found(name, "Python")
    return Found(name, "Node" if package else "empty")


def starter(root: Path, found: Found) -> list[Write]:
    """The files that are missing; nothing that exists is changed, but for a line in ``.gitignore``."""
    writes: list[Write] = []
    if not (root / CONFIG).exists():
        writes.append(Write(root / CONFIG, _CONFIG.format(name=found.name, body=_body(found))))
        if not found.apps and not (sample := _sample(root, found)).path.exists():
            writes.append(sample)
    if not (root / ".sst" / "stage").exists():
        writes.append(Write(root / ".sst" / "stage", LOCAL + "\n"))
    ignore = root / ".gitignore"
    if ignore.exists() or _in_git(root):
        text = read_text(ignore)
        if not any(line.strip().strip("/") == ".sst" for line in text.splitlines()):
            writes.append(Write(ignore, ("" if not text or text.endswith("\n") else "\n") + ".sst/\n", adds=True))
    return writes


def _in_git(root: Path) -> bool:
    return any((folder / ".git").exists() for folder in (root.resolve(), *root.resolve().parents))


def _app_name(text: str) -> str:
    clean = re.sub(r"[^A-Za-z0-9]+", "-", text.rpartition("/")[2]).strip("-").lower().lstrip("0123456789-")
    return clean[:40].rstrip("-") or "my-app"


def _body(found: Found) -> str:
    """The lines of ``run()``."""
    if not found.apps:
        return '    api = aws.Function("Api", handler="src/api.handler", url=True)\n    return {"url": api.url}'
    lines, shown = [], []
    for app in found.apps:
        variable = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", app.name).lower()
        given = [f"{k}={_quoted(v)}" for k, v in app.arguments if (k, v) != ("path", ".")]
        lines.append(f"    {variable} = aws.{app.component}({', '.join([_quoted(app.name), *given])})")
        shown.append(f'"{variable if len(found.apps) > 1 else "url"}": {variable}.url')
    return "\n".join([*lines, f"    return {{{', '.join(shown)}}}"])


def _quoted(value: object) -> str:
    """As Python writes it, with double quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(k)}: {_quoted(v)}" for k, v in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _sample(root: Path, found: Found) -> Write:
    """A handler for a folder without an app. Of Node it has another ending."""
    if found.kind == "Node":
        return Write(root / "src" / "api.mjs", _NODE)
    return Write(root / "src" / "api.py", _PYTHON)


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
{body}
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
