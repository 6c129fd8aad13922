"""A function's bundle, and environments of their own for packages that must not meet ours."""
from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir

import pytest
import uv

HOME = Path(__file__).parents[2] / "src" / "sst"


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds of ``sst`` what a function's bundle holds."""
    root = tmp_path_factory.mktemp("bundle")
    (root / "sst").mkdir()
    for name in ("__init__.py", "errors.py"):
        shutil.copy(HOME / name, root / "sst" / name)
    shutil.copytree(HOME / "runtime", root / "sst" / "runtime", ignore=shutil.ignore_patterns("__pycache__"))
    return root


@pytest.fixture(scope="session")
def environment_of() -> Iterator[Callable[..., Path]]:
    """``environment_of("flask")`` → the Python of a virtual environment with these packages, made once and kept between
    runs; ``python`` is another one than that of the tests."""
    def made(*packages: str, python: str = sys.executable) -> Path:
        own = sys.version if python == sys.executable else python
        name = sha256(" ".join([own, *packages]).encode()).hexdigest()[:12]
        with _kept(name) as home:
            inside = home / "bin" / "python"
            if not (home / "ready").exists():
                _uv("venv", "-q", "--clear", "--python", python, str(home))
                _uv("pip", "install", "-q", "--python", str(inside), *packages)
                (home / "ready").touch()
        return inside

    yield made


@pytest.fixture(scope="session")
def npm_tool() -> Callable[[str], Path]:
    """``npm_tool("pyright")`` → its program; installed once and kept between runs."""
    return lambda name: npm_package(name) / "node_modules" / ".bin" / name


def npm_package(name: str) -> Path:
    """A folder with an npm package installed."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm")
    with _kept(f"npm-{name}") as home:
        if not (home / "ready").exists():
            (home / "package.json").write_text('{"type": "module"}')
            done = subprocess.run([npm, "install", name, "--ignore-scripts", "--omit=optional", "--no-audit",
                                   "--no-fund"], cwd=home,
                                  capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"{name} can't be installed here: {done.stderr[-300:]}")
            (home / "ready").touch()
    return home


@contextmanager
def _kept(name: str) -> Iterator[Path]:
    """A folder that outlives the run; one process at a time fills it."""
    home = Path(gettempdir()) / "sst-test-environments" / name
    home.mkdir(parents=True, exist_ok=True)
    with home.with_suffix(".lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield home


def _uv(*words: str) -> None:
    done = subprocess.run([uv.find_uv_bin(), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"packages can't be installed here: {done.stderr[-300:]}")
