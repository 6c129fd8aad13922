"""A function's bundle, and environments of their own for packages that must not meet ours."""
from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
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
    """``environment_of("flask")`` → the Python of a virtual environment with these packages, made once and kept between runs."""
    def made(*packages: str) -> Path:
        name = sha256(" ".join([sys.version, *packages]).encode()).hexdigest()[:12]
        home = Path(gettempdir()) / "sst-test-environments" / name
        python = home / "bin" / "python"
        if not (home / "ready").exists():
            shutil.rmtree(home, ignore_errors=True)
            _uv("venv", "-q", "--python", sys.executable, str(home))
            _uv("pip", "install", "-q", "--python", str(python), *packages)
            (home / "ready").touch()
        return python

    yield made


def _uv(*words: str) -> None:
    done = subprocess.run([uv.find_uv_bin(), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"packages can't be installed here: {done.stderr[-300:]}")
