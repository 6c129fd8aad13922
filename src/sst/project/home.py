"""Where a stage's state is kept, and who we are to it."""
from __future__ import annotations

import getpass
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..state.holder import Who, here
from ..state.keys import FileKeys
from ..state.session import Stage
from ..state.stores.local import LocalStore
from .project import Project

if TYPE_CHECKING:
    from .cloud import Aws

__all__ = ["open_stage", "state_folder", "who"]


def open_stage(project: Project, aws: Aws | None = None) -> Stage:
    """The state of the project's stage, not read yet.

    Stage ``local``: ``.sst/local/`` of the project. ``home="local"``: a folder of the user, outside of any project, so that
    deleting a checkout loses nothing. ``home="aws"``: a bucket of the account that ``aws`` speaks to.
    """
    if project.is_local or project.config.home == "local":
        folder = project.folder / "local" if project.is_local else state_folder(project.environ)
        keys = folder / "state.key" if project.is_local else folder / "keys" / project.name / f"{project.stage}.key"
        return Stage(LocalStore(folder / "state.db"), project.name, project.stage, keys=FileKeys(keys), who=who(project.environ))
    assert aws
    return aws.stage(project.name, project.stage, who(project.environ))


def state_folder(environ: Mapping[str, str]) -> Path:
    """``$XDG_STATE_HOME/sst``, by default ``~/.local/state/sst``."""
    home = environ.get("XDG_STATE_HOME")
    return (Path(home) if home and Path(home).is_absolute() else Path.home() / ".local" / "state") / "sst"


def who(environ: Mapping[str, str]) -> Who:
    """This process, for whoever finds our lock: the user's name and the CI run."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "unknown"
    return here(environ.get("GITHUB_ACTOR") or environ.get("GITLAB_USER_LOGIN") or user, ci=_ci(environ))


def _ci(environ: Mapping[str, str]) -> str:
    if run := environ.get("GITHUB_RUN_ID"):
        return f"{environ.get('GITHUB_SERVER_URL', '')}/{environ.get('GITHUB_REPOSITORY', '')}/actions/runs/{run}"
    return next((environ[k] for k in ("CI_JOB_URL", "BUILD_URL", "CIRCLE_BUILD_URL", "BUILDKITE_BUILD_URL") if k in environ), "")
