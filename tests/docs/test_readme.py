"""The README's five minutes, for real: a new virtual environment with the wheel, an empty folder, each command in
order."""
from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from .examples import ROOT, blocks, write

pytestmark = [pytest.mark.emulator, pytest.mark.slow]

TOUR_STARTS = (ROOT / "README.md").read_text().partition("## Five minutes")[0].count("\n")
TOUR = [b for b in blocks(ROOT / "README.md") if b.line > TOUR_STARTS]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that would be released."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "uv", "build", "--wheel", "--quiet", "--out-dir", folder, ROOT], check=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    source = ROOT / "src"
    wanted = {p.relative_to(source).as_posix() for p in source.rglob("*")
              if p.is_file() and "__pycache__" not in p.parts}
    manual = ROOT / "docs"
    wanted |= {f"sst/manual/{p.relative_to(manual).as_posix()}" for p in manual.rglob("*") if p.is_file()}
    with zipfile.ZipFile(wheel) as z:
        held = set(z.namelist())
        entries = z.read(next(n for n in held if n.endswith("entry_points.txt"))).decode()
    assert {n for n in held if ".dist-info/" not in n} == wanted
    assert {"sst/py.typed", "sst/runtime/live.mjs", "sst/runtime/origin.mjs", "sst/runtime/stream.sh",
            "sst/executor/node_client.mjs", "sst/embedded/requirements.lock", "sst/embedded/functions.lock"} <= held
    assert "sst = sst.cli.main:main" in entries and "sst = sst.testing.plugin" in entries


@pytest.mark.long
def test_the_five_minutes(tmp_path: Path, wheel: Path) -> None:
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
                                       f"pip install --quiet --disable-pip-version-check '{wheel}'"))
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
    where = run("python -c 'import sst; print(sst.__file__)'")
    assert Path(where.strip()).is_relative_to(folder / ".venv"), "the wheel was toured, not the checkout"
    for part in ("12 created", "url: http://127.0.0.1:", "wrote hello.txt to hello-local-uploads", "~ Api/Function",
                 "2 updated",
                 "saved hello.txt to hello-local-uploads", "REPORT RequestId", "12 deleted", "stopped"):
        assert part in said, said
