"""Where a stage's state is kept on this machine, and who we are to it."""
from __future__ import annotations

import getpass
from collections.abc import Mapping
from pathlib import Path

from ..state.holder import Who, here

__all__ = ["state_folder", "who"]


def state_folder(environ: Mapping[str, str]) -> Path:
    """State of ``home="local"`` on an AWS stage: ``$XDG_STATE_HOME/sst``, by default ``~/.local/state/sst``.

    Outside of any project, so that deleting a checkout loses nothing.
    """
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
    return next((environ[k] for k in ("CI_JOB_URL", "BUILD_URL", "CIRCLE_BUILD_URL", "BUILDKITE_BUILD_URL")
                 if k in environ), "")
