"""What the build of a framework made, as its reader says."""
from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...records import dataclass

__all__ = ["SiteOutput", "missing", "serving"]


@dataclass(frozen=True)
class SiteOutput:
    """Folders are relative to the site's own."""

    static: tuple[str, ...]
    """Folders whose files are served; a later one wins."""
    load: str = ""
    """The body of an ``async`` function of JavaScript that loads the server: it may give a listener or ``{ fetch }``.
    Empty if the site has no server."""
    server: tuple[str, ...] = ()
    """Folders that belong to the server, whole; ``.`` stands for the files that git does not ignore."""
    without: tuple[str, ...] = ()
    """Patterns of files below ``server`` that it does not need: what is served from elsewhere."""
    packages: bool = True
    """Whether the server imports packages from outside of ``server``, which are looked for."""
    module: str = ""
    """The whole module that the function loads, instead of ``load``."""
    beside: tuple[str, ...] = ()
    """Files of ``runtime/site`` that it needs beside the usual one."""
    base: str = ""
    """The path below which the app answers: addresses of files begin with it."""
    data: Mapping[str, Path] = field(default_factory=dict)
    """Files for a bucket of the server's own, by key."""

    functions: Mapping[str, SiteOutput] = field(default_factory=dict)
    """Servers of some paths, by name, each in a function of its own."""
    routes: tuple[tuple[str, str], ...] = ()
    """Pairs of a regular expression and the name of the function whose paths it matches; empty for the default one."""

    @property
    def has_server(self) -> bool:
        return bool(self.load or self.module)


def serving(output: SiteOutput) -> str:
    """The module that the function loads. The app's folder is the current one, as when it is started by hand."""
    if output.module:
        return output.module
    return ('import { serve } from "./sst-server.mjs";\n\n'
            "process.chdir(import.meta.dirname);\n"
            'process.env.NODE_ENV ??= "production";\n'
            f"export const handler = await serve(async () => {{\n{output.load.strip()}\n}});\n")


def missing(site: Path, names: Iterable[str], framework: str, hint: str) -> None:
    """Raise ``UserError`` unless the build made all of these."""
    for name in names:
        if not (site / name).exists():
            raise UserError(f"the build of {framework} made no {name}", hint=hint)


def read_json(path: Path) -> Mapping[str, Any]:
    """A JSON file of the build; empty if there is none."""
    try:
        found = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
