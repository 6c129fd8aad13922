"""Containers of podman or docker that outlive a killed launcher: they have a label of its data folder, and are removed.

Standard library only: the commands that stop the cloud use it too.
"""
from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Mapping
from pathlib import Path

from sst.machine.container_engine import ENGINES

__all__ = ["label", "remember", "sweep"]

_SECONDS = 20.0


def label(folder: Path) -> str:
    """What the containers of the cloud in ``folder`` have."""
    return f"sst.cloud={folder}"


def remember(folder: Path, engine: str) -> None:
    """Note that containers of ``folder`` may run by this engine; only then is it asked for any."""
    (folder / "containers").mkdir(mode=0o700, exist_ok=True)
    (folder / "containers" / engine).touch()


def sweep(folder: Path, environ: Mapping[str, str]) -> bool:
    """Remove the containers of ``folder``, from each engine that has had one; False if there were none."""
    some = False
    for engine in ENGINES:
        note = folder / "containers" / engine
        if not note.exists():
            continue
        with contextlib.suppress(OSError, subprocess.SubprocessError):     # gone, or it does not answer: ask next time
            found = _ask(engine, environ, "ps", "--all", "--quiet", f"--filter=label={label(folder)}").split()
            if found:
                _ask(engine, environ, "rm", "--force", *(["--time=0"] if engine == "podman" else []), *found)
                some = True
            note.unlink(missing_ok=True)
    return some


def _ask(engine: str, environ: Mapping[str, str], *words: str) -> str:
    return subprocess.run([engine, *words], env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=_SECONDS, check=True).stdout
