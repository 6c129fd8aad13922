"""The functions that ``open-next.config.ts`` splits a Next.js server into: read before the build, so that a plan has
them. https://opennext.js.org/aws/config/reference"""
from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...machine.files import cached, replace_cached

__all__ = ["config_of", "split_functions"]

_ENDINGS = ("ts", "mts", "js", "mjs")
_READ = """
const { default: config = {} } = await import(process.argv[1]);
const functions = Object.entries(config.functions ?? {}).map(([name, { placement, runtime, override }]) =>
  ({ name, placement, runtime, docker: !!override?.generateDockerfile }));
console.log(JSON.stringify({ functions, external: !!config.middleware?.external }));
"""


def config_of(folder: Path) -> Path | None:
    """The project's own configuration of OpenNext."""
    return next((p for end in _ENDINGS if (p := folder / f"open-next.config.{end}").is_file()), None)


def split_functions(folder: Path, kept: Path) -> tuple[str, ...]:
    """The names of functions besides the default one. The configuration is run once and the answer kept in the file
    ``kept``, until one of its files changes. Raises ``UserError`` for what can't be deployed."""
    config = config_of(folder)
    text = config.read_text("utf-8", "replace") if config else ""
    if config is None or not ("functions" in text or re.search(r"""\bfrom\s*["']\.""", text)):
        return ()
    said = _known(folder, kept) or _run(config, kept)
    if said["external"]:
        raise UserError(f"{config.name} has external middleware, which is for another host",
                        hint="leave `middleware` out: middleware runs in the server")
    for one in said["functions"]:
        _check(config.name, one)
    return tuple(one["name"] for one in said["functions"])


def _check(config: str, function: Mapping[str, Any]) -> None:
    told = f"the function {function['name']!r} of {config}"
    if function.get("placement") == "global":
        raise UserError(f"{told} is for the edge", hint='leave out `placement: "global"`: it runs in the region')
    if function.get("runtime") == "edge":
        raise UserError(f"{told} has the edge runtime, which OpenNext's code for Lambda does not start",
                        hint='leave out `runtime: "edge"`, there and in its route: it runs on Node')
    if function.get("docker") or function.get("runtime") == "deno":
        raise UserError(f"{told} is for another host than Lambda",
                        hint="leave out generateDockerfile and `runtime: \"deno\"`; container=True deploys an image")
    if not re.search("[A-Za-z0-9]", function["name"]):
        raise UserError(f"{told} has no letter in its name", hint="functions: { api: { … } }")


def _known(folder: Path, kept: Path) -> Mapping[str, Any] | None:
    def unchanged(said: Mapping[str, Any]) -> bool:
        return all(_digest(folder / name) == digest for name, digest in said["inputs"].items())

    return cached(kept, lambda said: said if unchanged(said) else None)


def _run(config: Path, kept: Path) -> Mapping[str, Any]:
    from ..esbuild import esbuild
    from .nodejs import node_for

    folder = config.parent
    kept.parent.mkdir(parents=True, exist_ok=True)
    made, about = kept.with_suffix(".mjs").resolve(), kept.with_suffix(".meta.json").resolve()
    _output([str(esbuild(lambda text: None)), config.name, "--bundle", "--platform=node", "--format=esm",
             "--log-level=error", f"--outfile={made}", f"--metafile={about}"], folder, config.name)
    node = node_for(folder, os.environ.get("PATH", ""), lambda text: None) / "node"
    said = json.loads(_output([str(node), "--input-type=module", "-e", _READ, made.as_uri()], folder,
                              config.name).splitlines()[-1])
    inputs = json.loads(about.read_bytes())["inputs"]
    said["inputs"] = {name: _digest(folder / name) for name in inputs}
    made.unlink()
    about.unlink()
    replace_cached(kept, said)
    return dict(said)


def _output(command: Sequence[str], folder: Path, config: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env={"PATH": os.environ.get("PATH", ""), "HOME": str(Path.home())})
    if done.returncode:
        raise UserError(f"{config} can't be read", hint=done.stderr.strip()[-1000:])
    return done.stdout


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
