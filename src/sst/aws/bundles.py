"""Bundles of the project's own code."""
from __future__ import annotations

from ..build.artefact import fingerprint, warnings
from ..build.project_files import ProjectFiles
from ..build.source import Source
from ..clouds.local.build import Build
from ..core.graph import Graph
from .apart import given_to, noted

__all__ = ["declare_build"]


def declare_build(graph: Graph, name: str, source: Source) -> Build:
    """The bundle of some code, and what a plan says that it leaves out."""
    files = ProjectFiles.of(graph)
    told: dict[str, None] = graph.context.once("warnings", dict)
    told |= dict.fromkeys(warnings(source, files))
    built = Build(name, source=given_to(source), fingerprint=fingerprint(source, files=files))
    noted(graph, built.__sst__.urn, source, files)
    return built
