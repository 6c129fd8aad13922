"""Folders that belong to sites of the program: bundles of Python functions and containers leave them out, so that a
change of a page is no change of a function, and so does a site at the top of the repository that has them."""
from __future__ import annotations

from dataclasses import field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ..core.graph import Graph, Scope
from ..core.model import URN
from ..records import dataclass

if TYPE_CHECKING:
    from ..build.project_files import ProjectFiles
    from ..build.source import Source
    from ..clouds.local.site import Site

__all__ = ["given_to", "keep_apart", "noted", "noted_site"]


@dataclass
class _Apart:
    """``codes`` are the builds of functions that were declared so far, by their URN; ``sites`` the folders of sites."""

    folders: set[str] = field(default_factory=set)
    codes: dict[URN, tuple[Source, ProjectFiles]] = field(default_factory=dict)
    sites: dict[URN, str] = field(default_factory=dict)


def keep_apart(graph: Graph, *folders: str) -> None:
    """Leave these folders, relative to the project's, out of bundles, wherever in the program functions are."""
    _of(graph).folders |= {p for f in folders if (p := PurePosixPath(f).as_posix()) != "."}


def noted(graph: Graph, urn: URN, source: Source, files: ProjectFiles) -> None:
    """Have a build leave out what sites have."""
    if source.is_python and not source.bundle:
        _of(graph).codes[urn] = source, files


def noted_site(graph: Graph, built: Site, folder: str) -> None:
    """Have the build of a site leave out the folders of others that are in its own."""
    _of(graph).sites[built.__sst__.urn] = folder


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
    for at, folder in apart.sites.items():
        if inner := sorted(p for p in apart.folders if p != folder and PurePosixPath(p).is_relative_to(folder)):
            _without(graph, at, folder, [PurePosixPath(p).relative_to(folder).as_posix() for p in inner])
    if not apart.codes:
        return
    from ..build.artefact import fingerprint

    for urn, (source, files) in apart.codes.items() if apart.folders else ():
        goal, without = graph.goals[urn], replace(source, apart=tuple(sorted(apart.folders)))
        found = fingerprint(without, files=files)
        if found != goal.inputs["fingerprint"]:
            graph.goals[urn] = replace(goal, inputs={**goal.inputs, "source": given_to(without), "fingerprint": found})


def _without(graph: Graph, urn: URN, folder: str, inner: list[str]) -> None:
    from ..clouds.local.folders import inside
    from ..clouds.local.site import site_fingerprint

    source = site_fingerprint(inside(Path(graph.root), folder), inner)
    graph.goals[urn] = replace(goal := graph.goals[urn], inputs={**goal.inputs, "apart": inner, "source": source})
