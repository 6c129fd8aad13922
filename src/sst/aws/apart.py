"""Folders that belong to sites of the program: bundles of Python functions and containers leave them out, so that a
change of a page is no change of a function."""
from __future__ import annotations

from dataclasses import field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ..core.graph import Graph, Scope
from ..core.model import URN
from ..records import dataclass

if TYPE_CHECKING:
    from ..build.project_files import ProjectFiles
    from ..build.source import Source

__all__ = ["given_to", "keep_apart", "noted"]


@dataclass
class _Apart:
    """``codes`` are the builds of functions that were declared so far, by their URN."""

    folders: set[str] = field(default_factory=set)
    codes: dict[URN, tuple[Source, ProjectFiles]] = field(default_factory=dict)


def keep_apart(graph: Graph, *folders: str) -> None:
    """Leave these folders, relative to the project's, out of bundles, wherever in the program functions are."""
    _of(graph).folders |= {p for f in folders if (p := PurePosixPath(f).as_posix()) != "."}


def noted(graph: Graph, urn: URN, source: Source, files: ProjectFiles) -> None:
    """Have a build leave out what sites have."""
    if source.is_python and not source.bundle:
        _of(graph).codes[urn] = source, files


def given_to(source: Source) -> dict[str, object]:
    """A source as its build gets it."""
    return {k: v for k, v in source.to_dict().items() if k != "root"}


def _of(graph: Graph) -> _Apart:
    def first() -> _Apart:
        made = _Apart()
        graph.at_end(lambda: _left_out(graph, made), Scope())
        return made

    return graph.context.once(_Apart, first)


def _left_out(graph: Graph, apart: _Apart) -> None:
    if not apart.codes:
        return
    from ..build.artefact import fingerprint

    for urn, (source, files) in apart.codes.items() if apart.folders else ():
        goal, without = graph.goals[urn], replace(source, apart=tuple(sorted(apart.folders)))
        found = fingerprint(without, files=files)
        if found != goal.inputs["fingerprint"]:
            graph.goals[urn] = replace(goal, inputs={**goal.inputs, "source": given_to(without), "fingerprint": found})
