"""The AWS that a stage speaks to: the real one, or the one on this machine."""
from __future__ import annotations

from collections.abc import Callable, Collection
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..core.provider import Provider

if TYPE_CHECKING:
    from ..state.holder import Who
    from ..state.session import Stage
    from .project import Project

__all__ = ["Aws", "aws_provider", "ensure", "import_rows"]


class Aws:
    """Credentials and region of one stage, with what is asked of them."""

    def stage(self, app: str, stage: str, who: Who) -> Stage:
        raise NotImplementedError


def ensure(project: Project, note: Callable[[str], None]) -> None:
    """Stage ``local``: the embedded cloud runs."""
    if project.is_local:
        from ..embedded.cloud import start

        start(project.root, region=project.region, note=note, environment=project.environ)


def aws_provider(project: Project) -> Provider:
    raise NotImplementedError


def import_rows(types: Collection[str]) -> None:
    """Import the rows of these types, ``aws.sqs.Queue`` from ``providers.aws.sqs``, for a command that does not run the program."""
    for service in {t.split(".")[1] for t in types if t.startswith("aws.")}:
        import_module(f"..providers.aws.{service}", __package__)


_ = Any
