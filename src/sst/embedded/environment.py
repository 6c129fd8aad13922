"""The private environment of the emulator: made once per user, from the lock file in this package."""
from __future__ import annotations

import contextlib
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from sst.errors import UserError
from sst.machine.lock import FileLock

__all__ = ["LOCK", "cache_folder", "ensure", "folder_name", "functions_folder"]

LOCK = Path(__file__).with_name("requirements.lock")
FUNCTIONS_LOCK = Path(__file__).with_name("functions.lock")
"""What Python functions find without bundling it, as on Lambda: boto3."""
Note = Callable[[str], None]


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where environments are kept: ``$XDG_CACHE_HOME/sst`` or ``~/.cache/sst``."""
    base = environment.get("XDG_CACHE_HOME") or ""
    return (Path(base) if Path(base).is_absolute() else Path(environment.get("HOME") or Path.home()) / ".cache") / "sst"


def folder_name() -> str:
    """Names the environment after what is in it: the locked packages and this Python."""
    digest = hashlib.sha256(LOCK.read_bytes() + FUNCTIONS_LOCK.read_bytes() + sys.version.encode()
                            + sys.platform.encode()).hexdigest()[:12]
    return f"cloud-{digest}-py{sys.version_info.major}.{sys.version_info.minor}"


def ensure(environment: Mapping[str, str], *, note: Note) -> Path:
    """The environment's Python; installs it on first use (about 30 MB, needs the package index once).

    Two processes at once are safe: one installs, the other waits for it. Raises `UserError` if it can't be installed.

        python = ensure(os.environ, note=print)
    """
    folder = cache_folder(environment) / folder_name()
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "complete").exists():
            note("installing the embedded cloud (once per machine)")
            shutil.rmtree(folder, ignore_errors=True)
            _install(folder, python, environment)
            (folder / "complete").touch()
    return python


def functions_folder(environment: Mapping[str, str]) -> Path | None:
    """What Python functions find without bundling it, as on Lambda; None if nothing is installed yet."""
    folder = cache_folder(environment) / folder_name() / "functions"
    return folder if folder.is_dir() else None


def _install(folder: Path, python: Path, environment: Mapping[str, str]) -> None:
    uv = _uv()
    env = {**environment, "UV_NO_PROGRESS": "1", "UV_NO_CONFIG": "1"}
    for name in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "CONDA_PREFIX"):
        env.pop(name, None)
    install = [uv, "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--python", str(python)]
    steps = ([uv, "venv", "--quiet", "--no-project", "--python", sys.executable, str(folder)],
             [*install, "--compile-bytecode", "--requirements", str(LOCK)],
             [*install, "--target", str(folder / "functions"), "--requirements", str(FUNCTIONS_LOCK)])
    for step in steps:
        ran = subprocess.run(step, env=env, capture_output=True, text=True, check=False)
        if ran.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            raise UserError(f"the embedded cloud could not be installed: {_last_words(ran.stderr)}",
                            hint=f"stage `local` needs the packages of {LOCK.name} (the emulator and its dependencies) "
                                 "once. Connect to the package index and run `sst deploy --stage local`; after that "
                                 "it works offline")


def _uv() -> str:
    found = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if found:
        return found
    with contextlib.suppress(ImportError, FileNotFoundError):
        import uv

        return str(uv.find_uv_bin())
    raise UserError("the program `uv` is missing", hint="it is a dependency of this package: install the package again")


def _last_words(stderr: str) -> str:
    lines = [line.strip(" ×│├╰─▶") for line in stderr.splitlines() if line.strip()]
    return "; ".join(lines[-3:]) if lines else "uv failed without a message"
