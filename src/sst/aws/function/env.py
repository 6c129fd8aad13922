"""A function's environment: its own variables and its links (``SST_RESOURCE_*``, or encrypted in ``resource.enc``)."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.graph import Graph
from ...core.link import Link
from ...core.link_env import fits_environment, link_env, resource_file
from ...core.output import Input, Output, combine, gather

__all__ = ["Environment", "make_environment", "stream_environment"]


@dataclass(frozen=True)
class Environment:
    """What a function finds: plain variables, secret ones, and files that are added to its code."""

    plain: dict[str, Input[str]]
    secret: Output[dict[str, str]] | None
    files: Output[dict[str, str]] | None


def make_environment(graph: Graph, urn: str, links: Sequence[Link], own: Mapping[str, Input[str]]) -> Environment:
    """Split into what may be shown and what is secret. Links go into variables if they are small and hold no secret."""
    variables: dict[str, Input[str]] = {**{k: v for link in links for k, v in link.environment.items()}, **own}
    hidden = {k: v for k, v in variables.items() if gather([v])[1]}
    shown = {k: v for k, v in variables.items() if k not in hidden}
    shown["SST_RESOURCE_App"] = link_env({"App": {"name": graph.app, "stage": graph.stage}})["SST_RESOURCE_App"]
    properties = {link.name: {**link.properties, "type": link.type} for link in links}
    if fits_environment(properties):
        for name, values in properties.items():
            shown[f"SST_RESOURCE_{name}"] = _variable(name, values)
        return Environment(shown, _joined(hidden), None)
    sealed = combine(**properties).as_secret().apply(lambda values: _seal(graph, urn, values))
    shown["SST_KEY_FILE"] = "resource.enc"
    hidden["SST_KEY"] = sealed.apply(lambda s: s["key"])
    return Environment(shown, _joined(hidden), sealed.apply(lambda s: {"resource.enc": s["file"]}))


def stream_environment(runtime: str) -> dict[str, Input[str]]:
    """What lets a function send its response in parts. Lambda's Python runtime can't: our client takes its place."""
    if not runtime.startswith("python"):
        return {}
    return {"SST_STREAMING": "1", "AWS_LAMBDA_EXEC_WRAPPER": "/var/task/sst/runtime/stream.sh"}


def _variable(name: str, values: Mapping[str, Input[Any]]) -> Output[str]:
    return combine(**values).apply(lambda known: link_env({name: known})[f"SST_RESOURCE_{name}"])


def _joined(hidden: Mapping[str, Input[str]]) -> Output[dict[str, str]] | None:
    return combine(**hidden).as_secret() if hidden else None


def _seal(graph: Graph, urn: str, values: Mapping[str, Any]) -> dict[str, str]:
    key, file = resource_file(values, graph.settings["stage_key"], urn, graph.settings["encrypt"])
    return {"key": key, "file": file}
