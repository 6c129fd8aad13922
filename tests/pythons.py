"""Runs the quick tests on every other Python of this machine that the package supports: ``python -m tests.pythons``.

Each has a virtual environment of its own, ``.venv-3.13``, that is kept. They run at once, and what each says is printed
when it ends. Looks for ``python3.N`` on PATH, and among what pyenv and uv have installed; one of each minor version, no
pre-releases.
"""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
OLDEST = (3, 12)
FACTS = "import json, sys; print(json.dumps([*sys.version_info[:3], sys.version_info.releaselevel == 'final']))"


def main(arguments: Sequence[str]) -> int:
    """``arguments`` go to pytest. The exit code is 1 if any of them failed."""
    found = [(f"{major}.{minor}", python) for (major, minor), python in sorted(others().items())]
    with ThreadPoolExecutor(max(1, len(found))) as pool:
        passed = list(pool.map(lambda each: passes(*each, arguments), found))
    if failed := [version for (version, _), so in zip(found, passed, strict=True) if not so]:
        print(f"failed on Python {', '.join(failed)}")
        return 1
    return 0


def passes(version: str, python: Path, arguments: Sequence[str]) -> bool:
    """Whether the tests pass on one of them."""
    began = time.monotonic()
    done = subprocess.run([ready(ROOT / f".venv-{version}", python), "-m", "pytest", *arguments], cwd=ROOT, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(f"{done.stdout}Python {version}: {time.monotonic() - began:.0f} s", flush=True)
    return done.returncode == 0


def others() -> dict[tuple[int, int], Path]:
    """The newest of each minor version but the one that runs this."""
    found: dict[tuple[int, int], tuple[int, Path]] = {}
    for python in candidates():
        try:
            ran = subprocess.run([python, "-I", "-c", FACTS], capture_output=True, text=True, check=True, timeout=30)
        except (OSError, subprocess.SubprocessError):  # a shim of a version that is switched off
            continue
        major, minor, patch, final = json.loads(ran.stdout)
        version = (major, minor)
        if final and version >= OLDEST and version != sys.version_info[:2]:
            found[version] = max(found.get(version, (-1, python)), (patch, python))
    return {version: python for version, (_, python) in found.items()}


def candidates() -> Iterator[Path]:
    names = [f"python3.{minor}" for minor in range(OLDEST[1], 20)]
    yield from (Path(python) for name in names if (python := shutil.which(name)))
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    uv = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "uv"
    yield from sorted(pyenv.glob("versions/3.*/bin/python3"))
    yield from sorted(uv.glob("python/cpython-3.*/bin/python3"))


def ready(folder: Path, python: Path) -> Path:
    """The Python of an environment with this package and what its tests need."""
    made, environment = folder / "ready", folder / "bin/python"
    if not made.exists() or made.stat().st_mtime < (ROOT / "pyproject.toml").stat().st_mtime:
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", python, folder], check=True)
        subprocess.run([*uv, "pip", "install", "--quiet", "--python", environment, "--compile-bytecode", "--editable",
                        f"{ROOT}[dev]"], check=True)
        made.touch()
    return environment


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
