"""What a deploy and a plan of a site cost where nothing has changed: each kind of site in a project of its own."""
from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.sites import apps

from sst.embedded import cloud as embedded

from .demo import event
from .measure import Cost, run
from .report import Report

__all__ = ["calls_of", "measure_unchanged", "sst"]

SST = Path(sys.executable).with_name("sst")
PROGRAM = """
import sst
from sst import aws


def config(input):
    return sst.Config(name="bench", region="us-east-1")


def run():
    token = sst.Secret("Token", "tok-7f3e9a51")
    return {"site": aws.%s.url}
"""
SITES: Mapping[str, tuple[str, str]] = {
    "Express": ("web", 'NodeServer("Web", path="web", entry="dist/main.js", link=[token])'),
    "FastAPI": ("api", 'FastApi("Api", app="api/main:app", link=[token], static={"/assets": "pages"})'),
    "Django": ("shop", 'Django("Shop", project="shop", link=[token])'),
    "React Router": ("react", 'React("React", path="react", link=[token])')}


def measure_unchanged(report: Report, root: Path, times: int, *, quick: bool) -> None:
    """``root`` has five sites in one program, and the files of each; ``quick`` leaves React Router out."""
    rows = [_row(report, "five sites in one program", root, times)]
    for name, (folder, line) in SITES.items():
        if name == "React Router" and quick:
            report.say("- left out: React Router, which is installed and built first")
            continue
        alone = root.parent / f"{folder}-alone"
        _copied(root, alone, folder)
        (alone / "sst_config.py").write_text(PROGRAM % line)
        embedded.start(alone, environment=os.environ)
        try:
            rows.append(_row(report, name, alone, times))
        finally:
            embedded.reset(alone)
    start = min((sst(root, "--version") for _ in range(times + 1)), key=lambda c: c.wall)
    report.table(("where nothing changed", "`sst deploy`", "its processor", "`sst diff`", "its processor"), rows)
    report.say(f"`sst --version`: {start.wall:.2f} s, {start.cpu:.2f} s of processor.\n")


def _copied(root: Path, alone: Path, folder: str) -> None:
    if folder == "react":
        apps.app("react_router", alone / folder)
        return
    alone.mkdir()
    names = {"api": ("api", "pages"), "shop": ("shop", "manage.py", "requirements.txt")}.get(folder, (folder,))
    for name in names:
        if (root / name).is_dir():
            shutil.copytree(root / name, alone / name, symlinks=True)
        else:
            shutil.copyfile(root / name, alone / name)
    (alone / ".venv").symlink_to(root / ".venv")


def _row(report: Report, name: str, root: Path, times: int) -> tuple[str, ...]:
    """After the first deploy, and one of each that is not counted: it keeps what it has read for the next."""
    found = dict[str, Cost]()
    sst(root, "deploy")
    for command in ("deploy", "diff"):
        sst(root, command)
        found[command] = min((sst(root, command) for _ in range(times + 2)), key=lambda c: c.wall)
    report.figure(f"no change of {name}", found["deploy"].wall, 0.5, "s")
    report.figure(f"sst diff of {name}", found["diff"].wall, 0.5, "s")
    report.figure(f"calls where nothing changed, {name}", sum(calls_of(found["deploy"]).values()), 0, "calls")
    return (name, *(text for c in found.values() for text in (f"{c.wall:.2f} s", f"{c.cpu:.2f} s")))


def sst(root: Path, command: str) -> Cost:
    """One command of SST on stage ``local``."""
    # as an installed package has it: compiled once
    given = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SST_", "PYTHONDONTWRITE"))}
    more = [] if command.startswith("-") else ["--stage", "local", "--json"]
    return run([str(SST), command, *more], cwd=root, env=given)


def calls_of(deploy: Cost) -> dict[str, int]:
    """How often it made which call."""
    found: Any = next(e for e in map(event, deploy.output.splitlines()) if "calls" in e)
    return dict(found["calls"])
