"""Real projects in a temporary folder, real uv, real zips, imported by a clean interpreter."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sst.build.artefact import Artefact
from sst.build.uv import binary

Run = Callable[..., Any]
RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"

_CALL = """
import importlib, json, sys
sys.path[0] = sys.argv[1]
module, _, function = sys.argv[2].rpartition(".")
handler = getattr(importlib.import_module(module.replace("/", ".")), function)
print(json.dumps(handler(json.loads(sys.argv[3]), None)))
"""


def write(root: Path, files: Mapping[str, str]) -> Path:
    """Write files (dedented) under a folder."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"))
    return root


def uv(*arguments: str, cwd: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
    subprocess.run([binary(), *arguments], cwd=cwd, check=True, capture_output=True, env=environment)


def unpack(artefact: Artefact, to: Path) -> Path:
    with zipfile.ZipFile(artefact.path) as z:
        assert z.testzip() is None
        z.extractall(to)
    return to


def call(folder: Path, handler: str, event: object = None) -> Any:
    """Import the handler as Lambda would, in an interpreter that sees nothing but the bundle, and call it."""
    command = [sys.executable, "-I", "-S", "-c", _CALL, str(folder), handler, json.dumps(event or {})]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def names(artefact: Artefact) -> list[str]:
    with zipfile.ZipFile(artefact.path) as z:
        return z.namelist()
