"""The uv program: where it is, which version, how it is run, and its errors in the user's words."""
from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from ..errors import UserError
from ..machine.files import cached, replace_cached
from .text import text_of

__all__ = ["Refused", "base", "host_platform", "interpreter", "lines_that_matter", "run", "running", "version"]


_CONFUSING = frozenset({"VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "UV_PYTHON", "UV_FROZEN",
                        "UV_LOCKED", "UV_PROJECT",
                        "UV_WORKING_DIRECTORY", "UV_PROJECT_ENVIRONMENT"})
"""Variables that are about the shell's own environment, not about the function's."""


class Refused(UserError):
    """uv said no. ``said`` holds all of its words."""

    code = "build-failed"

    def __init__(self, message: str, said: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.said = said


@lru_cache(maxsize=1)
def binary() -> str:
    """The uv on PATH, or the one that was installed with this package."""
    if found := shutil.which("uv"):
        return found
    try:
        import uv

        return uv.find_uv_bin()
    except (ImportError, FileNotFoundError) as e:
        raise UserError("Python functions are built with uv, which was not found", hint="pip install uv",
                        code="tool-missing") from e


def version(cache: Path) -> str:
    """uv's version. Asked once per binary: a fingerprint must not start a process."""
    path = Path(binary())
    s = path.stat()
    memo, key = cache / "uv.json", [str(path), s.st_size, s.st_mtime_ns]
    if known := cached(memo, lambda kept: str(kept["version"]) if kept["key"] == key else ""):
        return known
    said = subprocess.run([str(path), "--version"], capture_output=True, text=True, check=True).stdout
    found = said.split()[1]
    replace_cached(memo, {"key": key, "version": found})
    return found


def run(arguments: Sequence[str], *, cwd: Path, what: str, environment: Mapping[str, str] | None = None) -> str:
    """Run uv, return its output. ``what`` completes the sentence "Could not …" of the error."""
    env = {k: v for k, v in os.environ.items() if k not in _CONFUSING}
    env |= {"NO_COLOR": "1", **_pip_settings(env), "UV_NO_PROGRESS": "1",
            "UV_PYTHON_DOWNLOADS": env.get("UV_PYTHON_DOWNLOADS", "never"),
            **(environment or {})}
    done = subprocess.run([binary(), *arguments], cwd=cwd, env=env, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    if done.returncode:
        unread = _pip_file(env) if re.search(r"was\s+not\s+found\s+in\s+the", done.stderr) else None
        raise Refused(f"Could not {what}\n{lines_that_matter(done.stderr)}", done.stderr,
                      f"{unread} is not read: name its index in the project, or in PIP_INDEX_URL" if unread else "")
    return done.stdout


_PIP = {"PIP_INDEX_URL": (("UV_DEFAULT_INDEX", "UV_INDEX_URL"), " "),
        "PIP_EXTRA_INDEX_URL": (("UV_INDEX", "UV_EXTRA_INDEX_URL"), " "), "PIP_FIND_LINKS": (("UV_FIND_LINKS",), ",")}


def _pip_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """pip's variables that say where packages come from, in uv's names; uv's own win."""
    return {names[0]: joint.join(environment[pip].split()) for pip, (names, joint) in _PIP.items()
            if environment.get(pip) and not any(environment.get(n) for n in names)}


def _pip_file(environment: Mapping[str, str]) -> Path | None:
    """A configuration file of pip that says where packages come from. uv reads none."""
    home = Path(environment.get("HOME") or "/")
    at = [Path(environment.get("PIP_CONFIG_FILE") or "/etc/pip.conf"), home / ".config/pip/pip.conf",
          home / ".pip/pip.conf", home / "Library/Application Support/pip/pip.conf"]
    wanted = re.compile(r"^\s*((extra-)?index-url|find-links)\b", re.M)
    return next((p for p in at if p.is_file() and wanted.search(text_of(p))), None)


def lines_that_matter(said: str, limit: int = 15) -> str:
    """The end of a program's complaint, indented, without colours, progress, tracebacks and blank lines."""
    text = re.sub(r"(?<=://)[^/@\s]+@", "****@", re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", said))
    noise = re.compile(r"^\s*$|^(Resolved|Prepared|Using|Creating|Downloading|Installed|Building|warning:|npm "
                       r"(warn|notice))|^Resolving")
    lines: list[str] = []
    inside = -1  # indent of the traceback that is being skipped
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if line.lstrip().startswith("Traceback (most recent call last)"):
            inside = indent
        elif not noise.match(line) and not 0 <= inside < indent:
            lines.append(line.rstrip())
            inside = -1
    return "\n".join(f"  {line}" for line in lines[-limit:])


@lru_cache(maxsize=16)
def interpreter(wanted: str) -> tuple[str, str]:
    """A Python on this machine for a version like ``3.12``: (path, its version).

    The exact minor version if there is one, else the running Python; nothing is downloaded. The caller compares the
    version and warns.
    """
    if wanted == running():
        return base(), wanted
    try:
        found = run(["python", "find", "--system", "--no-project", wanted], cwd=Path.home(),
                    what=f"find Python {wanted}").strip()
    except UserError:  # uv gives up at the first broken one, such as a pyenv shim without its version
        versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
        kept = sorted(versions.glob(f"{wanted}.*/bin/python{wanted}"))
        return (str(kept[-1]), wanted) if kept else (base(), running())
    return found, wanted


def base() -> str:
    """The running Python outside its virtual environment, whose packages a function must not see."""
    return str(getattr(sys, "_base_executable", "") or sys.executable)


def host_platform() -> str:
    """This machine, as part of a cache key: ``linux-x86_64``."""
    return f"{sys.platform}-{platform.machine().lower()}"


def running() -> str:
    """The version of the Python this runs on: ``3.12``."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"
