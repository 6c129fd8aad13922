"""``make docs``: the documentation as a site, in ``dist/docs/``: a folder a version, and ``versions.json``."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import sst

from .pages import Odd, prepare
from .settings import settings

ROOT = Path(__file__).parents[2]


def build(to: Path, version: str) -> Path:
    """Build one version beside those that are there; it becomes the one that the root leads to. Raises ``Odd`` for a
    link that leads nowhere."""
    with tempfile.TemporaryDirectory(prefix="sst-docs-") as folder:
        work = Path(folder)
        menu = prepare(ROOT, work / "docs")
        (work / "zensical.toml").write_text(settings(menu, version), encoding="utf-8")
        done = subprocess.run([str(Path(sys.executable).with_name("zensical")), "build", "--clean", "--strict"],
                              cwd=work, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
        if done.returncode:
            raise Odd(f"the generator failed:\n{done.stdout}{done.stderr}")
        place = to / version
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(work / "site", place)
    _list_versions(to, version)
    return place


def _list_versions(to: Path, latest: str) -> None:
    """What the menu of versions reads, and a root page that leads to the latest."""
    found = sorted((p.name for p in to.iterdir() if (p / "index.html").is_file()), key=_number, reverse=True)
    (to / "versions.json").write_text(json.dumps([
        {"version": v, "title": v, "aliases": ["latest"] if v == latest else []} for v in found]))
    (to / "index.html").write_text('<!doctype html><meta charset="utf-8"><title>sst for Python</title>'
                                   f'<meta http-equiv="refresh" content="0; url={latest}/">'
                                   f'<a href="{latest}/">The documentation</a>\n', encoding="utf-8")
    shutil.copy(to / latest / "404.html", to / "404.html")


def _number(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


if __name__ == "__main__":
    try:
        print(build(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "dist/docs", sst.__version__))
    except Odd as error:
        sys.exit(str(error))
