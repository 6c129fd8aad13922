"""The path below which an app of Next.js answers, ``basePath`` of next.config, which the Router has to know too.
https://nextjs.org/docs/app/api-reference/config/next-config-js/basePath"""
from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import UserError

if TYPE_CHECKING:
    from ..router import RouterPath

__all__ = ["base_path"]

_COMMENT = re.compile(r"/\*.*?\*/|(?:^|(?<=\s))//[^\n]*", re.DOTALL | re.MULTILINE)
_TEXT = re.compile(r"""\bbasePath["']?\s*[:=]\s*(["'`])([^"'`$\\]*)\1[ \t]*(?:[,;}\n]|$)""")


def base_path(name: str, folder: Path, given: str | None, router: RouterPath | None) -> str:
    """The base path of a site, empty for none: what ``base_path`` says, else what next.config does, else the path in
    the Router. Raises ``UserError`` where they differ; what next.config computes is compared after the build."""
    if given is not None and not re.fullmatch(r"(/[^/\s?#]+)+", given):
        raise UserError(f"base_path of {name} can't be {given!r}", hint='base_path="/docs", as in next.config')
    file, written = _written(folder)
    if given is not None and written and given != written:
        raise UserError(f"base_path of {name} is {given!r}, and {file} has {_shown(written)}",
                        hint=f"leave base_path out: what {file} says is taken")
    base = given if given is not None else written
    path = "/" + str(router.get("path", "/")).strip("/") if isinstance(router, Mapping) else None
    if base is None:    # computed: the Router tells what to expect
        return "" if path in (None, "/") else str(path)
    if path is not None and path != (base or "/"):
        ways = [f'basePath: "{path}" in {file}'] if path != "/" else []
        ways.append(f'router={{"instance": router, "path": "{base}"}}' if base else 'a host: "domain" in router=')
        raise UserError(f"the Router leads {path} to {name}, and the app has {_shown(base)}", hint=", or ".join(ways))
    return base


def _written(folder: Path) -> tuple[str, str | None]:
    """The name of next.config, and the base path there: empty for none, None where it is no plain text."""
    places = (folder / f"next.config.{end}" for end in ("js", "mjs", "ts", "mts", "cjs"))
    found = next((p for p in places if p.is_file()), None)
    if found is None:
        return "next.config.mjs", ""
    text = _COMMENT.sub("", found.read_text("utf-8", "replace"))
    if "basePath" not in text:
        return found.name, ""
    plain = {m[2] for m in _TEXT.finditer(text)}
    return found.name, plain.pop() if len(plain) == 1 and len(re.findall(r"\bbasePath\b", text)) == 1 else None


def _shown(base: str) -> str:
    return f'the basePath "{base}"' if base else "no basePath"
