"""Apps of frameworks, with pinned packages. What is installed and built is kept between runs."""
from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from sst.build.cache import keep, machine_cache
from sst.build.site.nodejs import node_for

HERE = Path(__file__).parent
SECRET = "tok-7f3e9a51"
"""A link's value that every build has, and that no file which is served may have."""
OVER = {"react_router_8": "react_router", "svelte_kit_2": "svelte_kit", "astro_5": "astro", "next_15": "next",
        "solid_start_2": "solid_start"}
"""Apps that have another's files, with packages of their own."""

ALIKE = {"next_15", "react_router_8", "astro_5", "remix", "tan_stack_start", "solid_start", "solid_start_2",
         "analog", "angular"}
"""Built and run as another one is, or for long: by ``make sites SITES=all`` alone."""


def chosen(name: str) -> bool:
    """Whether this run takes the app."""
    return name not in ALIKE or os.environ.get("SST_SITES") == "all"


def app(name: str, to: Path) -> Path:
    """A copy of an app with its packages, not built."""
    installed = _kept(name, build=False)
    shutil.copytree(installed, to, symlinks=True, dirs_exist_ok=True)
    for folder in _source(name):
        shutil.copytree(folder, to, dirs_exist_ok=True)
    return to


def built(name: str) -> Path:
    """The folder of an app that its own command has built; not to be changed."""
    return _kept(name, build=True)


def _kept(name: str, *, build: bool) -> Path:
    source = _source(name)
    files = sorted(p for folder in source for p in folder.rglob("*") if p.is_file() and p.suffix != ".pyc")
    locks = [p for p in files if p.name in ("package.json", "package-lock.json")]
    content = hashlib.sha256(SECRET.encode() * build + b"".join(str(p.relative_to(HERE)).encode() + p.read_bytes()
                                      for p in (files if build else locks))).hexdigest()[:20]
    if build:
        return keep(machine_cache() / "tests", "built", f"{name}-{content}", lambda part: _build(name, source, part))
    return keep(machine_cache() / "tests", "installed", f"{name}-{content}", lambda part: _install(source, part))


def _source(name: str) -> list[Path]:
    return [HERE / n for n in (OVER.get(name), name) if n]


def _install(source: list[Path], part: Path) -> None:
    for folder in source:
        for file in ("package.json", "package-lock.json"):
            shutil.copyfile(folder / file, part / file)
    _run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"], part)


def _build(name: str, source: list[Path], part: Path) -> None:
    shutil.copytree(_kept(name, build=False), part, symlinks=True, dirs_exist_ok=True)
    for folder in source:
        shutil.copytree(folder, part, dirs_exist_ok=True)
    _run(["npm", "run", "build"], part)


def _run(command: list[str], folder: Path) -> None:
    node = node_for(folder, os.environ["PATH"], lambda text: None)
    env = {**os.environ, "PATH": f"{node}:{os.environ['PATH']}", "CI": "1", "NITRO_PRESET": "node-server",
           "SERVER_PRESET": "node-server", "BUILD_PRESET": "node-server", "SST": "",
           "NG_CLI_ANALYTICS": "false", "ASTRO_TELEMETRY_DISABLED": "1", "SST_RESOURCE_Token": json.dumps(SECRET)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
