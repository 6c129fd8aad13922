"""Which stage a command works on, and what a stage may be called."""
from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import UserError

__all__ = ["LOCAL", "check_stage", "choose_stage", "remember_stage"]

LOCAL = "local"
"""The stage that always lives on this machine."""

LIMIT = 40
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*\Z")
_HINT = "pass --stage NAME, set SST_STAGE, or write the name to .sst/stage; `--stage local` needs no account"


def check_stage(name: str, source: str) -> str:
    """The name, if it may be one: a letter, then letters, digits and hyphens; at most 40 characters.

    Raises ``UserError``: ``check_stage("pr_12", "--stage")`` says which character is wrong.
    """
    if not name:
        raise UserError("the stage name is empty", hint=_HINT, where=source, code="bad-stage-name")
    if len(name) > LIMIT:
        raise UserError(f"the stage name is {len(name)} characters long; {LIMIT} is the limit", where=source,
                        code="bad-stage-name")
    if not _NAME.match(name):
        better = re.sub(r"[^A-Za-z0-9-]+", "-", name).strip("-").lstrip("0123456789-")
        hint = f'"{better}" would do' if better else ""
        raise UserError(f'"{name}" is not a valid stage name: it starts with a letter and holds letters, '
                        'digits and hyphens only',
                        hint=hint, where=source, code="bad-stage-name")
    return name


def choose_stage(flag: str | None, environ: Mapping[str, str], root: Path,
                 ask: Callable[[], str] | None = None) -> str:
    """The stage from ``--stage``, then ``SST_STAGE``, then ``.sst/stage``, then by asking.

    ``ask`` is None without a terminal; what it answers is remembered in ``.sst/stage``. The name of the OS user is
    never taken by itself: it could be somebody else's stage in a shared account.
    """
    if flag is not None:
        return check_stage(flag, "--stage")
    if named := environ.get("SST_STAGE"):
        return check_stage(named, "SST_STAGE")
    file = root / ".sst" / "stage"
    if file.is_file() and (kept := file.read_text(encoding="utf-8").strip()):
        return check_stage(kept, ".sst/stage")
    if ask is None:
        raise UserError("no stage is named", hint=_HINT, code="no-stage")
    name = check_stage(ask().strip(), "your answer")
    remember_stage(root, name)
    return name


def remember_stage(root: Path, name: str) -> None:
    """Make ``name`` the stage that commands in this project use by default."""
    folder = root / ".sst"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "stage").write_text(name + "\n", encoding="utf-8")
