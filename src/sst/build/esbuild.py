"""The esbuild program: fetched once through the user's own npm (so its registry settings hold), checked, cached."""
from __future__ import annotations

import base64
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import UserError
from .cache import keep, machine_cache
from .uv import lines_that_matter

__all__ = ["VERSION", "esbuild", "npm"]

VERSION = "0.28.2"
_INTEGRITY = {
    "linux-x64": "4xTZr1FUmSoQW4XIWmit3tzQrUTZM+N3P0XV8xROKYF50XfI7xeO90+1bZvNwxIufQ9hDQVRJH5YhgPVF8A/HQ==",
    "linux-arm64": "pW4AC0P3it8c7do9MVM4p51FzHzdM/TZrerurgRcHJ2WTa1VQ1CIq18xncfpBJw4ojkiZZrKW2yIBWBP92j6Ug==",
    "darwin-x64": "uq6suIWYP37qzGddBKPw5QEQPi6HiLGsO7UmkpfyaYNQ3D+rN6w6WfwH+nuqcGXWvawGwxOEroO4YGnFh95azw==",
    "darwin-arm64": "n4KqkOQrraxHJcgjM1RvwbigfQKIKJVpM7xp+KsxiyUSrRdIXnt73VhrPAx0fV44hgfmIVKjxMN9J1t5jySVkw==",
    "win32-x64": "5ebpxr3nWMzrL/rnUI755Jkuee0bHL/Gq0WTF9lvcpv73wAp5eu8MfBUgWK9bhWvZjj7yX8etf/8tI8Ney695g==",
}
"""sha512 of the published package per platform; a tarball that differs is not run."""


def esbuild(note: Callable[[str], None]) -> Path:
    """The path of the esbuild program for this machine, shared by all projects; the first call fetches 5 MB."""
    names = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
    machine = names.get(platform.machine().lower(), "?")
    name = f"{sys.platform}-{machine}"
    if name not in _INTEGRITY:
        raise UserError(f"esbuild, which bundles Node functions, is not available for {name}")
    program = "esbuild.exe" if sys.platform == "win32" else "esbuild"

    def make(part: Path) -> None:
        note(f"fetching esbuild {VERSION} from npm")
        npm(["pack", f"@esbuild/{name}@{VERSION}", "--silent"], cwd=part,
            what="fetch esbuild, which bundles Node functions,")
        (tarball,) = part.glob("*.tgz")
        if base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode() != _INTEGRITY[name]:
            raise UserError(f"The esbuild that npm delivered is not the published {VERSION}",
                            hint="check the registry npm is configured for")
        import tarfile  # slow to import, and seldom needed

        with tarfile.open(tarball) as t:
            member = t.extractfile("package/esbuild.exe" if sys.platform == "win32" else "package/bin/esbuild")
            assert member
            (part / program).write_bytes(member.read())
        (part / program).chmod(0o755)
        tarball.unlink()

    return keep(machine_cache(), "esbuild", f"{VERSION}-{name}", make) / program


def npm(arguments: Sequence[str], *, cwd: Path, what: str) -> str:
    """Run npm; ``what`` completes "Could not …"."""
    program = shutil.which("npm")
    if not program:
        raise UserError(f"Could not {what} because npm was not found", hint="install Node.js, which brings npm",
                        code="tool-missing")
    env = {**os.environ, "NO_COLOR": "1", "npm_config_update_notifier": "false", "npm_config_audit": "false",
           "npm_config_fund": "false"}
    done = subprocess.run([program, *arguments], cwd=cwd, env=env, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    if done.returncode:
        raise UserError(f"Could not {what}\n{lines_that_matter(done.stderr or done.stdout)}")
    return done.stdout
