"""The README's five minutes, for real: a new virtual environment, an empty folder, each command in order."""
from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from .examples import ROOT, blocks, write

pytestmark = [pytest.mark.emulator, pytest.mark.slow]

TOUR_STARTS = (ROOT / "README.md").read_text().partition("## Five minutes")[0].count("\n")
TOUR = [b for b in blocks(ROOT / "README.md") if b.line > TOUR_STARTS]


def test_the_five_minutes(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SST_", "VIRTUAL_ENV", "PYTHON"))}
    folder, said = tmp_path, ""

    def run(script: str) -> str:
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment, text=True,
                              capture_output=True,
                              timeout=250, check=False)
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    try:
        for block in TOUR:
            if block.file:
                write(folder, block.file, block.text)
            elif "sst init" in block.text:
                run(block.text.replace("pip install sst-python",
                                       f"pip install --quiet --disable-pip-version-check '{ROOT}'"))
                folder = tmp_path / "hello"
                environment["PATH"] = f"{folder / '.venv/bin'}:{environment['PATH']}"
            else:
                if "sst diff" in block.text:
                    write(folder, "src/api.py", (folder / "src/api.py").read_text().replace("wrote", "saved"))
                said += run(block.text)
    finally:
        if folder != tmp_path:
            subprocess.run(["sst", "local", "reset", "--yes"], cwd=folder, env=environment, capture_output=True,
                           check=False)
    for part in ("12 created", "url: http://127.0.0.1:", "wrote hello.txt to hello-local-uploads", "~ Api/Function",
                 "2 updated",
                 "saved hello.txt to hello-local-uploads", "REPORT RequestId", "12 deleted", "stopped"):
        assert part in said, said
